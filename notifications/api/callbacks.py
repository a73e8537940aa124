"""Where a service is told what became of its deliveries."""

from functools import partial
from typing import Any

from django.db import transaction
from django.http import Http404
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from notifications import nudges
from notifications.callbacks import endpoints
from notifications.callbacks.endpoints import EVENTS, Issued
from notifications.models import CallbackEndpoint
from notifications.services.authentication import caller_of
from notifications.words import CallbackEvent, Disabled, Lane, Mode
from notifysite.plumbing import paging
from notifysite.plumbing.faults import StrictSerializerMixin, checked
from notifysite.plumbing.http import UnsafeURL
from notifysite.plumbing.paging import PageQuery, PageSerializer

DISABLED = [reason.name.lower() for reason in Disabled]


class CallbackSerializer(serializers.Serializer[Any]):
    """A callback endpoint. One made with a test key is told of what test keys send."""

    id = serializers.CharField()
    url = serializers.CharField()
    description = serializers.CharField()
    events = serializers.ListField(child=serializers.ChoiceField(list(EVENTS)))
    mode = serializers.ChoiceField(["live", "test"])
    enabled = serializers.BooleanField()
    disabled_reason = serializers.ChoiceField(DISABLED, allow_null=True)
    disabled_at = serializers.DateTimeField(allow_null=True)
    failing_since = serializers.DateTimeField(allow_null=True)
    old_secret_until = serializers.DateTimeField(allow_null=True)
    created_at = serializers.DateTimeField()


class IssuedCallbackSerializer(CallbackSerializer):
    """The same with its secret, which is shown this once."""

    secret = serializers.CharField()


class CallbackPageSerializer(PageSerializer):
    """A page of callback endpoints, newest first."""

    results = CallbackSerializer(many=True)


class PingSerializer(serializers.Serializer[Any]):
    """A ping that is under way: its `webhook-id`."""

    delivery_id = serializers.UUIDField()


class CallbackChange(StrictSerializerMixin, serializers.Serializer[Any]):
    """What of a callback endpoint is to be another."""

    url = serializers.CharField(max_length=2000, required=False)
    events = serializers.ListField(
        child=serializers.ChoiceField(list(EVENTS)), allow_empty=False, required=False
    )
    description = serializers.CharField(max_length=200, required=False, allow_blank=True)
    enabled = serializers.BooleanField(required=False)

    def validate_url(self, url: str) -> str:
        """One that may be posted to."""
        try:
            endpoints.check_url(url)
        except UnsafeURL as error:
            raise serializers.ValidationError(error.reason, "unsafe_url") from None
        return url

    def validate_events(self, keys: list[str]) -> list[CallbackEvent]:
        """As they are kept."""
        return [EVENTS[key] for key in keys]


class CallbackBody(CallbackChange):
    """A callback endpoint to be."""

    url = serializers.CharField(max_length=2000)
    events = serializers.ListField(child=serializers.ChoiceField(list(EVENTS)), allow_empty=False)
    enabled = None  # type: ignore[assignment]  # it is, once it is made


class CallbackList(APIView):
    """The callback endpoints of the calling service."""

    required_scopes = {"GET": "callbacks:read", "POST": "callbacks:write"}

    @extend_schema(
        operation_id="callbacks_list",
        parameters=[PageQuery],
        responses=CallbackPageSerializer,
        summary="List callback endpoints",
    )
    def get(self, request: Request) -> Response:
        """List the service's callback endpoints, newest first."""
        cursor, size = paging.asked(request)
        page, more = paging.turn(_mine(request), by="-id", cursor=cursor, size=size)
        return paging.answer(request, [_shown(row) for row in page], more=more, cursor=cursor)

    @extend_schema(
        operation_id="callbacks_create",
        request=CallbackBody,
        responses={201: IssuedCallbackSerializer},
        summary="Make a callback endpoint",
    )
    def post(self, request: Request) -> Response:
        """Be told at this URL of these events, from a second later on. The secret is shown this
        once."""
        said = checked(CallbackBody(data=request.data))
        caller = caller_of(request)
        issued = endpoints.create(
            caller.service_id, test=_is_test(request), actor=caller.actor, **said
        )
        return _issued(issued, status=status.HTTP_201_CREATED)


class CallbackDetail(APIView):
    """One callback endpoint."""

    required_scopes = {
        "GET": "callbacks:read",
        "PATCH": "callbacks:write",
        "DELETE": "callbacks:write",
    }

    @extend_schema(
        operation_id="callbacks_get",
        responses=CallbackSerializer,
        summary="Look at a callback endpoint",
    )
    def get(self, request: Request, id: str) -> Response:
        """Say how it is: since when it has failed, and why it is disabled."""
        return Response(_shown(_find(request, id)))

    @extend_schema(
        operation_id="callbacks_change",
        request=CallbackChange,
        responses=CallbackSerializer,
        summary="Change a callback endpoint",
    )
    def patch(self, request: Request, id: str) -> Response:
        """Change its URL, events or description, or enable it again; what it missed while it was
        disabled can be replayed."""
        endpoint = _find(request, id)
        said = checked(CallbackChange(data=request.data))
        endpoints.change(endpoint, said, actor=caller_of(request).actor)
        return Response(_shown(endpoint))

    @extend_schema(
        operation_id="callbacks_delete",
        responses={204: None},
        summary="Delete a callback endpoint",
    )
    def delete(self, request: Request, id: str) -> Response:
        """Be told nothing there any more."""
        endpoints.delete(_find(request, id), actor=caller_of(request).actor)
        return Response(status=status.HTTP_204_NO_CONTENT)


class CallbackRotate(APIView):
    """A new secret."""

    required_scopes = "callbacks:write"

    @extend_schema(
        operation_id="callbacks_rotate",
        request=None,
        responses=IssuedCallbackSerializer,
        summary="Make a new secret",
    )
    def post(self, request: Request, id: str) -> Response:
        """Sign with a new secret, shown this once; for 24 hours the old one signs, too."""
        return _issued(endpoints.rotate(_find(request, id), actor=caller_of(request).actor))


class CallbackTest(APIView):
    """A try."""

    required_scopes = "callbacks:write"

    @extend_schema(
        operation_id="callbacks_test",
        request=None,
        responses={202: PingSerializer},
        summary="Send a ping",
    )
    def post(self, request: Request, id: str) -> Response:
        """Post a `ping`, though it be disabled: signed, and tried again as any other event."""
        delivery = endpoints.ping(_find(request, id), actor=caller_of(request).actor)
        transaction.on_commit(partial(nudges.nudge, Lane.DEFAULT), robust=True)
        return Response({"delivery_id": delivery}, status=status.HTTP_202_ACCEPTED)


def _is_test(request: Request) -> bool:
    return caller_of(request).mode == Mode.TEST


def _mine(request: Request) -> Any:
    return endpoints.of(caller_of(request).service_id, test=_is_test(request))


def _find(request: Request, id: str) -> CallbackEndpoint:
    # An id is opaque to callers, so what is none is simply not there.
    known = id.isascii() and id.isdecimal() and len(id) < 19
    found: CallbackEndpoint | None = _mine(request).filter(pk=id).first() if known else None
    if found is None:
        raise Http404
    return found


def _issued(issued: Issued, *, status: int = status.HTTP_200_OK) -> Response:
    body = {**_shown(issued.endpoint), "secret": issued.secret}
    return Response(body, status=status, headers={"Cache-Control": "no-store"})


def _shown(row: CallbackEndpoint) -> dict[str, Any]:
    reason = row.disabled_reason
    return {
        "id": str(row.pk),
        "url": row.url,
        "description": row.description,
        "events": [CallbackEvent(event).key for event in row.events],
        "mode": "test" if row.test else "live",
        "enabled": row.enabled,
        "disabled_reason": Disabled(reason).name.lower() if reason else None,
        "disabled_at": row.disabled_at,
        "failing_since": row.failing_since,
        "old_secret_until": row.old_secret_until,
        "created_at": row.created_at,
    }
