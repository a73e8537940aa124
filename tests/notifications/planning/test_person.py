"""A person as the decision sees them."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from delivery import channels
from notifications.planning.person import person_facts
from preferences import resolution
from preferences.calendar import NEVER
from preferences.resolution import CategoryFacts, Choice, Consent, Kind
from preferences.wishes import Wishes

NOW = datetime(2026, 3, 4, 12, 0, tzinfo=UTC)
EVERY = [spec.number for spec in channels.every()]
EMAIL, SMS = channels.EMAIL.number, channels.SMS.number
CATEGORIES = [
    CategoryFacts(id=7, key=kind.name, kind=kind, default_channels=(EMAIL,), mandatory=mandatory)
    for kind, mandatory in [
        (Kind.TRANSACTIONAL, False),
        (Kind.SECURITY, True),
        (Kind.MARKETING, False),
    ]
]
moments = st.integers(0, 3).map(lambda days: NOW - timedelta(days=days))
choices = st.builds(
    Choice,
    category=st.sampled_from([None, 7, 8]),
    channel=st.sampled_from([None, EMAIL, SMS]),
    enabled=st.booleans(),
    at=moments,
)
consents = st.builds(Consent, given=st.sampled_from([None, True, False]), at=moments)


def person(said: list[Choice], consent: Consent) -> Wishes:
    return Wishes(
        recipient_id=1,
        subject=UUID(int=1),
        user_id="ann",
        locale="",
        timezone="",
        quiet_hours=NEVER,
        paused_until=None,
        changed_at=NOW,
        erased=False,
        choices=tuple(said),
        consents={7: consent},
    )


@given(st.sampled_from(CATEGORIES), st.lists(choices, max_size=5), consents)
def test_what_a_person_wants_is_what_they_said_in_the_order_they_said_it(
    category: CategoryFacts, said: list[Choice], consent: Consent
) -> None:
    wishes = person(said, consent)

    seen = person_facts(wishes, category, (), now=NOW, guest=True, variables={})

    wanted = resolution.resolve(category, wishes.about(7), channels=EVERY, now=NOW)
    assert seen.preferred_channel == wanted.preferred
    assert {
        number: (one.enabled, one.source, one.reason) for number, one in seen.effective.items()
    } == {number: (one.enabled, one.source, one.reason) for number, one in wanted.channels.items()}
