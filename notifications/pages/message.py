"""One message, for the person who got it: as it was sent, and why it came."""

from dataclasses import dataclass
from datetime import datetime
from operator import itemgetter
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.utils.translation import get_language, pgettext
from django.utils.translation import gettext as _
from django.views.decorators.clickjacking import xframe_options_sameorigin
from django.views.decorators.http import require_safe

from delivery import channels, showing
from delivery.models import Delivery, Engagement
from notifications import sent, story
from notifications.models import Decision, Notification, NotificationType
from notifysite.plumbing.paper import by_link, page, speaking
from preferences import links
from preferences.links import DeliveryLink, LinkInvalid
from preferences.models import Recipient
from preferences.pages import matrix
from preferences.pages.doors import gone, here, not_a_link
from preferences.resolution import Source


@dataclass(frozen=True, slots=True)
class Case:
    """A message and whose it is."""

    recipient: Recipient
    delivery: Delivery


@require_safe
def view(request: HttpRequest, *, token: str) -> HttpResponse:
    """The message in a browser, in a frame that can do nothing."""
    try:
        case = _case(links.read_view(token))
    except LinkInvalid:
        return by_link(not_a_link(request))
    if case is None:
        return by_link(gone(request))
    with speaking(case.recipient.locale):
        context = {
            "frame": f"/view/{token}/frame/",
            "why": here(links.why_url(case.recipient.subject, case.delivery.id)),
            "sent_at": case.delivery.sent_at,
            "zone": case.recipient.timezone or "UTC",
        }
        return by_link(page(request, "notifications/pages/view.html", context))


@require_safe
@xframe_options_sameorigin
def frame(request: HttpRequest, *, token: str) -> HttpResponse:
    """The message alone."""
    try:
        case = _case(links.read_view(token))
    except LinkInvalid:
        return by_link(not_a_link(request))
    if case is None:
        return by_link(gone(request))
    try:
        return showing.frame(case.delivery.channel, sent.content(case.delivery))
    except sent.NotShown:
        return showing.sorry(_("This message is not kept any more."))


@require_safe
def why(request: HttpRequest, *, token: str) -> HttpResponse:
    """Why the person got a message, whose word allowed it, and what became of it."""
    try:
        case = _case(links.read_why(token))
    except LinkInvalid:
        return by_link(not_a_link(request))
    if case is None:
        return by_link(gone(request))
    notification = Notification.objects.filter(pk=case.delivery.notification_id).first()
    if notification is None:
        return by_link(gone(request))
    with speaking(case.recipient.locale):
        context = _explained(case, notification)
        return by_link(page(request, "notifications/pages/why.html", context))


def _explained(case: Case, notification: Notification) -> dict[str, Any]:
    kind = NotificationType.objects.select_related("category").get(pk=notification.type_id)
    subject, row = case.recipient.subject, case.delivery
    label = kind.category.label(case.recipient.locale or get_language() or "")
    way = matrix.label(channels.by_number(row.channel))
    return {
        "kind": kind,
        "category": label,
        "way": way,
        "allowed": allowed(_source(notification, row), category=label, way=way),
        "moments": _moments(row),
        # What a service was told is between it and us.
        "told": [entry for entry in story.tell(notification.id) if entry.kind != "callback"],
        "zone": case.recipient.timezone or "UTC",
        "view": here(links.view_url(subject, row.id)),
        "centre": here(links.preferences_url(subject)) + f"#{kind.category.key}",
        "unsubscribe": ""
        if kind.category.mandatory
        else here(links.unsubscribe_url(subject, kind.category.key, row.id)),
    }


def allowed(source: str, *, category: str, way: str) -> str:
    """Whose word it was that a message came this way, in the person's language."""
    said = {
        Source.MANDATORY: _("Messages about “%(category)s” are needed, so they always come."),
        Source.CONSENT: _("You agreed to get messages about “%(category)s”."),
        Source.CATEGORY_CHANNEL: _("You chose to get messages about “%(category)s” this way."),
        Source.CHANNEL: _("You chose to be reached this way: %(way)s."),
        Source.CATEGORY: _("You switched on messages about “%(category)s”."),
    }
    default = _("Messages about “%(category)s” come this way unless you say otherwise.")
    text = next((text for known, text in said.items() if known == source), default)
    return text % {"category": category, "way": way}


def _source(notification: Notification, row: Delivery) -> str:
    decision = Decision.objects.filter(pk=notification.decision_id or 0).first()
    steps = decision.body if decision else []
    return next((step["source"] for step in steps if step["step"] == row.step), "")


def _moments(row: Delivery) -> list[tuple[datetime, str]]:
    seen = Engagement.objects.filter(pk=row.id).first()
    moments = [
        (row.accepted_at, pgettext("moment", "We were asked to tell you")),
        (row.sent_at, pgettext("moment", "It was sent")),
        (row.delivered_at, pgettext("moment", "It arrived")),
        (seen and (seen.opened_at or seen.seen_at), pgettext("moment", "You saw it")),
        (seen and seen.clicked_at, pgettext("moment", "You followed a link in it")),
    ]
    return sorted([(at, text) for at, text in moments if at], key=itemgetter(0))


def _case(link: DeliveryLink) -> Case | None:
    """The message of a link, if it still is one and still somebody's."""
    recipient = Recipient.objects.filter(subject=link.subject, erased_at__isnull=True).first()
    if recipient is None:
        return None
    row = Delivery.objects.filter(pk=link.delivery, recipient_id=recipient.pk).first()
    return None if row is None else Case(recipient, row)
