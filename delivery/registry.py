"""Providers by alias, built from settings.DELIVERY_PROVIDERS as Django builds CACHES."""

from dataclasses import fields
from functools import cache
from typing import Any, cast

from django.conf import settings
from django.core.signals import setting_changed
from django.utils.module_loading import import_string

from delivery import channels
from delivery.channels import ChannelSpec
from delivery.contracts import Provider, Traits
from delivery.errors import Misconfigured

TEST = "test"  # what test keys send through
SIMULATOR = "sandbox"  # what simulated addresses reach, whatever the route

_built: list[Any] = []
_UNKNOWN = Traits(flight=500, local=True)  # nothing is handed over, so it may all come back at once


@cache
def get(alias: str) -> Provider:
    """The provider of an alias, built once per process. Raises Misconfigured."""
    entry = settings.DELIVERY_PROVIDERS.get(alias)
    if entry is None:
        raise Misconfigured(
            f"no provider {alias!r} in DELIVERY_PROVIDERS; there are: "
            f"{', '.join(settings.DELIVERY_PROVIDERS)}"
        )
    try:
        made = import_string(entry["BACKEND"])(alias=alias, **entry.get("OPTIONS", {}))
    except (ImportError, KeyError, TypeError, ValueError) as error:
        raise Misconfigured(f"provider {alias!r}: {error}") from error
    _built.append(made)
    return cast("Provider", made)


@cache
def traits(alias: str) -> Traits:
    """What the provider of an alias says of itself; one that cannot be built says nothing."""
    try:
        provider = get(alias)
    except Misconfigured:
        return _UNKNOWN
    said: dict[str, Any] = {
        field.name: getattr(provider, field.name)
        for field in fields(Traits)
        if hasattr(provider, field.name)
    }
    return Traits(**{**said, "flight": max(1, provider.flight or 1)})


def aliases(spec: ChannelSpec) -> list[str]:
    """The configured aliases that carry a channel."""
    return [
        alias
        for alias, entry in settings.DELIVERY_PROVIDERS.items()
        if spec.key in entry.get("CHANNELS", ())
    ]


def carries(alias: str, channel: int) -> bool:
    """Whether an alias is configured for a channel."""
    return alias in aliases(channels.by_number(channel))


def reset() -> None:
    """Forget built providers; they close what they keep, and are built again from the settings."""
    get.cache_clear()
    traits.cache_clear()
    while _built:
        close = getattr(_built.pop(), "close", None)
        if close:
            close()


def _when_settings_change(*, setting: str, **_: object) -> None:
    if setting == "DELIVERY_PROVIDERS":
        reset()


# Django's own signal for overridden settings in tests, as its cache and mail handlers use it.
setting_changed.connect(_when_settings_change)
