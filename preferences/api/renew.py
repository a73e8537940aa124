"""`POST /api/v1/push/renew`: a browser whose push service gave it another subscription."""

import hmac

from django.db import transaction
from django.utils import timezone
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import serializers
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from delivery import channels
from notifysite.plumbing import crypto
from preferences import addresses, devices
from preferences.addresses import Reach
from preferences.api import bodies
from preferences.api.doors import faults_answered
from preferences.models import Address

ACTOR = "browser"


class RenewBody(serializers.Serializer[None]):
    """Both as browsers make them: `{endpoint, keys: {p256dh, auth}}`."""

    old = serializers.JSONField()
    subscription = serializers.JSONField()


class RenewView(APIView):
    """A service worker has no session and no token; the old subscription's secrets vouch for it.

    Nobody but the browser and we know them.
    """

    authentication_classes = []
    permission_classes = []
    throttle_classes = []

    @extend_schema(
        operation_id="push_renew",
        tags=["push"],
        auth=[],
        request=RenewBody,
        responses={204: OpenApiResponse(description="Replaced.")},
    )
    def post(self, request: Request) -> Response:
        """Replace a browser's subscription by its new one; 404 where the old one is not known."""
        old, fresh = bodies.renewal(request.data)
        with faults_answered(), transaction.atomic():
            device = _known(old)
            if device is None:
                raise NotFound
            now = timezone.now()
            devices.register(device.recipient_id, fresh, label=device.label, actor=ACTOR, now=now)
            if fresh.hash != old.hash:
                devices.retire(device.recipient_id, device.pk, actor=ACTOR, now=now)
        return Response(status=204)


def _known(old: Reach) -> Address | None:
    found = Address.objects.filter(
        channel=channels.WEB_PUSH.number,
        hash=old.hash,
        retired_at__isnull=True,
        recipient__data_key__isnull=False,
    )
    device = found.select_related("recipient").order_by("id").first()
    if device is None:
        return None
    kept = addresses.decrypt(device.value, crypto.unwrap(bytes(device.recipient.data_key or b"")))
    return device if hmac.compare_digest(kept.encode(), old.value.encode()) else None
