"""The form of the preference centre: what it shows at first, and what a person changed in it.

The page carries along what it showed (`was`), and only what differs from that is changed. So a
default stays a default until somebody touches it, and what changed meanwhile elsewhere stays.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.http import QueryDict
from django.utils.translation import gettext as _

from notifysite.plumbing.faults import Fault
from preferences import calendar
from preferences.pages import week
from preferences.pages.matrix import Row
from preferences.wishes import Wishes

SNOOZES = (1, 7, 30)  # days
KEEP = "keep"
CELLS = "cell"
TOPICS = "topic"
_TICKED = (CELLS, TOPICS)  # a browser sends nothing for boxes that are all empty
_LONGEST = 64 * 1024  # of `was`: far more than any table of choices

Values = Mapping[str, Sequence[str]]


@dataclass(frozen=True, slots=True)
class Form:
    """What stands in the fields, what stood there at first, and what is wrong, by field."""

    values: Values
    was: Values
    errors: Mapping[str, str] = field(default_factory=dict)

    def text(self, name: str) -> str:
        """What stands in a field."""
        return next(iter(self.values.get(name, ())), "")

    def changed(self, name: str) -> bool:
        """Whether the person touched a field."""
        return list(self.values.get(name, ())) != list(self.was.get(name, ()))

    def carried(self) -> str:
        """What the page carries along."""
        return json.dumps(self.was, separators=(",", ":"))


def at_first(
    wishes: Wishes, rows: Iterable[Row], subscribed: Iterable[str], *, now: datetime
) -> Form:
    """The form as a person meets it; `subscribed` are keys of topics."""
    values: dict[str, list[str]] = {
        CELLS: [cell.name for row in rows for cell in row.cells if cell.on and not cell.locked],
        TOPICS: list(subscribed),
        "pause": [_local(wishes.paused_until, wishes.zone(), now=now)],
        "locale": [wishes.locale],
        "timezone": [wishes.timezone],
        **week.at_first(wishes.quiet_hours),
    }
    for row in rows:
        values[f"snooze:{row.key}"] = [KEEP if row.snoozed_until else ""]
        values[f"prefer:{row.key}"] = [row.preferred]
    return Form(values, values)


def posted(sent: QueryDict, first: Form) -> Form:
    """The form as it came back; fields that it never had are not looked at."""
    was = _was(sent.get("was", "")) or first.was
    names = first.values.keys() | was.keys()
    values = {name: sent.getlist(name) for name in names if name in sent or name in _TICKED}
    # A field that a person could not see was not cleared by them.
    left_out = {name: was[name] for name in was if name not in values}
    return Form({**left_out, **values}, was)


def body(
    form: Form, rows: Iterable[Row], topics: Mapping[str, bool], wishes: Wishes, *, now: datetime
) -> dict[str, Any]:
    """What was changed, as the body of a PATCH of preferences. Raises Mistakes.

    `topics` says by key whether the person is subscribed now.
    """
    changes: dict[str, Any] = {}
    if categories := _categories(form, rows, now):
        changes["categories"] = categories
    if (subscribed := _topics(form, topics)) is not None:
        changes["topics"] = subscribed
    if any(form.changed(name) for name in form.values if week.owns(name)):
        changes["quiet_hours"] = week.body(form.values, zone=wishes.quiet_hours.timezone)
    for name in ("locale", "timezone"):
        if form.changed(name):
            changes[name] = form.text(name) or None
    if form.changed("pause"):
        changes["paused_until"] = _moment(form, wishes, now)
    return changes


class Mistakes(ValueError):
    """What a person filled in cannot be: the texts by field."""

    def __init__(self, texts: Mapping[str, str]) -> None:
        super().__init__("; ".join(texts))
        self.texts = texts


def mistakes(faults: Iterable[Fault], form: Form) -> dict[str, str]:
    """What is wrong, in the person's words, by the field it stands beside."""
    found: dict[str, str] = {}
    for fault in faults:
        found.setdefault(_field(fault.pointer, form.values), _said(fault))
    return found


def _categories(form: Form, rows: Iterable[Row], now: datetime) -> dict[str, Any]:
    changes: dict[str, dict[str, Any]] = {}
    on, before = set(form.values.get(CELLS, ())), set(form.was.get(CELLS, ()))
    for row in rows:
        change: dict[str, Any] = {}
        touched = [cell for cell in row.cells if cell.name in on ^ before]
        if touched:
            change["channels"] = {cell.column.key: {"enabled": cell.name in on} for cell in touched}
        snooze = form.text(f"snooze:{row.key}")
        if form.changed(f"snooze:{row.key}") and snooze != KEEP:
            change["snoozed_until"] = _in_days(snooze, now)
        if form.changed(f"prefer:{row.key}"):
            change["preferred_channel"] = form.text(f"prefer:{row.key}") or None
        if change:
            changes[row.key] = change
    return changes


def _topics(form: Form, topics: Mapping[str, bool]) -> list[str] | None:
    """All topics the person is to have, untouched ones as they are; None when nothing changed."""
    on, before = set(form.values.get(TOPICS, ())), set(form.was.get(TOPICS, ()))
    touched = on ^ before
    if touched.isdisjoint(topics):
        return None
    return [key for key, has in topics.items() if (key in on if key in touched else has)]


def _in_days(text: str, now: datetime) -> str | None:
    known = {str(days): days for days in SNOOZES}
    return (now + timedelta(days=known[text])).isoformat() if text in known else None


def _moment(form: Form, wishes: Wishes, now: datetime) -> str | None:
    text = form.text("pause")
    if not text:
        return None
    try:
        local = datetime.fromisoformat(text).replace(tzinfo=None)
        moment = calendar.first_instant(local, _zone(form, wishes))
    except (ValueError, OverflowError):
        raise Mistakes({"pause": _("Enter a date and a time.")}) from None
    if moment <= now:
        raise Mistakes({"pause": _("Choose a time that is still to come.")})
    return moment.isoformat()


def _zone(form: Form, wishes: Wishes) -> ZoneInfo:
    """The zone that was chosen in the same form."""
    try:
        return calendar.zone(form.text("timezone") or "UTC")
    except calendar.UnknownZone:
        return wishes.zone()


def _local(moment: datetime | None, zone: ZoneInfo, *, now: datetime) -> str:
    if moment is None or moment <= now:
        return ""
    return moment.astimezone(zone).strftime("%Y-%m-%dT%H:%M")


def _was(text: str) -> dict[str, list[str]]:
    """What the page showed, as it came back: from outside, so anything may stand there."""
    try:
        said = json.loads(text) if len(text) <= _LONGEST else {}
    except (ValueError, RecursionError):
        return {}
    if not isinstance(said, dict) or not all(isinstance(value, list) for value in said.values()):
        return {}
    return {name: [str(one) for one in value] for name, value in said.items()}


def _field(pointer: str, values: Values) -> str:
    head, *rest = pointer.strip("/").split("/")
    if head == "categories" and rest:
        name = {"snoozed_until": "snooze", "preferred_channel": "prefer"}.get(rest[-1], "category")
        return f"{name}:{rest[0]}"
    if head == "quiet_hours":
        return week.field(rest, values)
    return {"paused_until": "pause"}.get(head, head)


def _said(fault: Fault) -> str:
    return {
        "mandatory": _("One way must stay on for this. Turn on another one first."),
        "required": _("Both times are needed, or none."),
        "invalid_time": _("Enter a time such as 22:00."),
        "unknown_timezone": _("There is no such time zone."),
        "invalid_locale": _("There is no such language."),
        "unknown_category": _("This subject does not exist any more."),
        "unknown_topic": _("This topic does not exist any more."),
    }.get(fault.code, fault.detail)
