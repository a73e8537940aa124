"""A person's wishes as the API shows them: what holds for each channel, and who decided."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from delivery import channels
from preferences import calendar, resolution
from preferences.resolution import CategoryFacts
from preferences.wishes.loading import Setting, Wishes


def effective(
    wishes: Wishes, known: Mapping[str, CategoryFacts], *, now: datetime
) -> dict[str, Any]:
    """What a GET of preferences answers, but for the topics; a PATCH takes the same shape."""
    week = calendar.week_json(wishes.quiet_hours)
    return {
        "categories": {
            key: _category(category, wishes, now=now) for key, category in known.items()
        },
        "channels": {
            spec.key: {"enabled": _is_on(spec.number, wishes)} for spec in channels.every()
        },
        "quiet_hours": week if week["days"] else None,
        "paused_until": wishes.paused_until,
        "locale": wishes.locale or None,
        "timezone": wishes.timezone or None,
    }


def _category(category: CategoryFacts, wishes: Wishes, *, now: datetime) -> dict[str, Any]:
    numbers = [spec.number for spec in channels.every()]
    resolved = resolution.resolve(category, wishes.about(category.id), channels=numbers, now=now)
    preferred = wishes.settings.get(category.id, Setting()).preferred_channel
    return {
        "enabled": any(channel.enabled for channel in resolved.channels.values()),
        "cadence": None,
        "snoozed_until": resolved.snoozed_until,
        "cap": None,
        "preferred_channel": channels.by_number(preferred).key if preferred else None,
        "channels": {
            channels.by_number(number).key: {
                "enabled": channel.enabled,
                "source": channel.source.value,
                "updated_at": channel.at,
            }
            for number, channel in resolved.channels.items()
        },
    }


def _is_on(channel: int, wishes: Wishes) -> bool:
    """Whether the channel as a whole may be used: neither stopped nor switched off."""
    return channel not in wishes.stopped and not any(
        choice.category is None and choice.channel == channel and not choice.enabled
        for choice in wishes.choices
    )
