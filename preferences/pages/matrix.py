"""The table of choices: a row for each category, a cell for each channel, and who decided."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.utils.formats import date_format
from django.utils.translation import get_language, gettext_lazy, pgettext_lazy
from django.utils.translation import gettext as _

from delivery import channels
from delivery.channels import ChannelSpec
from preferences import categories, resolution
from preferences.models import Category, CategoryKind
from preferences.resolution import Effective, Source
from preferences.wishes import Setting, Wishes

LABELS = {
    channels.EMAIL.number: pgettext_lazy("channel", "Email"),
    channels.SMS.number: gettext_lazy("Text message"),
    channels.WEB_PUSH.number: gettext_lazy("Browser"),
    channels.MOBILE_PUSH.number: gettext_lazy("Phone app"),
    channels.IN_APP.number: gettext_lazy("In the app"),
    channels.WEBHOOK.number: gettext_lazy("Webhook"),
    channels.CHAT.number: gettext_lazy("Chat"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """A channel as people know it, and whether we know how to reach them there."""

    number: int
    key: str
    label: str
    reachable: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One checkbox; `locked` says why it cannot be changed, `by` who decided."""

    name: str
    column: Column
    on: bool
    by: str
    locked: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One category."""

    key: str
    label: str
    explanation: str
    mandatory: bool
    marketing: bool
    snoozed_until: datetime | None
    preferred: str
    cells: Sequence[Cell]


def label(spec: ChannelSpec) -> str:
    """A channel as people know it, in their language."""
    return str(LABELS.get(spec.number, spec.label))


def columns(wishes: Wishes, rows: Iterable[Category], *, addressed: frozenset[int]) -> list[Column]:
    """The channels worth a choice: any that is used by default, was chosen, or has an address."""
    used = {number for row in rows for number in row.default_channels}
    chosen = {choice.channel for choice in wishes.choices if choice.channel}
    return [
        Column(
            number=spec.number,
            key=spec.key,
            label=label(spec),
            reachable=not spec.addressed or spec.number in addressed,
        )
        for spec in channels.every()
        if spec.number in used | chosen | addressed
    ]


def table(
    wishes: Wishes, shown: Iterable[Category], across: Sequence[Column], *, now: datetime
) -> list[Row]:
    """What holds for a person, row by row."""
    return [_row(category, wishes, across, now) for category in shown]


def _row(category: Category, wishes: Wishes, across: Sequence[Column], now: datetime) -> Row:
    facts = categories.facts_of(category)
    numbers = [spec.number for spec in channels.every()]
    resolved = resolution.resolve(facts, wishes.about(facts.id), channels=numbers, now=now)
    preferred = wishes.settings.get(facts.id, Setting()).preferred_channel
    locale = wishes.locale or get_language() or ""
    return Row(
        key=category.key,
        label=category.label(locale),
        explanation=category.explanation(locale),
        mandatory=category.mandatory,
        marketing=category.kind == CategoryKind.MARKETING,
        snoozed_until=resolved.snoozed_until,
        preferred=channels.by_number(preferred).key if preferred else "",
        cells=[_cell(category, column, resolved.channels, wishes) for column in across],
    )


def _cell(
    category: Category, column: Column, resolved: Mapping[int, Effective], wishes: Wishes
) -> Cell:
    effective = resolved[column.number]
    alone = [number for number, one in resolved.items() if one.enabled] == [column.number]
    locked = ""
    if effective.source is Source.STOP:
        locked = _("You replied STOP, or reported a message as spam.")
    elif category.mandatory and alone:
        locked = _("One way must stay on. Turn on another one first.")
    return Cell(
        name=f"{category.key}:{column.key}",
        column=column,
        on=effective.enabled,
        by=_decided(effective, column, wishes),
        locked=locked,
    )


def _decided(effective: Effective, column: Column, wishes: Wishes) -> str:
    day = ""
    if effective.at is not None:
        day = date_format(effective.at.astimezone(wishes.zone()), "DATE_FORMAT")
    match effective.source:
        case Source.STOP:
            return _("stopped by you")
        case Source.MANDATORY:
            return _("always on")
        case Source.CONSENT:
            if not effective.enabled:
                return _("off until you agree")
            return _("you agreed on %(day)s") % {"day": day}
        case Source.CHANNEL:
            said = _("your choice for all of %(channel)s, %(day)s")
            return said % {"channel": column.label, "day": day}
        case Source.CATEGORY_CHANNEL | Source.CATEGORY:
            return _("your choice of %(day)s") % {"day": day}
        case _:
            return _("by default")
