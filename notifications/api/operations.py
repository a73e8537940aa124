"""Addresses that must not be used."""

from typing import Any

from django.http import Http404
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from delivery import channels, suppression
from delivery.models import Suppression
from delivery.models.suppression import SuppressionReason
from notifications.intake.request import ChannelField
from notifications.services.authentication import caller_of
from notifysite.plumbing import paging
from notifysite.plumbing.faults import Fault, StrictSerializerMixin, checked
from notifysite.plumbing.paging import Cursor, PageQuery, PageSerializer
from notifysite.plumbing.problems import Problem
from preferences import addresses

REASONS = [reason.name.lower() for reason in SuppressionReason]


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
