"""Who opened a mail or followed a link: a person, or a machine. Pure: facts in, answer out.

A doubt goes to the person. To call a person a machine loses what they did; to call a machine a
person is what everybody else does, and some will always look like one.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from delivery.lifecycle import EventKind
from delivery.tracking.machines import AHEAD, PARTS, PROXIES, WHOLE

# Nobody has got a mail, read it and followed a link so soon after a provider took it.
TOO_SOON_SECONDS = 2.0
# Several links at once, so soon after the mail left, is a scanner at work.
SEVERAL_SECONDS = 30.0
AT_ONCE_SECONDS = 1.0


class Reason(StrEnum):
    """Why it is thought to have been a machine."""

    PREFETCH = "prefetch"  # a browser fetched it ahead
    NAMELESS = "nameless"  # no User-Agent, which every browser sends
    AGENT = "agent"  # known by its User-Agent
    BEFORE_SENT = "before_sent"  # while the mail was still being handed over
    TOO_SOON = "too_soon"
    SEVERAL_AT_ONCE = "several_at_once"


@dataclass(frozen=True, slots=True)
class Person:
    """It may have been the person."""


@dataclass(frozen=True, slots=True)
class Machine:
    """It was a machine."""

    reason: Reason


Who = Person | Machine
PERSON = Person()


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What is known of a hit.

    `agent` is the User-Agent header; `ahead`: whether a browser fetched it before anybody asked.
    `since_sent` is in seconds, below zero while the mail was being handed over, and None where
    nobody knows when it left. `links`: how many of its links were asked for within a second before
    or after, this one too.
    """

    kind: EventKind
    agent: str = ""
    ahead: bool = False
    since_sent: float | None = None
    links: int = 1


def who(facts: Facts) -> Who:
    """Who it was. What the request says of itself comes first, then when it came."""
    reason = _by_request(facts) or _by_time(facts)
    return Machine(reason) if reason else PERSON


def fetched_ahead(headers: Mapping[str, str]) -> bool:
    """Whether a browser says that it fetches what may be wanted next."""
    return any(headers.get(name, "").lower().startswith(value) for name, value in AHEAD.items())


def _by_request(facts: Facts) -> Reason | None:
    if facts.ahead:
        return Reason.PREFETCH
    agent = facts.agent.strip().lower()
    if not agent:
        return Reason.NAMELESS
    if any(proxy.name in agent for proxy in PROXIES):
        return None if facts.kind is EventKind.OPENED else Reason.AGENT
    if any(one.name == agent for one in WHOLE) or any(one.name in agent for one in PARTS):
        return Reason.AGENT
    return None


def _by_time(facts: Facts) -> Reason | None:
    since = facts.since_sent
    if since is None:
        return None
    if since < 0:
        return Reason.BEFORE_SENT
    if since < TOO_SOON_SECONDS:
        return Reason.TOO_SOON
    if facts.links > 1 and since < SEVERAL_SECONDS:
        return Reason.SEVERAL_AT_ONCE
    return None
