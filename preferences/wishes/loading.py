"""All that people said they want, loaded for many of them in one query."""

import json
import logging
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

# One statement, because for one person a question costs more than its answer. What was said comes
# as JSON, and nothing at all for those who said nothing.
#
# STOP and complaints are the person's own word, unlike a bounce. A channel with several addresses
# is stopped when all of them are. (2, 3: delivery's SuppressionReason COMPLAINT and STOP.)
_LOAD = Statement("""
    SELECT r.id, r.subject, r.user_id, r.locale, r.timezone, r.quiet_hours, r.paused_until,
        r.changed_at, r.erased_at IS NOT NULL,
        (SELECT json_agg(json_build_array(
                category_id, nullif(channel, 0), enabled, updated_at, source) ORDER BY id)
            FROM choice WHERE recipient_id = r.id)::text,
        (SELECT json_agg(json_build_array(category_id, snoozed_until, preferred_channel))
            FROM category_setting WHERE recipient_id = r.id)::text,
        (SELECT json_agg(json_build_array(category_id, given, at)) FROM (
            SELECT DISTINCT ON (category_id) category_id, given, at
            FROM consent WHERE subject = r.subject ORDER BY category_id, id DESC) AS latest)::text,
        ARRAY(SELECT address.channel
            FROM address LEFT JOIN suppression
                ON suppression.channel = address.channel
                AND suppression.address_hash = address.hash
                AND suppression.reason IN (2, 3)
                AND (suppression.expires_at IS NULL OR suppression.expires_at > clock_timestamp())
            WHERE address.recipient_id = r.id AND address.retired_at IS NULL
            GROUP BY address.channel HAVING bool_and(suppression.id IS NOT NULL))
    FROM recipient AS r WHERE r.id = ANY(%(ids)s::bigint[])
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
    """The wishes of each recipient, in one query; erased ones are there, unknown ones not."""
    with connection.cursor() as cursor:
        _LOAD.run(cursor, ids=list(recipient_ids))
        return {row[0]: _wishes(*row) for row in cursor.fetchall()}


def _wishes(id: int, *row: Any) -> Wishes:
    subject, user_id, locale, zone, quiet, *dates, choices, settings, consents, stopped = row
    paused_until, changed_at, erased = dates
    return Wishes(
        recipient_id=id,
        subject=subject,
        user_id=user_id,
        locale=locale,
        timezone=zone,
        quiet_hours=_week(id, quiet),
        paused_until=paused_until,
        changed_at=changed_at,
        erased=erased,
        choices=tuple(map(_choice, json.loads(choices))) if choices else (),
        settings=dict(map(_setting, json.loads(settings))) if settings else _NOTHING,
        consents=dict(map(_consent, json.loads(consents))) if consents else _NOTHING,
        stopped=frozenset(stopped),
    )


def _choice(said: list[Any]) -> Choice:
    category, channel, enabled, at, source = said
    return Choice(
        category=category, channel=channel, enabled=enabled, at=_moment(at), source=source
    )


def _setting(said: list[Any]) -> tuple[int, Setting]:
    category, snoozed_until, preferred = said
    return category, Setting(snoozed_until and _moment(snoozed_until), preferred)


def _consent(said: list[Any]) -> tuple[int, Consent]:
    category, given, at = said
    return category, Consent(given=given, at=_moment(at))


_moment = datetime.fromisoformat


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
