"""What operators can do about a provider: what each deed is called, asks for and brings about."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from django import forms
from unfold.widgets import (
    UnfoldAdminIntegerFieldWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextInputWidget,
)

from delivery import steering
from delivery.standing import IDLE, Standing, State

REASON = 200  # characters


class ReasonForm(forms.Form):
    """Why, for whoever reads it at the change of shift."""

    reason = forms.CharField(
        label="Why?",
        max_length=REASON,
        widget=UnfoldAdminTextInputWidget(attrs={"autocomplete": "off"}),
        help_text="Shown beside the provider, and kept in the audit trail.",
    )


class DrillForm(ReasonForm):
    """Why, and for how long."""

    seconds = forms.TypedChoiceField(
        label="For how long?",
        coerce=int,
        choices=[(60, "1 minute"), (300, "5 minutes"), (steering.LONGEST_DRILL, "15 minutes")],
        initial=steering.DRILL_SECONDS,
        widget=UnfoldAdminSelectWidget,
    )


class WeightForm(ReasonForm):
    """Why, and how much."""

    weight = forms.IntegerField(
        min_value=0,
        max_value=steering.MOST_WEIGHT,
        widget=UnfoldAdminIntegerFieldWidget,
        help_text="Parts of what its position takes; 0 takes it out of the route.",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Deed:
    """One button.

    `does` takes the way, the actor and what the form said; whether it changed anything is told
    by `done` or `undone`. `means`: what it brings about, said
    before it is done. `form` is None where nothing need be asked: it is done at once, for it stops
    nothing. `offered` says for whom.
    """

    key: str
    label: str
    done: str
    undone: str
    does: Callable[..., bool]
    offered: Callable[[Standing], bool]
    means: Callable[[Standing, Sequence[Standing]], Iterator[str]] | None = None
    form: type[forms.Form] | None = None
    stops: bool = False


def _others(one: Standing, route: Sequence[Standing]) -> list[str]:
    """Those that take its messages while it does not."""
    return [
        other.way.alias
        for other in route
        if other.way != one.way and other.turn is not None and other.state not in IDLE
    ]


_UNDER_WAY = (
    "What it has been handed already is not called back: its answers are still counted. "
    "Messages whose last answer it lost wait for it, so that nobody gets them twice."
)


def _drain(one: Standing, route: Sequence[Standing]) -> Iterator[str]:
    others = _others(one, route)
    yield "Within a second it gets no new message."
    if others:
        yield f"New messages, and those that wait for it, go by {', '.join(others)}."
    else:
        yield "Nobody else takes messages of this channel now: they wait until it is resumed."
    yield _UNDER_WAY


def _drill(one: Standing, route: Sequence[Standing]) -> Iterator[str]:
    others = _others(one, route)
    yield "Every call to it fails without being made, as if it were down, until the drill is over."
    if others:
        yield f"What it fails is taken by {', '.join(others)}, at once."
    else:
        yield (
            "Nobody else takes messages of this channel now: they are tried again later, and those "
            "with few retries, such as codes, may be given up."
        )
    yield (
        "After 20 failures in half a minute its breaker opens; after the drill one message tries "
        "it, and closes it."
    )


def _disable(one: Standing, route: Sequence[Standing]) -> Iterator[str]:
    left = [
        other.way.alias for other in route if other.in_route and other.turn and other.way != one.way
    ]
    if left:
        yield f"It is taken out of the route; messages go by {', '.join(left)}."
    else:
        yield (
            "Nobody else is on the route: messages that wait FAIL with no_provider, and new ones "
            "are skipped. Drain it instead, and they wait."
        )
    yield _UNDER_WAY


def _weigh(one: Standing, route: Sequence[Standing]) -> Iterator[str]:
    beside = [
        f"{other.way.alias} has {other.turn.weight}"
        for other in route
        if one.turn and other.turn and other.way != one.way
        and other.turn.position == one.turn.position
    ]  # fmt: skip
    yield (
        f"At its position {', '.join(beside)}."
        if beside
        else "It is alone at its position: any weight but 0 gives it all."
    )


def _enable(one: Standing, route: Sequence[Standing]) -> Iterator[str]:
    if one.turn is None:
        yield "It comes last on the route: it gets what nobody before it can take."
    else:
        yield "It is back on the route, where it was."
    yield "From then on people's messages really go by it."


def _in_route(one: Standing) -> bool:
    return one.turn is not None and one.in_route


DEEDS: Mapping[str, Deed] = {
    deed.key: deed
    for deed in (
        Deed(
            key="resume",
            label="Resume",
            done="gets messages again.",
            undone="was not drained.",
            does=steering.resume,
            offered=lambda one: one.switch.drained,
        ),
        Deed(
            key="end-drill",
            label="End the drill",
            done="is called again; if it is open, the next message tries it.",
            undone="has no drill any more.",
            does=steering.end_drill,
            offered=lambda one: one.drilled,
        ),
        Deed(
            key="try",
            label="Try it now",
            done="is tried with the next message.",
            undone="is being tried already, or well.",
            does=steering.try_now,
            offered=lambda one: one.state is State.OPEN and not one.drilled,
        ),
        Deed(
            key="enable",
            label="Enable",
            done="is on the route.",
            undone="was on the route already.",
            does=steering.enable,
            offered=lambda one: one.state in (State.DISABLED, State.NOT_ROUTED),
            means=_enable,
            form=ReasonForm,
        ),
        Deed(
            key="drain",
            label="Drain",
            done="gets no new message from now on.",
            undone="was drained already.",
            does=steering.drain,
            offered=lambda one: _in_route(one) and not one.switch.drained,
            means=_drain,
            form=ReasonForm,
            stops=True,
        ),
        Deed(
            key="drill",
            label="Drill",
            done="fails every call from now on.",
            undone="is in a drill already, which goes on as it is.",
            does=steering.drill,
            offered=lambda one: _in_route(one) and not one.drilled,
            means=_drill,
            form=DrillForm,
            stops=True,
        ),
        Deed(
            key="disable",
            label="Disable",
            done="is out of the route.",
            undone="was out of the route already.",
            does=steering.disable,
            offered=_in_route,
            means=_disable,
            form=ReasonForm,
            stops=True,
        ),
        Deed(
            key="weigh",
            label="Weight",
            done="has its new weight.",
            undone="had that weight already.",
            does=steering.weigh,
            offered=_in_route,
            means=_weigh,
            form=WeightForm,
        ),
    )
}
