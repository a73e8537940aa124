"""What operators look at: providers, routes, and addresses that must not be used."""

from typing import Any

from django.conf import settings
from django.http import Http404
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from delivery import channels, routing, suppression
from delivery.models import Suppression
from delivery.models.suppression import SuppressionReason
from notifications.api import paging
from notifications.api.paging import Cursor
from notifications.api.shapes import PageQuery, PageSerializer, checked
from notifications.intake.request import ChannelField
from notifications.services.authentication import caller_of
from notifications.words import Mode
from notifysite.plumbing.faults import Fault, StrictSerializerMixin
from notifysite.plumbing.problems import Problem
from preferences import addresses

REASONS = [reason.name.lower() for reason in SuppressionReason]


class ProviderSerializer(serializers.Serializer[Any]):
    """A configured provider; its credentials are never shown."""

    alias = serializers.CharField()
    backend = serializers.CharField()
    channels = serializers.ListField(child=serializers.CharField())


class ProviderPageSerializer(PageSerializer):
    """All providers."""

    results = ProviderSerializer(many=True)


class ProviderList(APIView):
    """The providers of this installation."""

    required_scopes = "ops:read"

    @extend_schema(
        operation_id="providers_list", responses=ProviderPageSerializer, summary="List providers"
    )
    def get(self, request: Request) -> Response:
        """List configured providers."""
        rows = [
            {
                "alias": alias,
                "backend": entry["BACKEND"],
                "channels": list(entry.get("CHANNELS", ())),
            }
            for alias, entry in settings.DELIVERY_PROVIDERS.items()
        ]
        return Response({"results": rows, "next": None, "previous": None})


class RouteSerializer(serializers.Serializer[Any]):
    """The providers a channel is sent by, best first."""

    channel = serializers.CharField()
    providers = serializers.ListField(child=serializers.CharField())


class RoutePageSerializer(PageSerializer):
    """The routes of all channels."""

    results = RouteSerializer(many=True)


class RouteList(APIView):
    """Which providers carry which channel."""

    required_scopes = "ops:read"

    @extend_schema(operation_id="routes_list", responses=RoutePageSerializer, summary="List routes")
    def get(self, request: Request) -> Response:
        """List the routes that hold now, from the admin or else from the settings."""
        rows = [
            {
                "channel": spec.key,
                "providers": list(routing.aliases(spec.number, mode=Mode.LIVE)),
            }
            for spec in channels.every()
        ]
        return Response({"results": rows, "next": None, "previous": None})


class SuppressionSerializer(serializers.Serializer[Any]):
    """An address that is not used. The address itself is not kept, only a keyed hash."""

    id = serializers.IntegerField()
    channel = serializers.CharField()
    reason = serializers.ChoiceField(REASONS)
    source = serializers.CharField()  # type: ignore[assignment]  # a field, not the argument
    note = serializers.CharField()
    created_at = serializers.DateTimeField()
    expires_at = serializers.DateTimeField(allow_null=True)


class SuppressionPageSerializer(PageSerializer):
    """A page of suppressions, newest first."""

    results = SuppressionSerializer(many=True)


class SuppressionQuery(PageQuery):
    """Which suppressions."""

    channel = ChannelField(required=False)
    reason = serializers.ChoiceField(REASONS, required=False)


class SuppressionBody(StrictSerializerMixin, serializers.Serializer[Any]):
    """An address not to be used on a channel."""

    channel = serializers.ChoiceField(["email", "sms", "webhook"])
    address = serializers.CharField(max_length=4000)
    note = serializers.CharField(max_length=400, required=False, allow_blank=True, default="")


class LiftQuery(StrictSerializerMixin, serializers.Serializer[Any]):
    """Why an address may be used again; it stays in the audit trail."""

    note = serializers.CharField(max_length=400)


class SuppressionList(APIView):
    """The addresses that must not be used."""

    required_scopes = {"GET": "ops:read", "POST": "ops:write"}

    @extend_schema(
        operation_id="suppressions_list",
        parameters=[SuppressionQuery],
        responses=SuppressionPageSerializer,
        summary="List suppressions",
    )
    def get(self, request: Request) -> Response:
        """List suppressions, newest first."""
        query = checked(SuppressionQuery(data=request.query_params.dict()))
        size, text = query.pop("limit"), query.pop("cursor", None)
        cursor = None if text is None else Cursor.read(text)
        if "reason" in query:
            query["reason"] = SuppressionReason[query["reason"].upper()]
        found = Suppression.objects.filter(**query)
        page, more = paging.turn(found, by="-id", cursor=cursor, size=size)
        return paging.answer(request, [_shown(row) for row in page], more=more, cursor=cursor)

    @extend_schema(
        operation_id="suppressions_create",
        request=SuppressionBody,
        responses={201: SuppressionSerializer},
        summary="Suppress an address",
    )
    def post(self, request: Request) -> Response:
        """Never use this address again; one that is suppressed already stays as it is."""
        said = checked(SuppressionBody(data=request.data))
        spec = channels.by_key(said["channel"])
        row = suppression.suppress(
            spec.number, _hash(spec, said["address"]), actor=_actor(request), note=said["note"]
        )
        return Response(_shown(row), status=status.HTTP_201_CREATED)


class SuppressionDetail(APIView):
    """One suppression."""

    required_scopes = {"DELETE": "ops:write"}

    @extend_schema(
        operation_id="suppressions_lift",
        parameters=[LiftQuery],
        responses={204: None},
        summary="Lift a suppression",
    )
    def delete(self, request: Request, id: int) -> Response:
        """Let the address be used again, with a note that says why."""
        said = checked(LiftQuery(data=request.query_params.dict()))
        if not suppression.lift(id, actor=_actor(request), note=said["note"]):
            raise Http404
        return Response(status=status.HTTP_204_NO_CONTENT)


def _hash(spec: channels.ChannelSpec, address: str) -> bytes:
    try:
        return addresses.normalise(spec, address, field="address").hash
    except addresses.AddressInvalid as error:
        fault = Fault(f"/{error.field}", error.code, error.detail)
        raise Problem.of("validation_failed", faults=[fault]) from error


def _actor(request: Request) -> str:
    return caller_of(request).actor


def _shown(row: Suppression) -> dict[str, Any]:
    return {
        "id": row.pk,
        "channel": channels.by_number(row.channel).key,
        "reason": SuppressionReason(row.reason).name.lower(),
        "source": row.source,
        "note": row.note,
        "created_at": row.created_at,
        "expires_at": row.expires_at,
    }
