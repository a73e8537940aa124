"""POST notifications/bulk: a thin door over intake."""

from typing import Any

from django.db import transaction
from django.http import HttpResponseBase
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from notifications.api.send import (
    IDEMPOTENCY,
    AcceptedAudienceSerializer,
    AcceptedNotificationSerializer,
    members,
)
from notifications.intake.bulk import ENDPOINT, Outcome, accept_all, read_bulk
from notifications.intake.request import SendSerializer
from notifications.services import idempotency
from notifications.services.authentication import Caller, caller_of
from notifications.services.idempotency import Use
from notifysite.plumbing.compactjson import compact
from notifysite.plumbing.problems import Problem
from notifysite.plumbing.written import written


class BulkSendItemSerializer(SendSerializer):
    """A send, with its Idempotency-Key beside it."""

    idempotency_key = serializers.CharField(
        max_length=idempotency.LONGEST,
        required=False,
        help_text="As the header of a single send: the same key and request are taken once.",
    )


class BulkSendSerializer(serializers.Serializer[Any]):
    """Many different requests."""

    notifications = BulkSendItemSerializer(many=True)


class BulkSendResultSerializer(serializers.Serializer[Any]):
    """What became of one request of the call."""

    status = serializers.ChoiceField(["accepted", "duplicate", "error"])
    request_id = serializers.UUIDField(required=False)
    notifications = AcceptedNotificationSerializer(many=True, required=False)
    audience = AcceptedAudienceSerializer(required=False)
    url = serializers.CharField(required=False)
    error = serializers.DictField(
        required=False, help_text="A problem; its pointers begin at the request."
    )


class BulkSendAnswerSerializer(serializers.Serializer[Any]):
    """A result for each request, in their order."""

    results = BulkSendResultSerializer(many=True)


class BulkView(APIView):
    """Send up to 1,000 different requests; one that is wrong never sinks the rest."""

    required_scopes = {"POST": "notifications:send"}

    @extend_schema(
        request=BulkSendSerializer,
        responses={202: BulkSendAnswerSerializer},
        parameters=[IDEMPOTENCY],
        summary="Send many different notifications",
    )
    def post(self, request: Request) -> HttpResponseBase:
        """Accept what can be accepted; 202 once it is committed, a result for each in order."""
        caller, body = caller_of(request), request.data
        header = request.META.get("HTTP_IDEMPOTENCY_KEY")
        if header is None:
            return written(request, _accept(body, caller), status=status.HTTP_202_ACCEPTED)
        use = Use.of(caller, f"{ENDPOINT}:call", header, body)
        with transaction.atomic():
            before = idempotency.take(use, status=status.HTTP_202_ACCEPTED, answer={})
            if before is None:
                idempotency.keep(use, said := _accept(body, caller))
                return written(request, said, status=status.HTTP_202_ACCEPTED)
        headers = {"Idempotency-Replayed": "true"}
        return Response(before, status=status.HTTP_202_ACCEPTED, headers=headers)


def _accept(body: Any, caller: Caller) -> str:
    outcomes = accept_all(read_bulk(body, caller), caller=caller)
    results = ",".join([_result(outcome) for outcome in outcomes])
    return f'{{"results":[{results}]}}'


def _result(outcome: Outcome) -> str:
    if isinstance(outcome, Problem):
        return f'{{"status":"error","error":{compact(outcome.document())}}}'
    status = "duplicate" if outcome.replayed else "accepted"
    return f'{{"status":"{status}",{members(outcome)}}}'
