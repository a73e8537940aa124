"""Addresses that stand for an outcome: what is sent to them reaches the sandbox, never a person."""

import enum
import re

DOMAIN = "simulator.notifysite.test"  # .test never resolves (RFC 6761)


class Simulation(enum.StrEnum):
    """What becomes of a message to a simulated address; the value is how the address says so."""

    DELIVERED = "delivered"
    PERMANENT_FAIL = "permanent-fail"
    TEMPORARY_FAIL = "temporary-fail"
    SLOW = "slow"  # delivered, but the provider takes its time to say so
    SILENT = "silent"  # accepted, and no receipt ever comes


# +1 555 555 0100 to 0104 lie in the range that is kept for fiction.
_NUMBERS = {f"+1555555010{last}": simulation for last, simulation in enumerate(Simulation)}

_EMAIL = re.compile(rf"(?P<word>[^@+]*)(?:\+[^@]*)?@{re.escape(DOMAIN)}", re.IGNORECASE)
# Push tokens and endpoints carry the word somewhere inside: `simulator-silent`.
_INSIDE = re.compile(
    rf"(?<![\w-])simulator-(?P<word>{'|'.join(Simulation)})(?![a-z-])", re.IGNORECASE
)


def simulated(address: str) -> Simulation | None:
    """What a simulated address asks for, None for a real one.

    `silent@simulator.notifysite.test`, with or without a +tag; `+15555550104`; a device token, an
    endpoint or a subscription with `simulator-silent` in it. Any other mailbox of the domain is
    delivered, so that nothing to it ever goes out.
    """
    if email := _EMAIL.fullmatch(address):
        return _named(email["word"]) or Simulation.DELIVERED
    if address in _NUMBERS:
        return _NUMBERS[address]
    inside = None if _is_mailbox(address) else _INSIDE.search(address)
    return _named(inside["word"]) if inside else None


def _named(word: str) -> Simulation | None:
    try:
        return Simulation(word.lower())
    except ValueError:
        return None


def _is_mailbox(address: str) -> bool:
    return "@" in address and ":" not in address
