"""Addresses that must not be used."""

from datetime import datetime
from typing import Any

from django.http import Http404
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from delivery import channels, suppression
from delivery.models import Suppression
from delivery.models.suppression import SETTABLE, SuppressionReason
from delivery.suppression import Unwanted
from notifications.intake.request import ChannelField
from notifications.services.authentication import operator_of
from notifysite.plumbing import paging
from notifysite.plumbing.faults import Fault, StrictSerializerMixin, checked
from notifysite.plumbing.paging import Cursor, PageQuery, PageSerializer
from notifysite.plumbing.problems import Problem
from preferences import addresses

REASONS = [reason.name.lower() for reason in SuppressionReason]
MAY_BE_SAID = [reason.name.lower() for reason in SETTABLE]


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

    channel = serializers.ChoiceField(["email", "sms", "webhook", "chat"])
    address = serializers.CharField(max_length=4000)
    reason = serializers.ChoiceField(MAY_BE_SAID, required=False, default="manual")
    note = serializers.CharField(max_length=400, required=False, allow_blank=True, default="")
    expires_at = serializers.DateTimeField(
        required=False, allow_null=True, default=None, help_text="Without it, for good."
    )

    def validate_expires_at(self, value: datetime | None) -> datetime | None:
        """One that is over before it begins is a mistake."""
        if value is not None and value <= timezone.now():
            raise serializers.ValidationError(
                "Name a time in the future, or leave it out.", code="in_the_past"
            )
        return value


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
        responses={201: SuppressionSerializer, 200: SuppressionSerializer},
        summary="Suppress an address",
    )
    def post(self, request: Request) -> Response:
        """Do not use this address until `expires_at`, or never again. Of one that is suppressed
        already the weightier reason (`stop`, then `complaint`) and the later end stay; the answer
        is what holds then, with 200 where nothing changed."""
        said = checked(SuppressionBody(data=request.data))
        spec = channels.by_key(said["channel"])
        actor = operator_of(request)
        row, changed = suppression.suppress(
            Unwanted(
                channel=spec.number,
                address_hash=_hash(spec, said["address"]),
                reason=SuppressionReason[said["reason"].upper()],
                source=actor,
                note=said["note"],
                expires_at=said["expires_at"],
            ),
            actor=actor,
        )
        return Response(
            _shown(row), status=status.HTTP_201_CREATED if changed else status.HTTP_200_OK
        )


class SuppressionDetail(APIView):
    """One suppression."""

    required_scopes = {"GET": "ops:read", "DELETE": "ops:write"}

    @extend_schema(
        operation_id="suppressions_get",
        responses=SuppressionSerializer,
        summary="Look at a suppression",
    )
    def get(self, request: Request, id: int) -> Response:
        """Say why the address is not used, since when, and until when."""
        row = Suppression.objects.filter(pk=id).first()
        if row is None:
            raise Http404
        return Response(_shown(row))

    @extend_schema(
        operation_id="suppressions_lift",
        parameters=[LiftQuery],
        responses={204: None},
        summary="Lift a suppression",
    )
    def delete(self, request: Request, id: int) -> Response:
        """Let the address be used again, with a note that says why."""
        said = checked(LiftQuery(data=request.query_params.dict()))
        if not suppression.lift(id, actor=operator_of(request), note=said["note"]):
            raise Http404
        return Response(status=status.HTTP_204_NO_CONTENT)


def _hash(spec: channels.ChannelSpec, address: str) -> bytes:
    try:
        return addresses.normalise(spec, address, field="address").hash
    except addresses.AddressInvalid as error:
        fault = Fault(f"/{error.field}", error.code, error.detail)
        raise Problem.of("validation_failed", faults=[fault]) from error


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
