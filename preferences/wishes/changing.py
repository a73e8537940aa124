"""Change what one person wants: one locked person, one transaction, one entry in the audit."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection, transaction

from delivery import channels
from notifysite.plumbing import audit
from notifysite.plumbing.faults import Fault
from preferences import calendar, categories, consent, topics
from preferences.models import CategorySetting
from preferences.models.recipient import CHANGED
from preferences.resolution import CategoryFacts, Choice
from preferences.wanted import ABSENT
from preferences.wishes.drafting import Draft, Place, draft, faults
from preferences.wishes.edits import CategoryEdit, Edits, EditsInvalid, read
from preferences.wishes.loading import Wishes, load

_LOCK = "SELECT erased_at IS NULL FROM recipient WHERE id = %s FOR NO KEY UPDATE"
_CHOOSE = """
    INSERT INTO choice (recipient_id, category_id, channel, enabled, source, updated_at)
    SELECT %s, category_id, channel, enabled, source, updated_at
    FROM unnest(%s::bigint[], %s::smallint[], %s::boolean[], %s::text[], %s::timestamptz[])
        AS fresh (category_id, channel, enabled, source, updated_at)
    ON CONFLICT (recipient_id, (coalesce(category_id, 0)), channel) DO UPDATE
    SET enabled = excluded.enabled, source = excluded.source, updated_at = excluded.updated_at
"""
_FORGET = """
    DELETE FROM choice USING unnest(%s::bigint[], %s::smallint[]) AS gone (category_id, channel)
    WHERE choice.recipient_id = %s AND choice.channel = gone.channel
        AND choice.category_id IS NOT DISTINCT FROM gone.category_id
"""
_SAVE = f"""
    UPDATE recipient
    SET quiet_hours = %s::jsonb, paused_until = %s, locale = %s, timezone = %s,
        {CHANGED}
    WHERE id = %s RETURNING changed_at
"""  # noqa: S608


class RecipientGone(LookupError):
    """No such person, or they were erased."""


@dataclass(frozen=True, slots=True, kw_only=True)
class By:
    """Who changes it (for the audit), by what way, and the text shown where consent was asked."""

    actor: str
    source: str  # person, api, unsubscribe_link, unsubscribe:<provider>, import
    shown: str = ""


def set_preferences(recipient_id: int, body: Any, *, by: By, now: datetime) -> Wishes:
    """Apply the body of a PATCH of preferences. Raises EditsInvalid, RecipientGone."""
    known = categories.every()
    return _change(recipient_id, read(body, known), known, by=by, now=now)


def set_choice(
    recipient_id: int,
    *,
    category: str | None,
    channel: int | None,
    enabled: bool | None,
    by: By,
    now: datetime,
) -> Wishes:
    """Switch a category, a channel, one in the other, or (neither named) everything.

    None as `enabled` goes back to what holds by default. Raises EditsInvalid, RecipientGone.
    """
    known = categories.every()
    if category is not None and category not in known:
        raise EditsInvalid((Fault("", "unknown_category", "There is no such category."),))
    if category is not None and channel is not None:
        edits = Edits(categories={category: CategoryEdit(channels={channel: enabled})})
    elif category is not None:
        edits = Edits(categories={category: CategoryEdit(enabled=enabled)})
    elif channel is not None:
        edits = Edits(channels={channel: enabled})
    else:
        edits = Edits(everything=enabled)
    return _change(recipient_id, edits, known, by=by, now=now)


def _change(
    recipient_id: int,
    edits: Edits,
    known: Mapping[str, CategoryFacts],
    *,
    by: By,
    now: datetime,
) -> Wishes:
    with transaction.atomic():
        before = _locked(recipient_id)
        drafted = draft(before, edits, known, source=by.source, now=now)
        found = tuple(faults(drafted.after, edits, known, now=now))
        if found:
            raise EditsInvalid(found)
        moved = _move(recipient_id, edits)
        if drafted == Draft(after=before) and not moved:
            return before
        _write(drafted, by)
        after = drafted.after._replace(changed_at=_save(drafted.after))
        _record(drafted, before, known, by, moved)
        return after


def _locked(recipient_id: int) -> Wishes:
    with connection.cursor() as cursor:
        cursor.execute(_LOCK, [recipient_id])
        if cursor.fetchone() != (True,):
            raise RecipientGone(f"recipient {recipient_id}")
    return load([recipient_id])[recipient_id]


def _move(recipient_id: int, edits: Edits) -> dict[str, bool]:
    """The topics a person joined (true) and left."""
    return {} if edits.topics is ABSENT else topics.replace(recipient_id, edits.topics or ())


def _write(drafted: Draft, by: By) -> None:
    wishes = drafted.after
    _choose(wishes.recipient_id, [choice for choice in drafted.choices.values() if choice])
    _forget(wishes.recipient_id, [place for place, made in drafted.choices.items() if not made])
    CategorySetting.objects.bulk_create(
        [
            CategorySetting(
                recipient_id=wishes.recipient_id,
                category_id=category_id,
                snoozed_until=setting.snoozed_until,
                preferred_channel=setting.preferred_channel,
            )
            for category_id, setting in drafted.settings.items()
        ],
        update_conflicts=True,
        unique_fields=["recipient", "category"],
        update_fields=["snoozed_until", "preferred_channel", "updated_at"],
    )
    consent.record(
        wishes.subject,
        [
            consent.Said(
                category_id=category_id,
                given=given,
                source=by.source,
                text=by.shown,
                locale=wishes.locale,
            )
            for category_id, given in drafted.consents.items()
        ],
    )


def _choose(recipient_id: int, choices: list[Choice]) -> None:
    if not choices:
        return
    values: list[list[Any]] = [
        [choice.category for choice in choices],
        [choice.channel or channels.PREFERRED for choice in choices],
        [choice.enabled for choice in choices],
        [choice.source for choice in choices],
        [choice.at for choice in choices],
    ]
    with connection.cursor() as cursor:
        cursor.execute(_CHOOSE, [recipient_id, *values])


def _forget(recipient_id: int, places: list[Place]) -> None:
    if not places:
        return
    category_ids = [category for category, _ in places]
    numbers = [channel or channels.PREFERRED for _, channel in places]
    with connection.cursor() as cursor:
        cursor.execute(_FORGET, [category_ids, numbers, recipient_id])


def _save(wishes: Wishes) -> datetime:
    week = calendar.week_json(wishes.quiet_hours)
    values = [
        json.dumps(week) if week["days"] else None,
        wishes.paused_until,
        wishes.locale,
        wishes.timezone,
        wishes.recipient_id,
    ]
    with connection.cursor() as cursor:
        cursor.execute(_SAVE, values)
        changed_at: datetime = cursor.fetchone()[0]
    return changed_at


def _record(
    drafted: Draft,
    before: Wishes,
    known: Mapping[str, CategoryFacts],
    by: By,
    moved: Mapping[str, bool],
) -> None:
    after = drafted.after
    names = {category.id: category.key for category in known.values()}
    audit.record(
        actor=by.actor,
        action="preferences.changed",
        target=f"user:{after.subject}",
        subject=after.subject,
        detail={
            "source": by.source,
            "choices": [
                _choice_said(place, made, names) for place, made in drafted.choices.items()
            ],
            "consents": {names[id]: given for id, given in drafted.consents.items()},
            "settings": [names[id] for id in drafted.settings],
            "changed": list(_columns_changed(before, after)),
            "topics": moved,
        },
    )


def _choice_said(place: Place, made: Choice | None, names: Mapping[int, str]) -> dict[str, Any]:
    category, channel = place
    return {
        "category": None if category is None else names.get(category, str(category)),
        "channel": None if channel is None else channels.by_number(channel).key,
        "enabled": made.enabled if made else None,
    }


def _columns_changed(before: Wishes, after: Wishes) -> Iterable[str]:
    for name in ("quiet_hours", "paused_until", "locale", "timezone"):
        if getattr(before, name) != getattr(after, name):
            yield name
