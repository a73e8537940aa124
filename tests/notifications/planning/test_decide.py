"""The decision: every gate, in order, alone and together."""

import itertools
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from delivery import channels
from delivery.lifecycle import Reason, State
from notifications.catalog.kinds import (
    EXPRESSION,
    IF_FAILED,
    IF_UNSEEN,
    StepFacts,
    TypeFacts,
)
from notifications.planning.decide import decide
from notifications.planning.decision import (
    AddressFacts,
    Does,
    Facts,
    Gate,
    Past,
    PersonFacts,
    StepDecision,
)
from notifications.words import Priority
from preferences.calendar import Week, parse_week
from preferences.resolution import Effective, Source, Why

NOW = datetime(2026, 3, 4, 12, 0, tzinfo=UTC)
EMAIL, SMS, PUSH, IN_APP = (
    channels.EMAIL.number,
    channels.SMS.number,
    channels.WEB_PUSH.number,
    channels.IN_APP.number,
)
ALL = frozenset(spec.number for spec in channels.every())
ON = Effective(enabled=True, source=Source.DEFAULT)
NIGHT = parse_week({"days": {"wednesday": [{"start": "11:00", "end": "13:00"}]}})


def steps(*numbers: int, **values: Any) -> tuple[StepFacts, ...]:
    return tuple(
        StepFacts(position=position, channel=number, **values)
        for position, number in enumerate(numbers, start=1)
    )


def make_type(**values: Any) -> TypeFacts:
    return TypeFacts(
        **{
            "id": 1,
            "key": "order_shipped",
            "active": True,
            "category": "orders",
            "mandatory": False,
            "default_channels": (EMAIL, IN_APP),
            "steps": steps(EMAIL, IN_APP),
            "templates": ALL,
        }
        | values
    )


def make_person(**values: Any) -> PersonFacts:
    return PersonFacts(
        **{
            "zone": ZoneInfo("UTC"),
            "effective": dict.fromkeys(ALL, ON),
            "addresses": (
                AddressFacts(id=1, channel=EMAIL),
                AddressFacts(id=2, channel=SMS),
                AddressFacts(id=3, channel=PUSH),
                AddressFacts(id=4, channel=PUSH),
            ),
        }
        | values
    )


def make_facts(
    *, type: Mapping[str, Any] | None = None, person: Mapping[str, Any] | None = None, **values: Any
) -> Facts:
    return Facts(
        **{
            "now": NOW,
            "start": NOW,
            "providers": ALL,
            "type": make_type(**(type or {})),
            "person": make_person(**(person or {})),
        }
        | values
    )


def outcomes(facts: Facts) -> list[tuple[int, str, Reason | None]]:
    return [(s.channel, s.outcome.value, s.reason) for s in decide(facts).steps]


def test_what_nothing_forbids_is_sent_to_the_current_address() -> None:
    decision = decide(make_facts())

    assert [(s.step, s.channel, s.outcome, s.addresses) for s in decision.steps] == [
        (1, EMAIL, Does.SEND, (1,)),
        (2, IN_APP, Does.SEND, ()),
    ]
    assert decision.due_at is None
    assert not decision.waits


def test_a_push_goes_to_every_device() -> None:
    (step,) = decide(make_facts(type={"steps": steps(PUSH)})).steps

    assert step.addresses == (3, 4)


@pytest.mark.parametrize(
    ("taken", "outcome", "reason", "leaves_for"),
    [
        ({"fcm", "apns"}, "send", None, (1, 2)),
        ({"fcm"}, "send", None, (1,)),
        ({"apns"}, "send", None, (2,)),
        ({"other"}, "skip", Reason.NO_PROVIDER, ()),
        ({"huawei"}, "skip", Reason.SUPPRESSED, ()),
    ],
)
def test_a_push_goes_to_the_devices_that_somebody_takes(
    taken: set[str], outcome: str, reason: Reason | None, leaves_for: tuple[int, ...]
) -> None:
    there = (
        AddressFacts(id=1, channel=PUSH, kind="fcm"),
        AddressFacts(id=2, channel=PUSH, kind="apns"),
        AddressFacts(id=3, channel=PUSH, kind="huawei", suppressed=True),
    )
    facts = make_facts(
        type={"steps": steps(PUSH)}, person={"addresses": there}, kinds={PUSH: frozenset(taken)}
    )

    assert outcomes(facts) == [(PUSH, outcome, reason)]
    assert decide(facts).steps[0].addresses == leaves_for


OFF = Effective(enabled=False, source=Source.CATEGORY, reason=Why.OPTED_OUT_CATEGORY)
# (what differs, what becomes of an email step, why): each gate alone.
ALONE: list[tuple[str, dict[str, Any], str, Reason]] = [
    ("inactive", {"type": {"active": False}}, "skip", Reason.INACTIVE_TYPE),
    ("revoked", {"key_live": False}, "skip", Reason.CANCELLED),
    ("narrowed", {"only_channels": frozenset({SMS})}, "skip", Reason.EXCLUDED),
    ("wordless", {"type": {"templates": frozenset({SMS})}}, "skip", Reason.NO_TEMPLATE),
    ("no provider", {"providers": frozenset({SMS})}, "skip", Reason.NO_PROVIDER),
    ("expired", {"expires_at": NOW}, "skip", Reason.EXPIRED),
    ("no guest", {"person": {"guest": False}}, "skip", Reason.NOT_ON_GUEST_LIST),
    ("erased", {"person": {"erased": True}}, "skip", Reason.ERASED),
    ("paused", {"person": {"paused_until": NOW + timedelta(1)}}, "hold", Reason.PAUSED),
    ("off", {"person": {"effective": dict.fromkeys(ALL, OFF)}}, "skip", Reason.OPTED_OUT_CATEGORY),
    ("withdrawn", {"withdrawn": True}, "skip", Reason.CANCELLED),
    ("left", {"subscribed": False}, "skip", Reason.NOT_SUBSCRIBED),
    ("snoozed", {"person": {"snoozed_until": NOW + timedelta(1)}}, "hold", Reason.SNOOZED),
    ("nowhere", {"person": {"addresses": ()}}, "skip", Reason.NO_ADDRESS),
    (
        "suppressed",
        {"person": {"addresses": (AddressFacts(id=1, channel=EMAIL, suppressed=True),)}},
        "skip",
        Reason.SUPPRESSED,
    ),
    ("quiet", {"person": {"quiet": NIGHT}}, "hold", Reason.QUIET_HOURS),
]


@pytest.mark.parametrize(
    ("values", "outcome", "reason"), [row[1:] for row in ALONE], ids=[row[0] for row in ALONE]
)
def test_each_gate_alone_stops_an_email(
    values: dict[str, Any], outcome: str, reason: Reason
) -> None:
    facts = make_facts(**{**values, "type": {"steps": steps(EMAIL), **values.get("type", {})}})

    assert outcomes(facts) == [(EMAIL, outcome, reason)]


def merged(*rows: tuple[str, dict[str, Any], str, Reason]) -> Facts:
    values: dict[str, Any] = {"type": {"steps": steps(EMAIL)}, "person": {}}
    for _, differs, _, _ in rows:
        for name, value in differs.items():
            if name in ("type", "person"):
                values[name] = {**value, **values[name]}
            else:
                values[name] = value
    return make_facts(**values)


@pytest.mark.parametrize(
    "pair",
    list(itertools.combinations(ALONE, 2)),
    ids=lambda pair: f"{pair[0][0]} and {pair[1][0]}",
)
def test_of_two_reasons_the_earlier_gate_answers(
    pair: tuple[tuple[str, dict[str, Any], str, Reason], ...],
) -> None:
    first, _ = pair

    assert outcomes(merged(*pair)) == [(EMAIL, first[2], first[3])]


def test_the_in_app_item_is_stored_through_pause_snooze_and_quiet_hours() -> None:
    facts = make_facts(
        type={"steps": steps(IN_APP)},
        person={
            "quiet": NIGHT,
            "paused_until": NOW + timedelta(1),
            "snoozed_until": NOW + timedelta(1),
        },
    )

    assert outcomes(facts) == [(IN_APP, "send", None)]


def test_critical_passes_quiet_hours_pause_and_snooze() -> None:
    facts = make_facts(
        priority=Priority.CRITICAL,
        type={"steps": steps(SMS)},
        person={
            "quiet": NIGHT,
            "paused_until": NOW + timedelta(1),
            "snoozed_until": NOW + timedelta(1),
        },
    )

    assert outcomes(facts) == [(SMS, "send", None)]


def test_mail_that_does_not_interrupt_passes_quiet_hours() -> None:
    facts = make_facts(type={"email_interrupts": False}, person={"quiet": NIGHT})

    assert [outcome for _, outcome, _ in outcomes(facts)] == ["send", "send"]


def test_quiet_hours_hold_until_they_end() -> None:
    decision = decide(make_facts(person={"quiet": NIGHT}))

    assert decision.due_at == datetime(2026, 3, 4, 13, 0, tzinfo=UTC)
    assert decision.waits


def test_a_hold_past_expiry_is_expired_at_once() -> None:
    facts = make_facts(expires_at=NOW + timedelta(minutes=30), person={"quiet": NIGHT})

    assert outcomes(facts)[0] == (EMAIL, "skip", Reason.EXPIRED)


def test_a_wait_holds_until_its_time_counted_from_the_start() -> None:
    facts = make_facts(type={"steps": steps(EMAIL, wait=120)}, start=NOW - timedelta(seconds=30))

    (step,) = decide(facts).steps
    assert (step.outcome, step.reason, step.until) == (
        Does.HOLD,
        None,
        NOW + timedelta(seconds=90),
    )


def escalation() -> tuple[StepFacts, ...]:
    return (
        StepFacts(position=1, channel=IN_APP),
        StepFacts(position=2, channel=PUSH, wait=120, condition=IF_UNSEEN),
        StepFacts(position=3, channel=EMAIL, wait=3600, condition=IF_UNSEEN),
    )


def sent(step: int, channel: int, *states: State, seen: bool = False) -> Past:
    decision = StepDecision(step=step, channel=channel, outcome=Does.SEND)
    return Past(decision=decision, states=states, seen=seen)


def test_escalation_waits_for_each_step_in_turn() -> None:
    first = decide(make_facts(type={"steps": escalation()}))
    assert [s.outcome for s in first.steps] == [Does.SEND, Does.HOLD, Does.HOLD]
    assert first.due_at == NOW + timedelta(seconds=120)

    later = make_facts(
        type={"steps": escalation()},
        now=NOW + timedelta(seconds=120),
        past={1: sent(1, IN_APP, State.DELIVERED)},
    )
    assert [s.outcome for s in decide(later).steps] == [Does.SEND, Does.SEND, Does.HOLD]


def test_what_was_seen_escalates_no_further() -> None:
    facts = make_facts(
        type={"steps": escalation()},
        now=NOW + timedelta(seconds=5),
        past={1: sent(1, IN_APP, State.DELIVERED, seen=True)},
    )

    assert outcomes(facts)[1:] == [
        (PUSH, "skip", Reason.ALREADY_SEEN),
        (EMAIL, "skip", Reason.ALREADY_SEEN),
    ]


def fallback(wait: int = 0) -> tuple[StepFacts, ...]:
    return (
        StepFacts(position=1, channel=PUSH),
        StepFacts(position=2, channel=SMS, wait=wait, condition=IF_FAILED),
    )


@pytest.mark.parametrize(
    ("states", "wait", "outcome", "reason"),
    [
        ((State.QUEUED,), 0, "hold", None),
        ((State.SENDING,), 0, "hold", None),
        ((State.UNCERTAIN,), 0, "hold", None),
        ((State.SENT,), 0, "skip", Reason.CONDITION_FALSE),
        ((State.DELIVERED,), 0, "skip", Reason.CONDITION_FALSE),
        ((State.SENT,), 60, "hold", None),
        ((State.FAILED,), 0, "send", None),
        ((State.FAILED,), 60, "send", None),
        ((State.BOUNCED,), 0, "send", None),
        ((State.DEAD,), 0, "send", None),
        ((State.FAILED, State.QUEUED), 0, "hold", None),
        ((State.FAILED, State.SENT), 0, "skip", Reason.CONDITION_FALSE),
    ],
)
def test_a_fallback_is_taken_when_the_earlier_step_failed(
    states: tuple[State, ...], wait: int, outcome: str, reason: Reason | None
) -> None:
    facts = make_facts(type={"steps": fallback(wait)}, past={1: sent(1, PUSH, *states)})

    assert outcomes(facts)[1] == (SMS, outcome, reason)


def test_a_fallback_of_a_skipped_step_is_taken_at_once() -> None:
    facts = make_facts(
        type={"steps": fallback()},
        person={"addresses": (AddressFacts(id=2, channel=SMS),)},
    )

    assert outcomes(facts) == [(PUSH, "skip", Reason.NO_ADDRESS), (SMS, "send", None)]


@pytest.mark.parametrize(("total", "outcome"), [(150, "send"), (50, "skip")])
def test_an_expression_decides_by_the_data(total: int, outcome: str) -> None:
    tree = {"path": "data.total", "is": "gt", "value": 100}
    facts = make_facts(
        type={"steps": steps(EMAIL, condition=EXPRESSION, expression=tree)},
        person={"variables": {"data": {"total": total}}},
    )

    assert outcomes(facts)[0][1] == outcome


def test_the_preferred_channel_is_the_persons_own() -> None:
    facts = make_facts(type={"steps": steps(channels.PREFERRED)}, person={"preferred_channel": SMS})

    assert outcomes(facts) == [(SMS, "send", None)]


def test_where_the_preferred_channel_cannot_be_used_the_next_one_is() -> None:
    facts = make_facts(
        type={"steps": steps(channels.PREFERRED)},
        person={
            "preferred_channel": SMS,
            "addresses": (AddressFacts(id=1, channel=EMAIL),),
        },
    )

    assert outcomes(facts) == [(EMAIL, "send", None)]


def test_the_trace_names_every_gate_of_every_step_in_order() -> None:
    trace: list[Gate] = []
    decide(make_facts(person={"erased": True}), trace=trace)

    names = [gate.name for gate in trace if gate.step == 1]
    assert names == [
        "type", "channels", "template", "provider", "expiry", "guest_list", "erased", "paused",
        "wishes", "audience", "snoozed", "address", "condition", "quiet_hours",
    ]  # fmt: skip
    answers = [gate.answer for gate in trace if gate.step == 1]
    assert [answer is not None for answer in answers] == [True] * 7 + [False] * 7


moments = st.integers(-86_400, 86_400).map(lambda seconds: NOW + timedelta(seconds=seconds))
weeks = st.sampled_from([Week(), NIGHT])
effects = st.sampled_from([ON, OFF])
stepped = st.lists(
    st.builds(
        lambda channel, wait, condition: (channel, wait, condition),
        st.sampled_from([0, *sorted(ALL)]),
        st.sampled_from([0, 60, 7200]),
        st.sampled_from([1, IF_UNSEEN, IF_FAILED]),
    ),
    max_size=4,
).map(
    lambda rows: tuple(
        StepFacts(position=n, channel=c, wait=w, condition=k)
        for n, (c, w, k) in enumerate(rows, start=1)
    )
)
anything = st.builds(
    lambda **v: make_facts(
        type={"steps": v["steps"], "templates": v["templates"], "mandatory": v["mandatory"]},
        person={
            "quiet": v["quiet"],
            "effective": v["effective"],
            "paused_until": v["paused"],
            "snoozed_until": v["snoozed"],
            "preferred_channel": v["preferred"],
            "erased": v["erased"],
        },
        start=v["start"],
        expires_at=v["expires"],
        priority=v["priority"],
        providers=v["providers"],
        only_channels=v["only"],
    ),
    steps=stepped,
    templates=st.frozensets(st.sampled_from(sorted(ALL))),
    mandatory=st.booleans(),
    quiet=weeks,
    effective=st.fixed_dictionaries(dict.fromkeys(sorted(ALL), effects)),
    paused=st.none() | moments,
    snoozed=st.none() | moments,
    preferred=st.none() | st.sampled_from(sorted(ALL)),
    erased=st.booleans(),
    start=moments,
    expires=st.none() | moments,
    priority=st.sampled_from(Priority),
    providers=st.frozensets(st.sampled_from(sorted(ALL))),
    only=st.none() | st.frozensets(st.sampled_from(sorted(ALL))),
)


@given(anything)
def test_every_step_gets_exactly_one_answer_with_a_reason_unless_it_leaves(facts: Facts) -> None:
    decision = decide(facts)

    assert [s.step for s in decision.steps] == [s.position for s in facts.type.steps]
    for step in decision.steps:
        assert (step.outcome is Does.SKIP) <= (step.reason is not None)
        if step.until is not None:
            assert step.outcome is Does.HOLD
            assert step.until > facts.now
            assert facts.expires_at is None or step.until < facts.expires_at


@given(anything)
def test_nothing_leaves_that_the_person_switched_off_or_that_has_no_way(facts: Facts) -> None:
    for step in decide(facts).steps:
        if step.outcome is not Does.SEND:
            continue
        assert facts.person.effective[step.channel].enabled
        assert step.channel in facts.providers & facts.type.templates
        assert not facts.person.erased
        assert channels.by_number(step.channel).addressed is bool(step.addresses)


@given(anything)
def test_deciding_is_deterministic_and_explaining_changes_nothing(facts: Facts) -> None:
    assert decide(facts) == decide(facts) == decide(facts, trace=[])


@given(anything)
def test_deciding_again_with_the_outcome_as_past_keeps_what_was_settled(facts: Facts) -> None:
    first = decide(facts)
    past = {s.step: Past(decision=s) for s in first.steps}
    second = decide(facts._replace(past=past))

    settled = [s for s in first.steps if s.outcome is not Does.HOLD]
    assert [s for s in second.steps if s.step in {s.step for s in settled}] == settled


@given(anything)
def test_holding_never_lasts_for_ever_unless_an_earlier_step_is_under_way(facts: Facts) -> None:
    decision = decide(facts)

    for step in decision.steps:
        if step.outcome is Does.HOLD and step.until is None:
            earlier = [s for s in decision.steps if s.step < step.step]
            assert any(s.outcome is not Does.SKIP for s in earlier)
