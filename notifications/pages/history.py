"""Everything that was sent to a person, newest first; for them alone."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connection
from django.http import HttpRequest, HttpResponse
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from delivery import channels
from delivery.inbox import content
from delivery.lifecycle import State
from delivery.models import InboxItem
from notifysite.plumbing.paper import page, speaking
from notifysite.plumbing.partitions import WITHIN, span
from preferences import links
from preferences.models import Category, Recipient
from preferences.pages import matrix
from preferences.pages.doors import Visitor, by_session, by_token, here, only_full

PAGE = 20
_LIST = """
    SELECT n.id, n.created_at, t.name, t.category_id
    FROM notification AS n JOIN notification_type AS t ON t.id = n.type_id
    WHERE n.recipient_id = %(person)s AND (%(below)s::uuid IS NULL OR n.id < %(below)s::uuid)
        AND EXISTS (SELECT FROM delivery AS d WHERE d.notification_id = n.id)
    ORDER BY n.id DESC LIMIT %(size)s
"""
_WAYS = f"""
    SELECT DISTINCT ON (notification_id, channel) notification_id, channel, state, id
    FROM delivery WHERE notification_id = ANY(%(ids)s::uuid[]) AND {WITHIN.format(id="id")}
    ORDER BY notification_id, channel, created_at DESC, id DESC
"""  # noqa: S608


@dataclass(frozen=True, slots=True)
class Way:
    """One way a notification took."""

    label: str
    state: str
    tone: str
    why: str
    view: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """One notification: what the inbox says of it, else what kind it was."""

    at: datetime
    title: str
    body: str
    url: str
    category: str
    unread: bool
    ways: list[Way]


@require_safe
def history(request: HttpRequest, visitor: Visitor) -> HttpResponse:
    """One page of what was sent."""
    person = Recipient.objects.get(pk=visitor.principal.recipient_id)
    with speaking(person.locale):
        rows = _rows(person.pk, _below(request))
        shown = rows[:PAGE]
        context = {
            "visitor": visitor,
            "told": _told(shown, person, visitor),
            "older": str(shown[-1][0]) if len(rows) > PAGE else "",
            "newest": "below" in request.GET,
            "zone": person.timezone or "UTC",
        }
        return page(request, "notifications/pages/history.html", context)


by_login = by_session(only_full(history))
by_link = by_token(only_full(history))


def _below(request: HttpRequest) -> UUID | None:
    try:
        return UUID(request.GET["below"])
    except (KeyError, ValueError):
        return None


def _rows(recipient_id: int, below: UUID | None) -> list[tuple[UUID, datetime, str, int]]:
    with connection.cursor() as cursor:
        cursor.execute(_LIST, {"person": recipient_id, "below": below, "size": PAGE + 1})
        return list(cursor.fetchall())


def _told(
    rows: list[tuple[UUID, datetime, str, int]], person: Recipient, visitor: Visitor
) -> list[Told]:
    ids = [id for id, *_rest in rows]
    locale = person.locale or get_language() or ""
    labels = {row.pk: row.label(locale) for row in Category.objects.all()}
    ways = _ways(ids, person.subject)
    items = {
        item.notification_id: item
        for item in InboxItem.objects.filter(notification_id__in=ids, recipient_id=person.pk)
    }
    told = []
    for id, at, name, category in rows:
        item = items.get(id)
        said: dict[str, Any] = (
            content.unseal(bytes(item.content), visitor.principal.key, item.id) if item else {}
        )
        told.append(
            Told(
                at=at,
                title=said.get("title") or name,
                body=said.get("body", ""),
                url=_web(said.get("url", "")),
                category=labels.get(category, ""),
                unread=item is not None and item.read_at is None,
                ways=ways.get(id, []),
            )
        )
    return told


def _ways(ids: list[UUID], subject: UUID) -> dict[UUID, list[Way]]:
    if not ids:
        return {}
    with connection.cursor() as cursor:
        cursor.execute(_WAYS, {"ids": ids, **span(ids)})
        rows = cursor.fetchall()
    found: dict[UUID, list[Way]] = {}
    for notification, channel, state, delivery in rows:
        text, tone = _state(State(state))
        found.setdefault(notification, []).append(
            Way(
                label=matrix.label(channels.by_number(channel)),
                state=text,
                tone=tone,
                why=here(links.why_url(subject, delivery)),
                view=here(links.view_url(subject, delivery)),
            )
        )
    return found


def _state(state: State) -> tuple[str, str]:
    """A state in plain words, and how it is to be coloured."""
    match state:
        case State.QUEUED | State.SENDING:
            return _("on its way"), "dull"
        case State.SENT | State.UNCERTAIN:
            return _("sent"), "good"
        case State.DELIVERED:
            return _("arrived"), "good"
        case State.EXPIRED | State.CANCELLED:
            return _("not sent"), "dull"
        case _:
            return _("did not arrive"), "bad"


def _web(url: str) -> str:
    return url if url.startswith(("https://", "http://")) else ""
