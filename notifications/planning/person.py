"""One person as the decision sees them, for one category."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any

from delivery import channels
from notifications.planning.decision import AddressFacts, PersonFacts
from preferences import resolution
from preferences.resolution import CategoryFacts
from preferences.wishes import Wishes

_BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)


def person_facts(
    person: Wishes,
    category: CategoryFacts,
    addresses: tuple[AddressFacts, ...],
    *,
    now: datetime,
    guest: bool,
    variables: Mapping[str, Any],
) -> PersonFacts:
    """The person as the decision sees them, for one category."""
    said = _timeless(person.about(category.id), category.id)
    found = _resolved(category, said, now)
    return PersonFacts(
        erased=person.erased,
        paused_until=person.paused_until,
        snoozed_until=found.snoozed_until,
        preferred_channel=found.preferred,
        zone=person.quiet_zone(),
        quiet=person.quiet_hours,
        effective=found.channels,
        addresses=addresses,
        variables=variables,
        guest=guest,
    )


def _timeless(said: resolution.Wishes, category: int) -> resolution.Wishes:
    """What one person said of a category, without when: of choices only their order counts."""
    if not said.choices and said.consent is resolution.NO_CONSENT:
        return said
    mine = [one for one in said.choices if one.category in (None, category)]
    order = {at: place for place, at in enumerate(sorted({one.at for one in mine}))}
    return said._replace(
        choices=tuple(
            resolution.Choice(
                category=one.category,
                channel=one.channel,
                enabled=one.enabled,
                at=_BEGINNING + timedelta(seconds=order[one.at]),
            )
            for one in mine
        ),
        consent=resolution.Consent(given=said.consent.given),
    )


@lru_cache(maxsize=512)
def _resolved(
    category: CategoryFacts, said: resolution.Wishes, now: datetime
) -> resolution.Resolution:
    """Most people of a batch have said the same, which is nothing or one thing."""
    every = [spec.number for spec in channels.every()]
    return resolution.resolve(category, said, channels=every, now=now)
