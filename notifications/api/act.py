"""Take back, ask why, send again."""

from typing import Any
from uuid import UUID

from django.http import Http404
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from delivery.lifecycle import Reason, State
from delivery.replay import Replayed
from notifications import reading, replaying
from notifications.api.audiences import AudienceSerializer, CancelledSerializer
from notifications.api.shapes import (
    CancelBody,
    NotificationSerializer,
    ReplayBody,
    ReplayedSerializer,
)
from notifications.audiences import showing
from notifications.explain import explain
from notifications.intake import cancel, withdraw
from notifications.intake.request import SendSerializer, read_send
from notifications.reasons import REASONS
from notifications.replaying import Filter
from notifications.services.authentication import caller_of
from notifysite.plumbing.faults import checked
from notifysite.plumbing.problems import Problem

SHOWN = 1000


class CancelOne(APIView):
    """Take one notification back."""

    required_scopes = "notifications:send"

    @extend_schema(
        operation_id="notifications_cancel",
        request=None,
        responses=NotificationSerializer,
        summary="Cancel a notification",
    )
    def post(self, request: Request, id: UUID) -> Response:
        """Withdraw what has not left; 409 when nothing is left to withdraw. Repeating is safe."""
        done = cancel.cancel([id], caller=caller_of(request))
        if done.late:
            raise Problem.of("not_cancellable")
        if not done.taken:
            raise Http404
        found = reading.one(id, service_id=caller_of(request).service_id)
        return Response(NotificationSerializer(found).data)


class CancelByKey(APIView):
    """Take back all that was sent under a key of the caller's own."""

    required_scopes = "notifications:send"

    @extend_schema(
        operation_id="notifications_cancel_by_key",
        request=CancelBody,
        responses=CancelledSerializer,
        summary="Cancel by cancellation key",
    )
    def post(self, request: Request) -> Response:
        """Withdraw what has not left, audiences too; 409 when nothing can be taken back, or when
        users are named while an audience is still being made. Repeating is safe."""
        said = checked(CancelBody(data=request.data))
        caller = caller_of(request)
        found, done, audiences = withdraw.cancel_by_key(
            said["cancellation_key"], caller=caller, users=said.get("user_ids")
        )
        if not done.taken and not audiences:
            raise Problem.of("not_cancellable")
        shown = reading.several(found[:SHOWN], service_id=caller.service_id)
        stopped = showing.several(audiences, service_id=caller.service_id)
        return Response(
            {
                "cancelled": len(done.taken),
                "not_cancellable": len(done.late),
                "results": NotificationSerializer(shown, many=True).data,
                "audiences": AudienceSerializer(stopped, many=True).data,
            }
        )


class Explain(APIView):
    """What would become of a send, and why."""

    required_scopes = "notifications:send"

    @extend_schema(
        operation_id="explain",
        request=SendSerializer,
        responses=OpenApiTypes.OBJECT,
        summary="Explain a send without sending",
    )
    def post(self, request: Request) -> Response:
        """Ask the very decision of the live path; nothing is sent, written or reserved."""
        return Response(explain(read_send(request.data), caller=caller_of(request)))


class ReplayOne(APIView):
    """Send one dead letter again."""

    required_scopes = "deliveries:replay"

    @extend_schema(
        operation_id="deliveries_replay_one",
        request=None,
        responses={202: ReplayedSerializer},
        summary="Replay a delivery",
    )
    def post(self, request: Request, id: UUID) -> Response:
        """Queue a dead or uncertain delivery again; asking twice sends once."""
        done = replaying.one(id, caller=caller_of(request))
        if done is None:
            raise Http404
        if done.refused:
            raise Problem.of("not_replayable", _why_not(done.refused[id]))
        return _replayed(done, more=False)


class ReplayMany(APIView):
    """Send dead letters again, by filter."""

    required_scopes = "deliveries:replay"

    @extend_schema(
        operation_id="deliveries_replay",
        request=ReplayBody,
        responses={202: ReplayedSerializer},
        summary="Replay deliveries by filter",
    )
    def post(self, request: Request) -> Response:
        """Queue matching dead letters again, 10,000 a call, REPLAY_PER_SECOND of them falling due
        each second; refused ones are counted by reason."""
        said = checked(ReplayBody(data=request.data))["filter"]
        done, more = replaying.many(_filter(said), caller=caller_of(request))
        return _replayed(done, more=more)


def _filter(said: dict[str, Any]) -> Filter:
    words = said.pop("status", ["dead"])
    reason = said.pop("reason", None)
    return Filter(
        states=[State[word.upper()] for word in words],
        reason=Reason[reason.upper()] if reason else None,
        **said,
    )


def _why_not(reason: Reason | None) -> str:
    return f"Refused, because {REASONS[reason]}." if reason else ""


def _replayed(done: Replayed, *, more: bool) -> Response:
    body = {**replaying.counts(done), "more": more, "last_due_at": done.last_due_at}
    return Response(ReplayedSerializer(body).data, status=status.HTTP_202_ACCEPTED)
