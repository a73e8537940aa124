"""`/healthz`, `/readyz` and `/metrics`: for load balancers and monitoring, not for people."""

import hmac
from ipaddress import ip_address

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.cache import never_cache
from prometheus_client import CONTENT_TYPE_PLAIN_0_0_4

from notifications.monitoring import metrics, readiness
from notifysite.plumbing.methods import reads_only


@reads_only
@never_cache
def live(request: HttpRequest) -> HttpResponse:
    """This process answers; it asks nobody else."""
    return JsonResponse({"live": True})


@reads_only
@never_cache
def ready(request: HttpRequest) -> HttpResponse:
    """503 while some part is not ready; the body says which, and what to do."""
    parts = readiness.parts()
    well = all(part.ready for part in parts)
    body = {"ready": well, "parts": {part.name: _shown(part) for part in parts}}
    return JsonResponse(body, status=200 if well else 503)


def _shown(part: readiness.Part) -> dict[str, object]:
    if not part.detail:
        return {"ready": part.ready}
    return {"ready": part.ready, "detail": part.detail, "advice": part.advice}


@reads_only
@never_cache
def scrape(request: HttpRequest) -> HttpResponse:
    """Metrics, for whoever has METRICS_TOKEN; where none is set, for this machine only."""
    if settings.METRICS_TOKEN:
        if not _has_token(request):
            return HttpResponse(status=401, headers={"WWW-Authenticate": "Bearer"})
    elif not _is_local(request):
        return HttpResponse("Set METRICS_TOKEN to read metrics from elsewhere.\n", status=403)
    return HttpResponse(metrics.scrape(), content_type=CONTENT_TYPE_PLAIN_0_0_4)


def _has_token(request: HttpRequest) -> bool:
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    right = hmac.compare_digest(token.strip().encode(), settings.METRICS_TOKEN.encode())
    return scheme.lower() == "bearer" and right


def _is_local(request: HttpRequest) -> bool:
    # A proxy on this machine calls from here too, for everybody.
    if any(name in request.headers for name in ("Forwarded", "X-Forwarded-For", "Via")):
        return False
    try:
        return ip_address(request.META.get("REMOTE_ADDR", "")).is_loopback
    except ValueError:
        return False
