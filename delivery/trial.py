"""One message handed to one provider by hand, with all that is said on the way.

It passes by the queue, and nothing of it is kept: no delivery, no attempt, no sample of health.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

from django.conf import settings

from delivery import registry
from delivery.contracts import Message, Outcome
from delivery.lifecycle import OutcomeKind
from notifysite.plumbing.redaction import MASK, redact

SHORTEST_SECRET: Final = 6

MEANING: Final[Mapping[OutcomeKind, str]] = {
    OutcomeKind.ACCEPTED: "The provider took it. Whether it arrives, a receipt says later.",
    OutcomeKind.DELIVERED: "It is there.",
    OutcomeKind.TRANSIENT: "Not now: it would be tried again.",
    OutcomeKind.REFUSED_ADDRESS: "The address is dead: it would be suppressed.",
    OutcomeKind.REFUSED_MESSAGE: "The provider refuses this message: it would be `failed`.",
    OutcomeKind.ACCOUNT: "The provider refuses our account or settings: look at them.",
    OutcomeKind.OPTED_OUT: "The person told the provider to stop: it would be suppressed.",
    OutcomeKind.UNKNOWN: "It may have been taken and the answer was lost: `uncertain`.",
}


def options_of(alias: str) -> dict[str, str]:
    """The OPTIONS of an alias, as far as they may be shown."""
    entry = settings.DELIVERY_PROVIDERS[alias]
    return {name: _shown(name, value) for name, value in entry.get("OPTIONS", {}).items()}


def run(alias: str, message: Message, *, tell: Callable[[str], None]) -> Outcome:
    """Hand it over now; `tell` hears what was said to the provider and by it, masked.

    Raises Misconfigured.
    """
    provider = registry.get(alias)
    hidden = _secrets(alias, message)

    def watch(text: str) -> None:
        tell(_masked(text, hidden))

    provider.watch = watch  # type: ignore[attr-defined]
    try:
        (outcome,) = provider.send([message])
    finally:
        provider.watch = None  # type: ignore[attr-defined]
    return outcome


def _shown(name: str, value: Any) -> str:
    if "-----BEGIN" in str(value):  # a private key, alone or in a file of credentials
        return MASK
    return redact(f"{name}={value}").partition("=")[2]


def _secrets(alias: str, message: Message) -> list[str]:
    """What must not be shown, the longest first, since one may hold another."""
    options = settings.DELIVERY_PROVIDERS[alias].get("OPTIONS", {})
    secrets = [value for name, value in options.items() if _shown(name, value) == MASK]
    texts = [message.address, *(text for text in secrets if isinstance(text, str))]
    return sorted((text for text in texts if len(text) >= SHORTEST_SECRET), key=len, reverse=True)


def _masked(text: str, hidden: list[str]) -> str:
    for secret in hidden:
        text = text.replace(secret, MASK)
    return redact(text)
