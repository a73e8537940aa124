"""What a provider answered lately: in words, and as a chart of the last hour."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import isinf

from delivery.errors import NotHeard
from delivery.hooks.counts import HEARD
from delivery.overview import Answers, Calls, Health
from delivery.standing import Standing
from notifications.admin.spans import seconds, span

# Fewer answers than these say nothing; of more, so many failures are worth a look.
LEAST_ANSWERS = 10
MANY_FAILED = 0.1

_CHART = 32  # its height


@dataclass(frozen=True, slots=True)
class Bar:
    """A minute of the chart: done and failed, from the ground up, in its own units."""

    x: int
    done: float
    failed: float
    ground: int = _CHART

    @property
    def top(self) -> float:
        """Where what failed begins."""
        return self.ground - self.done - self.failed

    @property
    def middle(self) -> float:
        """Where what was done begins."""
        return self.ground - self.done


def fails(answers: Answers) -> bool:
    """Whether too much of it failed."""
    return answers.count >= LEAST_ANSWERS and answers.failed >= MANY_FAILED * answers.count


def facts(one: Health, quick: float | None) -> Iterator[tuple[str, str]]:
    """Label and value, line by line; most calls of today were answered in `quick` seconds."""
    if not one.hour.count:
        yield "Last hour", "No messages."
    else:
        yield "Last 5 min", _mix(one.lately)
        yield "Last hour", _mix(one.hour)
        yield "Answers in", _latency(one.hour, quick)
    if one.share is not None:
        yield "Share", f"{percent(one.share)} in the last hour; {_meant(one.standing)}"
    if one.throttle is not None:
        bucket = one.throttle
        yield "Throttle", f"{bucket.per_second:g}/s, {bucket.burst:g} at once ({bucket.account})"
    if one.calls:
        yield "Hook", _called(one.calls)


# What a provider says of its messages is told by their own states.
_OF_CALLS = (HEARD, *sorted(kind.verdict for kind in NotHeard.__subclasses__()))


def _called(calls: Mapping[str, Calls]) -> str:
    met = [(verdict, calls[verdict]) for verdict in _OF_CALLS if verdict in calls]
    return "; ".join(f"{one.count:,} {verdict}, last {span(one.age)} ago" for verdict, one in met)


def _meant(standing: Standing) -> str:
    if not standing.by_weight:
        return "it only stands by"
    return f"its weight gives it {percent(standing.by_weight)}"


_KINDS = (
    ("accepted", "taken"),
    ("refused", "refused"),
    ("transient", "failed for now"),
    ("account", "account errors"),
    ("unknown", "answers lost"),
)


def _mix(answers: Answers) -> str:
    counted = [(getattr(answers, name), words) for name, words in _KINDS]
    return ", ".join(f"{count:,} {words}" for count, words in counted if count) or "nothing"


def _latency(answers: Answers, quick: float | None) -> str:
    mean = f"{seconds(answers.mean or 0.0)} on average, {seconds(answers.slowest)} at most"
    if quick is None or isinf(quick):
        return mean
    return f"{mean}; 95 % within {seconds(quick)} today"


def percent(part: float) -> str:
    """A part of one."""
    return f"{part:.0%}"


def bars(minutes: Sequence[Answers]) -> Iterator[Bar]:
    """The minutes in which anything was answered; the tallest is as high as the chart."""
    most = max((one.count for one in minutes), default=0)
    for age, one in enumerate(minutes):
        if one.count:
            done, failed = (_CHART * part / most for part in (one.taken, one.failed))
            yield Bar(x=4 * (len(minutes) - 1 - age), done=done, failed=failed)
