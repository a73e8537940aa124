"""All that people said they want, loaded for many of them in as many queries as for one."""

import logging
from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Any, NamedTuple
from uuid import UUID
from zoneinfo import ZoneInfo

from django.db import connection

from notifysite.plumbing.statements import Statement
from preferences import calendar, resolution
from preferences.calendar import Week
from preferences.resolution import NO_CONSENT, Choice, Consent

logger = logging.getLogger(__name__)

_PEOPLE = Statement("""
    SELECT id, subject, user_id, locale, timezone, quiet_hours, paused_until, changed_at,
        erased_at IS NOT NULL
    FROM recipient WHERE id = ANY(%(ids)s::bigint[])
""")
_CHOICES = Statement("""
    SELECT recipient_id, category_id, nullif(channel, 0), enabled, updated_at, source
    FROM choice WHERE recipient_id = ANY(%(ids)s::bigint[]) ORDER BY id
""")
_SETTINGS = Statement("""
    SELECT recipient_id, category_id, snoozed_until, preferred_channel
    FROM category_setting WHERE recipient_id = ANY(%(ids)s::bigint[])
""")
_CONSENTS = Statement("""
    SELECT DISTINCT ON (subject, category_id) subject, category_id, given, at
    FROM consent WHERE subject = ANY(%(ids)s::uuid[])
    ORDER BY subject, category_id, id DESC
""")
# STOP and complaints are the person's own word, unlike a bounce. A channel with several addresses
# is stopped when all of them are. (2, 3: delivery's SuppressionReason COMPLAINT and STOP.)
_STOPPED = Statement("""
    SELECT address.recipient_id, address.channel
    FROM address LEFT JOIN suppression
        ON suppression.channel = address.channel AND suppression.address_hash = address.hash
        AND suppression.reason IN (2, 3)
        AND (suppression.expires_at IS NULL OR suppression.expires_at > clock_timestamp())
    WHERE address.recipient_id = ANY(%(ids)s::bigint[]) AND address.retired_at IS NULL
    GROUP BY address.recipient_id, address.channel
    HAVING bool_and(suppression.id IS NOT NULL)
""")


class Setting(NamedTuple):
    """A person's finer wishes about one category."""

    snoozed_until: datetime | None = None
    preferred_channel: int | None = None


_UNSAID = Setting()
_NOTHING: Mapping[int, Any] = MappingProxyType({})


class Wishes(NamedTuple):
    """What one person said, about everything; `settings` and `consents` are by category id.

    `changed_at` is what to remember of a decision: any other value later on means decide again.
    """

    recipient_id: int
    subject: UUID
    user_id: str | None
    locale: str
    timezone: str
    quiet_hours: Week
    paused_until: datetime | None
    changed_at: datetime
    erased: bool
    choices: tuple[Choice, ...] = ()
    settings: Mapping[int, Setting] = _NOTHING
    consents: Mapping[int, Consent] = _NOTHING
    stopped: frozenset[int] = frozenset()

    def about(self, category_id: int) -> resolution.Wishes:
        """What counts for one category, as `resolution.resolve` takes it."""
        setting = self.settings.get(category_id, _UNSAID)
        return resolution.Wishes(
            choices=self.choices,
            consent=self.consents.get(category_id, NO_CONSENT),
            stopped=self.stopped,
            snoozed_until=setting.snoozed_until,
            preferred_channel=setting.preferred_channel,
        )

    def zone(self) -> ZoneInfo:
        """Where the person is; UTC when nobody said."""
        return _zone(self.timezone)

    def quiet_zone(self) -> ZoneInfo:
        """The zone in which the quiet hours are meant."""
        return _zone(self.quiet_hours.timezone or self.timezone)


def load(recipient_ids: Iterable[int]) -> dict[int, Wishes]:
    """The wishes of each recipient, in five queries; erased ones are there, unknown ones not."""
    ids = list(recipient_ids)
    people = _rows(_PEOPLE, ids)
    choices = _choices(ids)
    settings = _settings(ids)
    consents = _consents([subject for _, subject, *_ in people])
    stopped = _stopped(ids)
    return {
        id: _wishes(
            (id, subject, *rest),
            choices=tuple(choices[id]),
            settings=settings[id],
            consents=consents[subject],
            stopped=frozenset(stopped[id]),
        )
        for id, subject, *rest in people
    }


def _choices(ids: list[int]) -> dict[int, list[Choice]]:
    found: dict[int, list[Choice]] = defaultdict(list)
    for id, category, channel, enabled, at, source in _rows(_CHOICES, ids):
        found[id].append(
            Choice(category=category, channel=channel, enabled=enabled, at=at, source=source)
        )
    return found


def _settings(ids: list[int]) -> dict[int, dict[int, Setting]]:
    found: dict[int, dict[int, Setting]] = defaultdict(dict)
    for id, category, snoozed_until, preferred in _rows(_SETTINGS, ids):
        found[id][category] = Setting(snoozed_until, preferred)
    return found


def _consents(subjects: list[UUID]) -> dict[UUID, dict[int, Consent]]:
    found: dict[UUID, dict[int, Consent]] = defaultdict(dict)
    for subject, category, given, at in _rows(_CONSENTS, subjects):
        found[subject][category] = Consent(given=given, at=at)
    return found


def _stopped(ids: list[int]) -> dict[int, set[int]]:
    found: dict[int, set[int]] = defaultdict(set)
    for id, channel in _rows(_STOPPED, ids):
        found[id].add(channel)
    return found


def _rows(statement: Statement, ids: list[Any]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        statement.run(cursor, ids=ids)
        return list(cursor.fetchall())


def _wishes(person: tuple[Any, ...], **said: Any) -> Wishes:
    id, subject, user_id, locale, timezone, quiet_hours, paused_until, changed_at, erased = person
    return Wishes(
        recipient_id=id,
        subject=subject,
        user_id=user_id,
        locale=locale,
        timezone=timezone,
        quiet_hours=_week(id, quiet_hours),
        paused_until=paused_until,
        changed_at=changed_at,
        erased=erased,
        **said,
    )


def _week(recipient_id: int, kept: str | None) -> Week:
    if kept is None:
        return calendar.NEVER
    try:
        return calendar.kept_week(kept)
    except calendar.WeekInvalid:
        # One person's broken row must not hold up the batch they are in.
        logger.error("quiet hours unreadable", extra={"recipient_id": recipient_id})
        return calendar.NEVER


def _zone(name: str) -> ZoneInfo:
    try:
        return calendar.zone(name or "UTC")
    except calendar.UnknownZone:
        return calendar.zone("UTC")
