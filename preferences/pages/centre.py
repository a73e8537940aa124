"""The preference centre: what a person wants to hear, where, and when; it needs no JavaScript."""

from dataclasses import dataclass, replace
from datetime import datetime
from functools import cache
from typing import Any
from zoneinfo import available_timezones

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils import timezone
from django.utils.translation import get_language, ngettext
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from notifysite.plumbing.paper import page, speaking
from preferences import topics, wishes
from preferences.models import Address, Category
from preferences.pages import form, matrix, week
from preferences.pages.doors import Visitor, by_session, by_token, gone
from preferences.pages.form import Form, Mistakes
from preferences.pages.matrix import Column, Row
from preferences.wishes import EditsInvalid, RecipientGone, Wishes

_REGIONS = (
    "Africa", "America", "Antarctica", "Arctic", "Asia", "Atlantic", "Australia", "Europe",
    "Indian", "Pacific",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Desk:
    """What the page is made of."""

    wishes: Wishes
    across: list[Column]
    rows: list[Row]
    topics: list[Any]
    now: datetime

    @property
    def subscribed(self) -> dict[str, bool]:
        """Whether the person is subscribed, by the topic's key."""
        return {topic.key: topic.subscribed for topic in self.topics}


@require_http_methods(["GET", "HEAD", "POST"])
def centre(request: HttpRequest, visitor: Visitor) -> HttpResponse:
    """Show what a person wants, or change it."""
    id = visitor.principal.recipient_id
    person = wishes.load([id])[id]
    with speaking(person.locale):
        desk = _desk(person)
        on = [key for key, subscribed in desk.subscribed.items() if subscribed]
        first = form.at_first(person, desk.rows, on, now=desk.now)
        if request.method != "POST":
            return _shown(request, visitor, desk, first)
        return _changed(request, visitor, desk, form.posted(request.POST, first))


by_login = by_session(centre)
by_link = by_token(centre)


def _changed(request: HttpRequest, visitor: Visitor, desk: Desk, filled: Form) -> HttpResponse:
    try:
        body = form.body(filled, desk.rows, desk.subscribed, desk.wishes, now=desk.now)
        by = visitor.by(shown=_consent_text())
        wishes.set_preferences(visitor.principal.recipient_id, body, by=by, now=desk.now)
    except Mistakes as wrong:
        return _shown(request, visitor, desk, replace(filled, errors=wrong.texts))
    except EditsInvalid as wrong:
        errors = form.mistakes(wrong.faults, filled)
        return _shown(request, visitor, desk, replace(filled, errors=errors))
    except RecipientGone:
        return gone(request)
    return HttpResponseRedirect(f"{visitor.root}?saved=1")


def _desk(person: Wishes) -> Desk:
    now = timezone.now()
    shown = list(Category.objects.all())
    in_use = Address.objects.filter(recipient_id=person.recipient_id, retired_at__isnull=True)
    addressed = frozenset(in_use.values_list("channel", flat=True))
    across = matrix.columns(person, shown, addressed=addressed)
    rows = matrix.table(person, shown, across, now=now)
    return Desk(person, across, rows, list(topics.seen_by(person.recipient_id)), now)


def _shown(request: HttpRequest, visitor: Visitor, desk: Desk, filled: Form) -> HttpResponse:
    every, days = week.lines(filled.values, filled.errors)
    context = {
        "visitor": visitor,
        "across": desk.across,
        "rows": [_row(row, desk, filled) for row in desk.rows],
        "topics": [_topic(topic, desk, filled) for topic in desk.topics],
        "filled": {name: filled.text(name) for name in ("pause", "locale", "timezone", week.MODE)},
        "errors": filled.errors,
        "carried": filled.carried(),
        "every_day": every,
        "days": days,
        "quiet_zone": desk.wishes.quiet_hours.timezone,
        "zone": str(desk.wishes.zone()),
        "regions": _regions(),
        "languages": _languages(desk.wishes.locale),
        "consent_text": _consent_text(),
        "saved": "saved" in request.GET and request.method == "GET",
        "paused_until": filled.text("pause") and desk.wishes.paused_until,
    }
    status = 422 if filled.errors else 200
    return page(request, "preferences/centre.html", context, status=status)


def _row(row: Row, desk: Desk, filled: Form) -> dict[str, Any]:
    on = filled.values.get(form.CELLS, ())
    return {
        "row": row,
        "cells": [
            {"cell": cell, "on": cell.on if cell.locked else cell.name in on} for cell in row.cells
        ],
        "snooze": filled.text(f"snooze:{row.key}"),
        "snoozes": [(str(days), _for_days(days)) for days in form.SNOOZES],
        "prefer": filled.text(f"prefer:{row.key}"),
        "open": filled.text(f"snooze:{row.key}") or filled.text(f"prefer:{row.key}"),
        "error": filled.errors.get(f"category:{row.key}", ""),
        "zone": desk.wishes.zone(),
    }


def _topic(topic: Any, desk: Desk, filled: Form) -> dict[str, Any]:
    locale = desk.wishes.locale or get_language() or ""
    return {
        "key": topic.key,
        "label": topic.label(locale),
        "explanation": topic.explanation(locale),
        "on": topic.key in filled.values.get(form.TOPICS, ()),
    }


def _for_days(days: int) -> str:
    if days == 7:
        return _("for a week")
    return ngettext("for a day", "for %(days)d days", days) % {"days": days}


def _consent_text() -> str:
    """What a person agrees to; it is kept with their consent, in the words they read."""
    said = _(
        "By turning on offers and news I agree that %(brand)s sends me them this way. "
        "I can take that back here at any time."
    )
    return said % {"brand": settings.BRAND["name"]}


def _languages(locale: str) -> list[tuple[str, str]]:
    """Those we speak, and the person's own: what they have is never taken from the list."""
    known = list(settings.LANGUAGES)
    return known if not locale or locale in dict(known) else [(locale, locale), *known]


@cache
def _regions() -> list[tuple[str, list[tuple[str, str]]]]:
    """Time zones by region: (region, [(name, place)])."""
    named = sorted(available_timezones())
    return [
        (region, [(name, _place(name)) for name in named if name.startswith(f"{region}/")])
        for region in _REGIONS
    ]


def _place(name: str) -> str:
    return name.partition("/")[2].replace("_", " ").replace("/", ", ")
