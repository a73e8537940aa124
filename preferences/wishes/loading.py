"""All that people said they want, loaded for many of them in one query."""

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

# One statement, because for one person a question costs more than its answer: the person, then
# their choices, settings, consents and stopped channels, each with what it has of the same columns.
#
# STOP and complaints are the person's own word, unlike a bounce. A channel with several addresses
# is stopped when all of them are. (2, 3: delivery's SuppressionReason COMPLAINT and STOP.)
_LOAD = Statement("""
    SELECT 0 AS kind, id, NULL::bigint AS category, NULL::smallint AS channel,
        erased_at IS NOT NULL AS is_so, paused_until AS at, user_id AS word,
        subject, locale, timezone, quiet_hours::text, changed_at
    FROM recipient WHERE id = ANY(%(ids)s::bigint[])
    UNION ALL (SELECT 1, recipient_id, category_id, nullif(channel, 0), enabled, updated_at, source,
        NULL, NULL, NULL, NULL, NULL
    FROM choice WHERE recipient_id = ANY(%(ids)s::bigint[]) ORDER BY id)
    UNION ALL SELECT 2, recipient_id, category_id, preferred_channel, NULL, snoozed_until, NULL,
        NULL, NULL, NULL, NULL, NULL
    FROM category_setting WHERE recipient_id = ANY(%(ids)s::bigint[])
    UNION ALL (SELECT DISTINCT ON (r.id, c.category_id)
        3, r.id, c.category_id, NULL, c.given, c.at, NULL, NULL, NULL, NULL, NULL, NULL
    FROM recipient AS r JOIN consent AS c ON c.subject = r.subject
    WHERE r.id = ANY(%(ids)s::bigint[]) ORDER BY r.id, c.category_id, c.id DESC)
    UNION ALL SELECT 4, address.recipient_id, NULL, address.channel, NULL, NULL, NULL,
        NULL, NULL, NULL, NULL, NULL
    FROM address LEFT JOIN suppression
        ON suppression.channel = address.channel AND suppression.address_hash = address.hash
        AND suppression.reason IN (2, 3)
        AND (suppression.expires_at IS NULL OR suppression.expires_at > clock_timestamp())
    WHERE address.recipient_id = ANY(%(ids)s::bigint[]) AND address.retired_at IS NULL
    GROUP BY address.recipient_id, address.channel
    HAVING bool_and(suppression.id IS NOT NULL)
""")
_PERSON, _CHOICE, _SETTING, _CONSENT = range(4)  # kinds


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
    """The wishes of each recipient, in one query; erased ones are there, unknown ones not."""
    people: list[tuple[Any, ...]] = []
    choices: dict[int, list[Choice]] = defaultdict(list)
    settings: dict[int, dict[int, Setting]] = defaultdict(dict)
    consents: dict[int, dict[int, Consent]] = defaultdict(dict)
    stopped: dict[int, set[int]] = defaultdict(set)
    with connection.cursor() as cursor:
        _LOAD.run(cursor, ids=list(recipient_ids))
        for kind, id, category, channel, is_so, at, word, *rest in cursor.fetchall():
            if kind == _PERSON:
                people.append((id, is_so, at, word, *rest))
            elif kind == _CHOICE:
                choices[id].append(Choice(category, channel, is_so, at, word))
            elif kind == _SETTING:
                settings[id][category] = Setting(at, channel)
            elif kind == _CONSENT:
                consents[id][category] = Consent(given=is_so, at=at)
            else:
                stopped[id].add(channel)
    return {
        id: _wishes(
            (id, *rest),
            choices=tuple(choices.get(id, ())),
            settings=settings.get(id, _NOTHING),
            consents=consents.get(id, _NOTHING),
            stopped=frozenset(stopped.get(id, ())),
        )
        for id, *rest in people
    }


def _wishes(person: tuple[Any, ...], **said: Any) -> Wishes:
    id, erased, paused_until, user_id, subject, locale, timezone, quiet_hours, changed_at = person
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
