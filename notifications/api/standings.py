"""How providers and routes look in the API."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from rest_framework import serializers

from delivery import channels, overview, standing, steering
from delivery.overview import Answers, Health
from delivery.standing import Standing, State
from notifications.intake.request import ChannelField
from notifysite.plumbing.faults import StrictSerializerMixin
from notifysite.plumbing.paging import PageSerializer

STATES = [str(state) for state in State]


class AnswersSerializer(serializers.Serializer[Any]):
    """What a provider answered in a while, by kind; times in seconds."""

    accepted = serializers.IntegerField()
    refused = serializers.IntegerField()
    transient = serializers.IntegerField()
    account = serializers.IntegerField()
    unknown = serializers.IntegerField(help_text="Calls whose answer was lost.")
    mean = serializers.FloatField(allow_null=True)
    slowest = serializers.FloatField()


class ThrottleSerializer(serializers.Serializer[Any]):
    """How fast the provider's account may be used."""

    account = serializers.CharField()
    per_second = serializers.FloatField()
    burst = serializers.FloatField()


class WaySerializer(serializers.Serializer[Any]):
    """A provider on one channel."""

    channel = serializers.CharField()
    state = serializers.ChoiceField(STATES)
    reason = serializers.CharField(help_text="Why its breaker switched last.")
    switched_at = serializers.DateTimeField(allow_null=True)
    open_until = serializers.DateTimeField(
        allow_null=True, help_text="Until then it gets nothing; from then on one message tries it."
    )
    drained = serializers.BooleanField()
    drill_until = serializers.DateTimeField(allow_null=True)
    position = serializers.IntegerField(allow_null=True, help_text="Null: on no route.")
    weight = serializers.IntegerField(allow_null=True)
    enabled = serializers.BooleanField()
    by_weight = serializers.FloatField(help_text="The share its weight means for it.")
    takes = serializers.FloatField(help_text="The share of new messages it is given now.")
    share = serializers.FloatField(
        allow_null=True, help_text="Its share in the last hour; null: nothing was sent."
    )
    last_5_minutes = AnswersSerializer()
    last_hour = AnswersSerializer()
    waiting = serializers.IntegerField(
        help_text=f"Messages of the channel that wait, counted to {overview.MOST_WAITING:,}."
    )
    throttle = ThrottleSerializer(allow_null=True)


class ProviderSerializer(serializers.Serializer[Any]):
    """A configured provider; its credentials are never shown."""

    alias = serializers.CharField()
    backend = serializers.CharField()
    channels = WaySerializer(many=True)


class ProviderPageSerializer(PageSerializer):
    """All providers."""

    results = ProviderSerializer(many=True)


class PlaceSerializer(serializers.Serializer[Any]):
    """A provider's place on a route."""

    provider = serializers.CharField()
    position = serializers.IntegerField(help_text="Lower is tried first.")
    weight = serializers.IntegerField(help_text="Its part among those of one position.")
    enabled = serializers.BooleanField()
    state = serializers.ChoiceField(STATES)
    by_weight = serializers.FloatField()
    takes = serializers.FloatField()


class RouteSerializer(serializers.Serializer[Any]):
    """The providers a channel is sent by, best first; `entries` are those left out too."""

    channel = serializers.CharField()
    providers = serializers.ListField(child=serializers.CharField())
    source = serializers.ChoiceField(["table", "settings"])  # type: ignore[assignment]  # a field
    entries = PlaceSerializer(many=True)


class RoutePageSerializer(PageSerializer):
    """The routes of all channels."""

    results = RouteSerializer(many=True)


class SteerBody(StrictSerializerMixin, serializers.Serializer[Any]):
    """Where, and why; the audit trail keeps it."""

    channel = ChannelField(required=False, help_text="Without it, on every channel it carries.")
    reason = serializers.CharField(
        max_length=200, required=False, allow_blank=True, default="", trim_whitespace=True
    )


class DrillBody(SteerBody):
    """Where, why, and for how long."""

    seconds = serializers.IntegerField(
        min_value=1,
        max_value=steering.LONGEST_DRILL,
        required=False,
        default=steering.DRILL_SECONDS,
    )


class PlaceBody(StrictSerializerMixin, serializers.Serializer[Any]):
    """What to change of one provider's place."""

    provider = serializers.CharField(max_length=40)
    weight = serializers.IntegerField(
        min_value=0, max_value=steering.MOST_WEIGHT, required=False, help_text="0 takes it out."
    )
    enabled = serializers.BooleanField(required=False)


class RouteBody(StrictSerializerMixin, serializers.Serializer[Any]):
    """What to change of a route, and why."""

    entries = PlaceBody(many=True, min_length=1, max_length=50)  # type: ignore[call-arg]
    reason = serializers.CharField(max_length=200, required=False, allow_blank=True, default="")


def way(one: Health) -> dict[str, Any]:
    """A provider on one channel, with how it has been lately."""
    there = one.standing
    return {
        "channel": channels.by_number(there.way.channel).key,
        "state": there.state,
        "reason": there.switch.reason,
        "switched_at": there.switch.switched_at,
        "open_until": there.switch.open_until,
        "drained": there.switch.drained,
        "drill_until": there.switch.drill_until if there.drilled else None,
        **_place(there),
        "share": one.share,
        "last_5_minutes": _answers(one.lately),
        "last_hour": _answers(one.hour),
        "waiting": one.waiting.count,
        "throttle": asdict(one.throttle) if one.throttle else None,
    }


def _place(there: Standing) -> dict[str, Any]:
    return {
        "position": there.turn.position if there.turn else None,
        "weight": there.turn.weight if there.turn else None,
        "enabled": there.turn is not None and there.turn.enabled,
        "by_weight": there.by_weight,
        "takes": there.takes,
    }


def _answers(answers: Answers) -> dict[str, Any]:
    said = asdict(answers)
    del said["took"]
    return {**said, "mean": answers.mean}


def routes() -> list[dict[str, Any]]:
    """The route of every channel; two queries."""
    found = standing.read()
    return [
        route(spec.number, [one for one in found if one.way.channel == spec.number])
        for spec in channels.every()
    ]


def route(number: int, found: Sequence[Standing]) -> dict[str, Any]:
    """The route of one channel, with how its providers stand."""
    there = [one for one in found if one.turn is not None]
    return {
        "channel": channels.by_number(number).key,
        "providers": [one.way.alias for one in there if one.in_route],
        "source": "table" if any(one.turn and one.turn.from_table for one in there) else "settings",
        "entries": [
            {"provider": one.way.alias, "state": one.state, **_place(one)} for one in there
        ],
    }
