"""The one door for providers that call."""

import structlog
from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from django.db import DatabaseError, InterfaceError
from django.http import Http404, HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from delivery.contracts import Call, Listener
from delivery.errors import Misconfigured, NotHeard
from delivery.hooks import hearing

log = structlog.get_logger(__name__)

# Asks a provider to bring it again, as all of them do.
_LATER = {"Retry-After": "30"}


@csrf_exempt
@require_POST
def hook(request: HttpRequest, alias: str) -> HttpResponse:
    """Answer a call at /hooks/<alias>/: 200 once all of it is kept, 403 or 400 where none is."""
    listener = _listener(alias)
    try:
        answer = hearing.receive(alias, listener, _call(request))
    except RequestDataTooBig:
        return HttpResponse("Too large.", status=413, content_type="text/plain")
    except NotHeard as error:
        log.warning("hook_refused", provider=alias, verdict=error.verdict, why=str(error))
        return HttpResponse(error.verdict, status=error.status, content_type="text/plain")
    except (DatabaseError, InterfaceError) as error:
        log.error("hook_not_kept", provider=alias, error=type(error).__name__)
        return HttpResponse("Later.", status=503, content_type="text/plain", headers=_LATER)
    return HttpResponse(answer.body, content_type=answer.content_type)


def _listener(alias: str) -> Listener:
    try:
        found = hearing.listener(alias)
    except Misconfigured:
        found = None
    if found is None:
        raise Http404
    return found


def _call(request: HttpRequest) -> Call:
    # What a Host header says is the caller's word; providers sign the URL they were given.
    base = str(settings.PUBLIC_URL).rstrip("/")
    return Call(
        url=base + request.get_full_path(),
        headers=request.headers,
        body=request.body,
        at=timezone.now(),
    )
