"""What we hold about a person: to see, to take along, to take away, to have erased."""

import json
from typing import Any

from django.core.serializers.json import DjangoJSONEncoder
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils import timezone
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from delivery import channels
from notifysite.plumbing import audit
from notifysite.plumbing.paper import page, speaking
from preferences import consent, devices, privacy
from preferences.directory import Listed, find_one, user_body
from preferences.pages import matrix
from preferences.pages.doors import Page, Visitor, by_session, by_token, gone, only_full
from preferences.wishes import RecipientGone


@require_safe
def yours(request: HttpRequest, visitor: Visitor) -> HttpResponse:
    """Show it."""
    listed = find_one(pk=visitor.principal.recipient_id)
    if listed is None:
        return gone(request)
    with speaking(listed.recipient.locale):
        return _shown(request, visitor, listed)


@require_POST
def export(request: HttpRequest, visitor: Visitor) -> HttpResponse:
    """All of it as a file."""
    with transaction.atomic():
        gathered = privacy.gather(visitor.principal.recipient_id, now=timezone.now())
        _note(visitor, "user.exported")
    body = json.dumps(gathered, cls=DjangoJSONEncoder, indent=2, ensure_ascii=False)
    return HttpResponse(
        body,
        content_type="application/json",
        headers={
            "Content-Disposition": 'attachment; filename="my-notifications.json"',
            "Cache-Control": "no-store",
        },
    )


@require_POST
def remove(request: HttpRequest, visitor: Visitor, *, device: int) -> HttpResponse:
    """Take a device away; one that is gone already is no mistake."""
    try:
        devices.retire(
            visitor.principal.recipient_id,
            device,
            actor=str(visitor.principal),
            now=timezone.now(),
        )
    except RecipientGone:
        return gone(request)
    return HttpResponseRedirect(f"{visitor.root}yours/")


@require_http_methods(["POST"])
def erase(request: HttpRequest, visitor: Visitor) -> HttpResponse:
    """Erase the person, once they said that they mean it."""
    listed = find_one(pk=visitor.principal.recipient_id)
    if listed is None:
        return gone(request)
    with speaking(listed.recipient.locale):
        if "sure" not in request.POST:
            wrong = _("Tick the box first: this cannot be undone.")
            return _shown(request, visitor, listed, wrong=wrong)
        user_id = str(listed.recipient.user_id)
        privacy.erase(user_id, actor=str(visitor.principal), now=timezone.now())
        return page(request, "preferences/erased.html", {})


def _shown(
    request: HttpRequest, visitor: Visitor, listed: Listed, *, wrong: str = ""
) -> HttpResponse:
    locale = listed.recipient.locale or get_language() or ""
    context = {
        "visitor": visitor,
        "person": user_body(listed),
        "devices": [_device(row) for row in listed.devices],
        "consents": [
            {"label": entry.category.label(locale), "given": entry.given, "at": entry.at}
            for entry in reversed(consent.history(listed.recipient.subject))
        ],
        "zone": listed.recipient.timezone or "UTC",
        "wrong": wrong,
    }
    return page(request, "preferences/yours.html", context, status=422 if wrong else 200)


def _device(row: Any) -> dict[str, Any]:
    way = matrix.label(channels.by_number(row.channel))
    return {"id": row.pk, "label": row.label or way, "way": way, "since": row.created_at}


def _note(visitor: Visitor, action: str) -> None:
    subject = visitor.principal.subject
    audit.record(
        actor=str(visitor.principal), action=action, target=f"user:{subject}", subject=subject
    )


def session(view: Page) -> Page:
    """A page of one's own data, for who is logged in."""
    return by_session(only_full(view))


def link(view: Page) -> Page:
    """The same, by a link that was asked for."""
    return by_token(only_full(view))
