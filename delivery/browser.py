"""What a browser fetches before it can be sent to: our public key, and the service worker."""

from functools import lru_cache
from pathlib import Path

from django.conf import settings
from django.contrib.staticfiles import finders
from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.http import require_safe
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from notifysite.plumbing.problems import Problem

WORKER = "notifysite/sw.js"
# The worker talks to this site alone; pictures of a notification may come from elsewhere.
WORKER_POLICY = "default-src 'none'; connect-src 'self'; img-src * data:"


class KeyShape(serializers.Serializer[None]):
    """The `applicationServerKey` of `pushManager.subscribe()`, in base64url."""

    public_key = serializers.CharField()


class PushKeyView(APIView):
    """The VAPID key browsers subscribe with; it is public."""

    authentication_classes = []
    permission_classes = []
    throttle_classes = []

    @extend_schema(operation_id="push_key", tags=["push"], auth=[], responses=KeyShape)
    def get(self, request: Request) -> Response:
        """The key; 404 where web push is not configured."""
        key = settings.WEBPUSH_SETTINGS["VAPID_PUBLIC_KEY"]
        if not key:
            raise Problem.of("not_found", "Web push is not configured here.")
        return Response({"public_key": key}, headers={"Cache-Control": "no-cache"})


@require_safe
def service_worker(request: HttpRequest) -> HttpResponse:
    """The service worker, for the whole site although its source lies under /static/."""
    return HttpResponse(
        _worker(),
        content_type="text/javascript; charset=utf-8",
        headers={
            "Cache-Control": "no-cache",
            "Content-Security-Policy": WORKER_POLICY,
            "Service-Worker-Allowed": "/",
        },
    )


def _worker() -> bytes:
    found = finders.find(WORKER)
    if not isinstance(found, str):
        raise Http404
    return _read(found) if not settings.DEBUG else Path(found).read_bytes()


@lru_cache(maxsize=1)
def _read(path: str) -> bytes:
    return Path(path).read_bytes()
