"""What a person wants of a category, and who decided it."""

import dataclasses
import itertools
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from delivery.channels import EMAIL, IN_APP, SMS
from delivery.lifecycle import Reason
from preferences.models import CategoryKind
from preferences.resolution import (
    CategoryFacts,
    Choice,
    Consent,
    Effective,
    Kind,
    Source,
    Why,
    Wishes,
    resolve,
)

EMAIL_, SMS_, IN_APP_ = EMAIL.number, SMS.number, IN_APP.number
CHANNELS = (EMAIL_, SMS_, IN_APP_)
ORDERS = CategoryFacts(
    id=7, key="orders", kind=Kind.TRANSACTIONAL, default_channels=(EMAIL_, IN_APP_)
)
SECURITY = dataclasses.replace(ORDERS, key="security", kind=Kind.SECURITY, mandatory=True)
NEWS = dataclasses.replace(ORDERS, key="news", kind=Kind.MARKETING)
START = datetime(2026, 1, 1, tzinfo=UTC)


def day(number: int) -> datetime:
    return START + timedelta(days=number)


NOW = day(100)


def choice(category, channel, enabled, at=1) -> Choice:
    return Choice(category=category, channel=channel, enabled=enabled, at=day(at))


def both(enabled, at=1, channel=EMAIL_) -> Choice:
    return choice(ORDERS.id, channel, enabled, at)


def channel_wide(enabled, at=1, channel=EMAIL_) -> Choice:
    return choice(None, channel, enabled, at)


def category_wide(enabled, at=1) -> Choice:
    return choice(ORDERS.id, None, enabled, at)


def everything(enabled, at=1) -> Choice:
    return choice(None, None, enabled, at)


def resolved(*choices, category=ORDERS, **wishes):
    wishes = Wishes(choices=choices, **wishes)
    return resolve(category, wishes, channels=CHANNELS, now=NOW)


def email(*choices, category=ORDERS, **wishes) -> Effective:
    return resolved(*choices, category=category, **wishes).channels[EMAIL_]


def on(source: Source, at=None) -> Effective:
    return Effective(enabled=True, source=source, at=None if at is None else day(at))


def off(source: Source, reason: Why, at=None) -> Effective:
    return Effective(
        enabled=False, source=source, reason=reason, at=None if at is None else day(at)
    )


def test_the_words_are_those_of_the_api_and_the_reasons_those_of_a_skip():
    choices = "choice_category_channel choice_channel choice_category"
    assert " ".join(Source) == f"stop consent mandatory {choices} default"
    assert {why.name for why in Why} <= {reason.name for reason in Reason}
    assert all(why == why.name.lower() for why in Why)
    assert {kind.name: kind.value for kind in Kind} == {k.name: k.value for k in CategoryKind}


def test_nothing_said_leaves_the_categorys_default():
    assert resolved().channels == {
        EMAIL_: on(Source.DEFAULT),
        SMS_: off(Source.DEFAULT, Why.NOT_SUBSCRIBED),
        IN_APP_: on(Source.DEFAULT),
    }


@pytest.mark.parametrize(
    ("choices", "expected"),
    [
        ([category_wide(False)], off(Source.CATEGORY, Why.OPTED_OUT_CATEGORY, 1)),
        ([category_wide(True)], on(Source.CATEGORY, 1)),
        ([channel_wide(False)], off(Source.CHANNEL, Why.OPTED_OUT_CHANNEL, 1)),
        ([channel_wide(True)], on(Source.CHANNEL, 1)),
        ([both(False)], off(Source.CATEGORY_CHANNEL, Why.OPTED_OUT_CHANNEL, 1)),
        ([both(True)], on(Source.CATEGORY_CHANNEL, 1)),
        ([both(True), category_wide(False, 2)], on(Source.CATEGORY_CHANNEL, 1)),
        ([channel_wide(True), category_wide(False, 2)], on(Source.CHANNEL, 1)),
        (
            [both(False), channel_wide(True, 2)],
            off(Source.CATEGORY_CHANNEL, Why.OPTED_OUT_CHANNEL, 1),
        ),
        (
            [channel_wide(False), category_wide(True, 2)],
            off(Source.CHANNEL, Why.OPTED_OUT_CHANNEL, 1),
        ),
    ],
)
def test_the_nearer_choice_decides(choices, expected):
    assert email(*choices) == expected
    assert email(*reversed(choices)) == expected


@pytest.mark.parametrize(("at", "enabled"), [(1, False), (2, False), (3, True)])
def test_a_channel_off_for_everything_gives_way_only_to_a_later_choice_for_both(at, enabled):
    effective = email(channel_wide(False, at=2), both(True, at=at))
    if enabled:
        assert effective == on(Source.CATEGORY_CHANNEL, 3)
    else:
        assert effective == off(Source.CHANNEL, Why.OPTED_OUT_CHANNEL, 2)


@pytest.mark.parametrize(("at", "enabled"), [(1, False), (2, False), (3, True)])
@pytest.mark.parametrize("later", [both, channel_wide, category_wide])
def test_everything_off_gives_way_only_to_a_later_choice(later, at, enabled):
    effective = email(everything(False, at=2), later(True, at=at))
    assert effective.enabled is enabled
    if not enabled:
        assert effective == off(Source.CATEGORY, Why.OPTED_OUT_CATEGORY, 2)


def test_everything_on_brings_back_the_defaults():
    assert resolved(everything(False), everything(True, 2)).channels == resolved().channels


def test_switching_a_category_on_means_its_default_channels():
    assert resolved(category_wide(True)).channels[SMS_] == off(Source.DEFAULT, Why.NOT_SUBSCRIBED)
    bare = dataclasses.replace(ORDERS, default_channels=())
    assert set(resolved(category_wide(True), category=bare).channels.values()) == {
        on(Source.CATEGORY, 1)
    }


def test_choices_about_other_categories_say_nothing():
    assert email(choice(8, None, False), choice(8, EMAIL_, False)) == on(Source.DEFAULT)


def test_the_newest_of_several_choices_counts_and_off_wins_a_tie():
    assert email(both(True, 2), both(False, 1)).enabled
    assert not email(both(False, 2), both(True, 2)).enabled
    assert not email(both(True, 2), both(False, 2)).enabled


def test_stop_beats_everything_the_person_or_the_category_says():
    for category, word in itertools.product((ORDERS, SECURITY, NEWS), (True, None)):
        effective = email(
            both(True, 50),
            category=category,
            consent=Consent(given=word, at=day(60)),
            stopped=frozenset({EMAIL_}),
        )
        assert effective == off(Source.STOP, Why.SUPPRESSED)


@pytest.mark.parametrize("word", [None, False])
def test_marketing_is_off_without_consent_whatever_was_chosen(word):
    consent = Consent(given=word, at=day(5))
    choices = (both(True, 9), channel_wide(True, 9), category_wide(True, 9))
    expected = off(Source.CONSENT, Why.NO_CONSENT, 5)
    for category in (NEWS, dataclasses.replace(NEWS, mandatory=True)):
        assert email(*choices, category=category, consent=consent) == expected


def test_consent_turns_the_default_channels_on_and_choices_count_again():
    consent = Consent(given=True, at=day(5))
    assert resolved(category=NEWS, consent=consent).channels == {
        EMAIL_: on(Source.CONSENT, 5),
        SMS_: off(Source.DEFAULT, Why.NOT_SUBSCRIBED),
        IN_APP_: on(Source.CONSENT, 5),
    }
    declined = email(both(False, 6), category=NEWS, consent=consent)
    assert declined == off(Source.CATEGORY_CHANNEL, Why.OPTED_OUT_CHANNEL, 6)


def test_in_a_mandatory_category_the_person_chooses_the_channels():
    channels = resolved(both(False), both(True, channel=SMS_), category=SECURITY).channels
    assert channels == {
        EMAIL_: off(Source.CATEGORY_CHANNEL, Why.OPTED_OUT_CHANNEL, 1),
        SMS_: on(Source.CATEGORY_CHANNEL, 1),
        IN_APP_: on(Source.DEFAULT),
    }


@pytest.mark.parametrize("broad", [category_wide(False), everything(False)])
def test_a_mandatory_category_cannot_be_switched_off(broad):
    assert resolved(broad, category=SECURITY) == resolved(category=SECURITY)


def test_one_channel_of_a_mandatory_category_stays_the_first_default_not_stopped():
    all_off = [both(False, channel=channel) for channel in CHANNELS]
    assert email(*all_off, category=SECURITY) == on(Source.MANDATORY)
    stopped = resolved(*all_off, category=SECURITY, stopped=frozenset({EMAIL_})).channels
    assert [stopped[channel].enabled for channel in CHANNELS] == [False, False, True]
    defaults_stopped = frozenset({EMAIL_, IN_APP_})
    last = resolved(*all_off, category=SECURITY, stopped=defaults_stopped).channels
    assert last[SMS_] == on(Source.MANDATORY)


def test_the_default_that_stays_follows_the_categorys_order_not_the_callers():
    reordered = dataclasses.replace(SECURITY, default_channels=(IN_APP_, EMAIL_))
    all_off = [channel_wide(False, channel=channel) for channel in CHANNELS]
    channels = resolved(*all_off, category=reordered).channels
    assert channels[IN_APP_] == on(Source.MANDATORY)
    assert channels[EMAIL_] == off(Source.CHANNEL, Why.OPTED_OUT_CHANNEL, 1)


def test_a_snooze_holds_until_it_ends_and_never_a_mandatory_category():
    assert resolved(snoozed_until=day(101)).snoozed_until == day(101)
    assert resolved(snoozed_until=NOW).snoozed_until is None
    assert resolved(snoozed_until=day(101), category=SECURITY).snoozed_until is None


def test_the_preferred_channel_is_the_wish_if_it_is_on_else_the_first_default_that_is():
    assert resolved(preferred_channel=IN_APP_).preferred == IN_APP_
    assert resolved(preferred_channel=SMS_).preferred == EMAIL_
    assert resolved(both(False), preferred_channel=SMS_).preferred == IN_APP_
    assert resolved(category_wide(False), preferred_channel=EMAIL_).preferred is None


STATES = (None, False, True)


def every_wish():
    """All combinations of the choices that can bear on one channel, at equal and other times."""
    makers = (both, channel_wide, category_wide, everything)
    said = [None, *itertools.product((False, True), (1, 2))]
    for states in itertools.product(said, repeat=len(makers)):
        yield [make(*state) for make, state in zip(makers, states, strict=True) if state]


@pytest.mark.parametrize("category", [ORDERS, SECURITY, NEWS], ids=lambda category: category.key)
@pytest.mark.parametrize("word", STATES)
@pytest.mark.parametrize("stopped", [frozenset(), frozenset({EMAIL_}), frozenset(CHANNELS)])
def test_laws_that_hold_for_every_combination_of_wishes(category, word, stopped):
    consent = Consent(given=word, at=day(3))
    for choices in every_wish():
        result = resolved(*choices, category=category, consent=consent, stopped=stopped)
        assert tuple(result.channels) == CHANNELS
        enabled = {channel for channel, effective in result.channels.items() if effective.enabled}
        assert not enabled & stopped
        assert category is not NEWS or word or not enabled
        assert category is not SECURITY or enabled or stopped == frozenset(CHANNELS)
        assert (result.preferred in enabled) if enabled else (result.preferred is None)
        for effective in result.channels.values():
            assert (effective.reason is None) is effective.enabled


def test_the_order_in_which_choices_are_read_never_matters():
    for choices in every_wish():
        results = [resolved(*order) for order in itertools.permutations(choices)]
        assert all(result == results[0] for result in results)


@pytest.mark.parametrize("no", [both(False, 2), channel_wide(False, 2), everything(False, 2)])
def test_a_no_is_never_turned_into_a_yes_by_an_older_word(no):
    makers = (both, channel_wide, category_wide, everything)
    for states in itertools.product(STATES, repeat=len(makers)):
        older = [
            make(state) for make, state in zip(makers, states, strict=True) if state is not None
        ]
        assert not email(*older, no).enabled


CHOICES = st.lists(
    st.builds(
        choice,
        st.sampled_from([None, ORDERS.id, 8]),
        st.sampled_from([None, *CHANNELS]),
        st.booleans(),
        st.integers(1, 5),
    ),
    max_size=8,
)


@given(CHOICES, st.randoms(use_true_random=False))
def test_any_history_of_choices_reads_the_same_shuffled_and_repeated(choices, random):
    shuffled = [*choices, *choices[:3]]
    random.shuffle(shuffled)
    assert resolved(*shuffled) == resolved(*choices)
