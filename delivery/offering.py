"""What each provider there is can do: the table of docs/providers/README.md."""

from collections.abc import Iterator
from dataclasses import dataclass

from django.conf import settings
from django.utils.module_loading import import_string

from delivery import channels, registry
from delivery.contracts import Feature


@dataclass(frozen=True, slots=True, order=True)
class Offering:
    """A channel, the alias of a provider that carries it, and what that can do."""

    channel: int
    alias: str
    features: frozenset[Feature]


def offerings() -> list[Offering]:
    """Those that are configured, and those that variables alone would configure."""
    return sorted(_offerings(), key=lambda one: (one.channel, one.alias))


def table() -> str:
    """All of them in Markdown."""
    head = ["channel", "provider", *Feature]
    lines = [_line(head), _line(["---", "---", *(":-:" for _ in Feature)])]
    for one in offerings():
        can = ["✓" if feature in one.features else "" for feature in Feature]
        lines.append(_line([channels.by_number(one.channel).key, f"`{one.alias}`", *can]))
    return "\n".join(lines) + "\n"


def _offerings() -> Iterator[Offering]:
    for alias, entry in (settings.DELIVERY_OFFERS | settings.DELIVERY_PROVIDERS).items():
        if alias in (registry.TEST, registry.SIMULATOR):
            continue
        features: frozenset[Feature] = getattr(
            import_string(entry["BACKEND"]), "features", frozenset()
        )
        for key in entry["CHANNELS"]:
            yield Offering(channels.by_key(key).number, alias, features)


def _line(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"
