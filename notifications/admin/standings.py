"""The page about providers in words: what an operator must know first, and how each one is."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby

from delivery import channels, registry
from delivery.channels import ChannelSpec
from delivery.overview import Health, Waiting
from delivery.standing import IDLE, Standing, State
from notifications.admin.answers import Bar, bars, facts, fails, percent
from notifications.admin.deeds import DEEDS, Deed
from notifications.admin.spans import span
from notifications.admin.switches import told

_BROKEN = frozenset({State.OPEN, State.PROBING})

GOOD, WARN, BAD, QUIET = "good", "draft", "bad", "none"


@dataclass(frozen=True, slots=True)
class Pill:
    """A word with a colour."""

    word: str
    tone: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """One provider on one channel, as the page shows it."""

    health: Health
    pills: Sequence[Pill]
    place: str
    why: Sequence[str]
    facts: Sequence[tuple[str, str]]
    bars: Sequence[Bar]
    switches: Sequence[tuple[str, str]]

    @property
    def standing(self) -> Standing:
        """How it stands."""
        return self.health.standing

    @property
    def relief(self) -> list[Deed]:
        """What can be done at once: it stops nothing."""
        return [deed for deed in self._deeds() if deed.form is None]

    @property
    def deeds(self) -> list[Deed]:
        """What else can be done."""
        return [deed for deed in self._deeds() if deed.form is not None]

    def _deeds(self) -> Iterator[Deed]:
        return (deed for deed in DEEDS.values() if deed.offered(self.standing))


@dataclass(frozen=True, slots=True, kw_only=True)
class Channel:
    """One channel: `verdict` is the sentence to read first."""

    spec: ChannelSpec
    pill: Pill
    verdict: str
    waits: int
    waiting: str
    ways: Sequence[Shown]
    spare: Sequence[str]

    @property
    def troubled(self) -> bool:
        """Whether it belongs at the top of the page."""
        return self.pill.tone in (WARN, BAD)

    @property
    def urgency(self) -> tuple[bool, bool]:
        """What stands still comes first, and of that, where somebody waits."""
        return self.pill.tone != BAD, self.waits == 0


def by_channel(
    found: Iterable[Health],
    *,
    quick: Mapping[tuple[str, str], float],
    names: Mapping[str, str],
) -> list[Channel]:
    """The channels in order. `quick`: the seconds within which most calls were answered today, by
    (channel, provider); `names` of the actors of the audit trail."""
    grouped = groupby(found, key=lambda one: one.standing.way.channel)
    by_number = {number: list(group) for number, group in grouped}
    return [
        _channel(spec, by_number.get(spec.number, []), quick, names) for spec in channels.every()
    ]


def _channel(
    spec: ChannelSpec,
    found: Sequence[Health],
    quick: Mapping[tuple[str, str], float],
    names: Mapping[str, str],
) -> Channel:
    there = [one for one in found if one.standing.turn is not None]
    waiting = found[0].waiting if found else Waiting()
    pill, verdict = judged(there)
    return Channel(
        spec=spec,
        pill=pill,
        verdict=verdict,
        waits=waiting.count,
        waiting=_waiting(waiting),
        ways=[
            _shown(one, quick.get((spec.key, one.standing.way.alias)), names) for one in there
        ],
        spare=[
            one.standing.way.alias
            for one in found
            if one.standing.turn is None and one.standing.way.alias != registry.TEST
        ],
    )  # fmt: skip


def judged(there: Sequence[Health]) -> tuple[Pill, str]:
    """How a channel is, by the providers of its route."""
    routed = [one for one in there if one.standing.in_route]
    takers = [one for one in routed if one.standing.takes]
    if not routed:
        tone = BAD if there else QUIET  # it is meant so where no route was ever given
        return Pill("No provider", tone), "New messages are skipped: no_provider."
    if not takers:
        return Pill("Stands still", BAD), f"Nothing leaves: {_troubles(routed)}."
    drilled = [one for one in takers if one.standing.drilled]
    if drilled:
        return Pill("Drill", WARN), _drilled(drilled, routed)
    failing = [one for one in takers if fails(one.since_switch)]
    if failing:
        parts = "; ".join(f"{_alias(one)} fails {percent(_failed(one))}" for one in failing)
        return Pill("Failing", WARN), f"Of its last messages {parts}."
    idle = [one for one in routed if one.standing.by_weight and not one.standing.takes]
    if idle:
        return Pill("By others", WARN), (f"{_troubles(idle)}; messages go by {_named(takers)}.")
    return Pill("Flows", GOOD), f"By {_named(takers)}."


def _failed(one: Health) -> float:
    return one.since_switch.failed / one.since_switch.count


def _drilled(drilled: Sequence[Health], routed: Sequence[Health]) -> str:
    others = [one for one in routed if one not in drilled and one.standing.state not in IDLE]
    takers = f"{_named(others)} takes what it fails" if others else "nobody else can take them"
    return f"Every call to {_named(drilled)} fails on purpose; {takers}."


def _named(found: Iterable[Health]) -> str:
    return ", ".join(_alias(one) for one in found)


def _troubles(found: Iterable[Health]) -> str:
    return "; ".join(_trouble(one) for one in found)


def _trouble(one: Health) -> str:
    """What it is, and why where it was not somebody's wish."""
    because = f" ({one.standing.switch.reason})" if one.standing.state in _BROKEN else ""
    return f"{_alias(one)} is {_PILLS[one.standing.state].word.lower()}{because}"


def _alias(one: Health) -> str:
    return one.standing.way.alias


_PILLS: Mapping[State, Pill] = {
    State.NOT_CONFIGURED: Pill("Not configured", BAD),
    State.DISABLED: Pill("Disabled", QUIET),
    State.NOT_ROUTED: Pill("Not on the route", QUIET),
    State.DRAINED: Pill("Drained", WARN),
    State.OPEN: Pill("Open", BAD),
    State.PROBING: Pill("Being tried", WARN),
    State.DRILLED: Pill("Drill", WARN),
    State.WELL: Pill("Well", GOOD),
}


def _shown(one: Health, quick: float | None, names: Mapping[str, str]) -> Shown:
    return Shown(
        health=one,
        pills=list(_pills(one)),
        place=_place(one.standing),
        why=list(_why(one.standing)),
        facts=list(facts(one, quick)),
        bars=list(bars(one.minutes)),
        switches=[
            (span((one.standing.at - entry.at).total_seconds()), told(entry, names))
            for entry in one.history
        ],
    )


def _pills(one: Health) -> Iterator[Pill]:
    state = one.standing.state
    failing = state is State.WELL and fails(one.since_switch)
    yield Pill("Failing", WARN) if failing else _PILLS[state]
    if one.standing.drilled and state is not State.DRILLED:
        yield _PILLS[State.DRILLED]


def _place(standing: Standing) -> str:
    turn = standing.turn
    if turn is None:
        return ""
    return f"position {turn.position}, weight {turn.weight}"


def _why(standing: Standing) -> Iterator[str]:
    """What it means, the most important first."""
    switch, at = standing.switch, standing.at
    if standing.state is State.NOT_CONFIGURED:
        yield "The route names it, DELIVERY_PROVIDERS does not: it is passed over."
    elif standing.state is State.DISABLED:
        turn = standing.turn
        off = turn is not None and not turn.enabled
        yield "It is switched off on the route." if off else "Its weight is 0."
    elif standing.state is State.DRAINED:
        yield "It gets no new message until somebody resumes it."
    if switch.open_until and standing.in_route:
        yield f"{switch.reason}."
    if standing.state is State.PROBING:
        tried = switch.probe_until is not None and switch.probe_until > at
        yield "One message is trying it now." if tried else "The next message tries it."
    if switch.open_until and switch.open_until > at and standing.in_route:
        yield f"It gets nothing until {_clock(switch.open_until, at)}, then one message tries it."
    if standing.drilled and switch.drill_until:
        yield f"Every call to it fails on purpose until {_clock(switch.drill_until, at)}."


def _clock(then: datetime, now: datetime) -> str:
    return f"{then:%H:%M:%S} (in {span((then - now).total_seconds())})"


def _waiting(waiting: Waiting) -> str:
    if not waiting.count:
        return "nothing waits"
    more = "+" if waiting.bounded else ""
    verb = "waits" if waiting.count == 1 else "wait"
    return f"{waiting.count:,}{more} {verb}, the oldest for {span(waiting.oldest)}"
