"""Unsubscribe by the link in a message (RFC 8058). A GET asks, a POST does it.

Scanners open every link of every mail, so a GET changes nothing. The POST may come from a mail
provider on the person's behalf: without cookies, in one call, and it is answered at once.
"""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.core import signing
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from delivery import channels
from notifysite.plumbing.paper import by_link, page, speaking
from preferences import links, wishes
from preferences.links import LinkInvalid, UnsubscribeLink
from preferences.models import Category, CategoryKind, Recipient
from preferences.pages.doors import gone, here, not_a_link
from preferences.wishes import By, EditsInvalid, RecipientGone, Wishes

UNDONE_WITHIN = timedelta(days=1)
_SALT = "preferences.unsubscribe"


@dataclass(frozen=True, slots=True)
class _Case:
    """Whose link it is, and what it is about."""

    link: UnsubscribeLink
    token: str
    recipient: Recipient
    category: Category

    @property
    def label(self) -> str:
        return self.category.label(self.locale)

    @property
    def locale(self) -> str:
        return self.recipient.locale or get_language() or ""


@csrf_exempt
@require_http_methods(["GET", "HEAD", "POST"])
def unsubscribe(request: HttpRequest, *, token: str) -> HttpResponse:
    """Ask, do it, or take it back. Whoever has the link may: it is all that says who they are."""
    return by_link(_unsubscribe(request, token))


def _unsubscribe(request: HttpRequest, token: str) -> HttpResponse:
    try:
        link = links.read_unsubscribe(token)
    except LinkInvalid:
        return not_a_link(request)
    recipient = Recipient.objects.filter(subject=link.subject, erased_at__isnull=True).first()
    category = Category.objects.filter(key=link.category).first()
    if recipient is None or category is None:
        return gone(request)
    with speaking(recipient.locale):
        return _about(request, _Case(link, token, recipient, category))


def _about(request: HttpRequest, case: _Case) -> HttpResponse:
    asked = request.method == "POST"
    if case.category.mandatory:
        return _answer(request, case, "mandatory", status=409 if asked else 200)
    if not asked:
        return _answer(request, case, "ask")
    try:
        return _undo(request, case) if "undo" in request.POST else _stop(request, case)
    except RecipientGone:
        return gone(request)


def _stop(request: HttpRequest, case: _Case) -> HttpResponse:
    before = wishes.load([case.recipient.pk])[case.recipient.pk]
    _set(case, {"enabled": False})
    undo = signing.dumps(_as_it_was(before, case.category), salt=_salt(case), compress=True)
    return _answer(request, case, "done", undo=undo)


def _undo(request: HttpRequest, case: _Case) -> HttpResponse:
    try:
        body = signing.loads(request.POST["undo"], salt=_salt(case), max_age=UNDONE_WITHIN)
    except signing.BadSignature:
        body = {"enabled": True}
    try:
        _set(case, body)
    except EditsInvalid:
        # A channel or more went away since; the category itself is what they want back.
        _set(case, {"enabled": True})
    return _answer(request, case, "undone")


def _as_it_was(before: Wishes, category: Category) -> dict[str, Any]:
    """The body of a change that brings a category back as it was; never less than on."""
    made = {
        choice.channel: choice.enabled
        for choice in before.choices
        if choice.category == category.pk
    }
    consent = before.consents.get(category.pk)
    agreed = consent is not None and consent.given is True
    default = True if category.kind == CategoryKind.MARKETING and agreed else None
    if made.get(None) is False:
        return {"enabled": True}
    cells = {
        spec.key: {"enabled": made.get(spec.number)}
        for spec in channels.every()
        if spec.number in made or _is_on_as_a_whole(before, spec.number)
    }
    return {"enabled": made.get(None, default), "channels": cells}


def _is_on_as_a_whole(before: Wishes, channel: int) -> bool:
    return any(
        choice.category is None and choice.channel == channel and choice.enabled
        for choice in before.choices
    )


def _set(case: _Case, change: dict[str, Any]) -> None:
    by = By(
        actor=f"user:{case.link.subject}",
        source="unsubscribe_link",
        shown=_("Stop: %(category)s") % {"category": case.label},
    )
    body = {"categories": {case.category.key: change}}
    wishes.set_preferences(case.recipient.pk, body, by=by, now=timezone.now())


def _salt(case: _Case) -> str:
    # What can be taken back belongs to one person and one category.
    return f"{_SALT}:{case.link.subject}:{case.category.key}"


def _answer(
    request: HttpRequest, case: _Case, state: str, *, status: int = 200, undo: str = ""
) -> HttpResponse:
    context = {
        "state": state,
        "category": case.label,
        "explanation": case.category.explanation(case.locale),
        "action": f"/u/{case.token}/",
        "centre": here(links.preferences_url(case.link.subject)),
        "key": case.category.key,
        "undo": undo,
    }
    return page(request, "preferences/unsubscribe.html", context, status=status)
