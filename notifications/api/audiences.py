"""How far a send to many has come, and taking it back."""

from typing import Any
from uuid import UUID

from django.http import Http404
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from notifications.api.send import KINDS
from notifications.api.shapes import NotificationSerializer
from notifications.audiences import showing
from notifications.intake import withdraw
from notifications.replaying import seen_by
from notifications.services.authentication import caller_of
from notifications.words import AudienceStatus
from notifysite.plumbing.problems import Problem

STATUSES = [status.name.lower() for status in AudienceStatus]


class AudienceSerializer(serializers.Serializer[Any]):
    """One accepted request for many people; `notifications` is how many were made so far."""

    request_id = serializers.UUIDField()
    kind = serializers.ChoiceField(KINDS)
    topic = serializers.CharField(allow_null=True)
    type = serializers.CharField()
    status = serializers.ChoiceField(STATUSES)
    estimated = serializers.IntegerField()
    notifications = serializers.IntegerField()
    created_at = serializers.DateTimeField()
    send_at = serializers.DateTimeField(allow_null=True)
    done_at = serializers.DateTimeField(allow_null=True)
    url = serializers.CharField()


class CancelledSerializer(serializers.Serializer[Any]):
    """How many notifications are cancelled, how many it was too late for, and the first 1,000 of
    both; and the audiences that are cancelled, whose notifications follow and are not counted."""

    cancelled = serializers.IntegerField()
    not_cancellable = serializers.IntegerField()
    results = NotificationSerializer(many=True)
    audiences = AudienceSerializer(many=True)


class AudienceDetail(APIView):
    """One audience."""

    required_scopes = "notifications:read"

    @extend_schema(
        operation_id="audiences_read", responses=AudienceSerializer, summary="Read an audience"
    )
    def get(self, request: Request, request_id: UUID) -> Response:
        """Read whom a send to many is for, and how many notifications were made of it so far."""
        found = showing.one(request_id, service_id=seen_by(caller_of(request)))
        if found is None:
            raise Http404
        return Response(AudienceSerializer(found).data)


class AudienceCancel(APIView):
    """Take an audience back."""

    required_scopes = "notifications:send"

    @extend_schema(
        operation_id="audiences_cancel",
        request=None,
        responses=AudienceSerializer,
        summary="Cancel an audience",
    )
    def post(self, request: Request, request_id: UUID) -> Response:
        """Make no more notifications, and withdraw what has not left; 409 when nothing is left to
        withdraw. Repeating is safe."""
        done = withdraw.cancel_audience(request_id, caller=caller_of(request))
        if done is None:
            raise Http404
        if not done:
            raise Problem.of("not_cancellable")
        found = showing.one(request_id, service_id=caller_of(request).service_id)
        return Response(AudienceSerializer(found).data)
