"""POST notifications, and the calls that take one back. Thin doors over intake."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.http import HttpResponseBase
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.views import APIView

from notifications.audiences import showing
from notifications.intake.accept import Taken, accept
from notifications.intake.audiences import AcceptedAudience
from notifications.intake.request import SendSerializer, read_send
from notifications.services.authentication import caller_of
from notifications.services.idempotency import Use
from notifications.words import AudienceKind
from notifysite.plumbing.compactjson import compact, quoted
from notifysite.plumbing.faults import Fault
from notifysite.plumbing.problems import Problem
from notifysite.plumbing.written import written

ENDPOINT = "notifications"
KINDS = [kind.name.lower() for kind in AudienceKind]

IDEMPOTENCY = OpenApiParameter(
    "Idempotency-Key",
    OpenApiTypes.STR,
    OpenApiParameter.HEADER,
    description="1 to 255 printable characters. The same key and body give the first answer again.",
)


class AcceptedNotificationSerializer(serializers.Serializer[Any]):
    """One notification, and where to ask for it."""

    id = serializers.UUIDField()
    user_id = serializers.CharField()
    url = serializers.CharField()


class AcceptedAudienceSerializer(serializers.Serializer[Any]):
    """Whom a send to many is for; their notifications are made later."""

    kind = serializers.ChoiceField(KINDS)
    topic = serializers.CharField(required=False, help_text="The topic's key.")
    estimated = serializers.IntegerField()
    status = serializers.ChoiceField(["accepted"])


class AcceptedSerializer(serializers.Serializer[Any]):
    """What a send made: notifications; or, of a topic or a list above 1,000, an audience, and where
    to ask for it."""

    request_id = serializers.UUIDField()
    notifications = AcceptedNotificationSerializer(many=True, required=False)
    audience = AcceptedAudienceSerializer(required=False)
    url = serializers.CharField(required=False)


class NotificationsView(APIView):
    """Send: say one thing to one person, to a list, all or nothing, or to a topic."""

    required_scopes = {"POST": "notifications:send", "GET": "notifications:read"}

    @extend_schema(
        request=SendSerializer,
        responses={202: AcceptedSerializer},
        parameters=[IDEMPOTENCY],
        summary="Send a notification",
    )
    def post(self, request: Request) -> HttpResponseBase:
        """Accept a send; 202 once it is committed."""
        return _accept(request, request.data)


class SendView(APIView):
    """The same, for callers that name the person `userId` or `user_id` in place of `to`."""

    required_scopes = {"POST": "notifications:send"}

    @extend_schema(
        request=SendSerializer,
        responses={202: AcceptedSerializer},
        parameters=[IDEMPOTENCY],
        summary="Send a notification (userId in place of to)",
    )
    def post(self, request: Request) -> HttpResponseBase:
        """Accept a send; 202 once it is committed."""
        return _accept(request, _with_to(request.data))


def _with_to(body: Any) -> Any:
    """`userId` and `user_id` stand for `to`; more than one of the three is a contradiction."""
    if not isinstance(body, Mapping):
        return body
    said = [name for name in ("to", "userId", "user_id") if name in body]
    if len(said) > 1:
        faults = [Fault(f"/{name}", "conflict", "Name the recipient once.") for name in said]
        raise Problem.of("validation_failed", faults=faults)
    return {"to" if name in said else name: value for name, value in body.items()}


def _accept(request: Request, body: Any) -> HttpResponseBase:
    header = request.META.get("HTTP_IDEMPOTENCY_KEY")
    use = None if header is None else Use.of(caller_of(request), ENDPOINT, header, body)
    accepted = accept(read_send(body), caller=caller_of(request), use=use)
    headers = {"Idempotency-Replayed": "true"} if accepted.replayed else None
    text = f"{{{members(accepted)}}}"
    return written(request, text, status=status.HTTP_202_ACCEPTED, headers=headers)


def members(accepted: Taken) -> str:
    """What is said of an accepted request, in JSON without the braces: the same words each time."""
    if isinstance(accepted, AcceptedAudience):
        return compact(_audience(accepted))[1:-1]
    made = ",".join([_notification(id_, user_id) for id_, user_id in accepted.notifications])
    return f'"request_id":"{accepted.request_id}","notifications":[{made}]'


def _notification(id_: UUID, user_id: str) -> str:
    text = str(id_)
    return f'{{"id":"{text}","user_id":{quoted(user_id)},"url":"/api/v1/notifications/{text}"}}'


def _audience(accepted: AcceptedAudience) -> dict[str, Any]:
    topic = {} if accepted.topic is None else {"topic": accepted.topic}
    return {
        "request_id": str(accepted.request_id),
        "audience": {
            "kind": accepted.kind.name.lower(),
            **topic,
            "estimated": accepted.estimated,
            "status": "accepted",
        },
        "url": showing.url(accepted.request_id),
    }
