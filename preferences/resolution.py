"""What a person wants of one category, channel by channel, and who decided it."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum, StrEnum
from typing import NamedTuple


class Kind(IntEnum):
    """Of a category; the numbers are stored."""

    SECURITY = 1
    TRANSACTIONAL = 2
    MARKETING = 3


class Source(StrEnum):
    """Who decided about a channel; the words are part of the API."""

    STOP = "stop"
    CONSENT = "consent"
    MANDATORY = "mandatory"
    CATEGORY_CHANNEL = "choice_category_channel"
    CHANNEL = "choice_channel"
    CATEGORY = "choice_category"
    DEFAULT = "default"


class Why(StrEnum):
    """Why a channel is off: the reason codes of a skip that come from the person's wishes."""

    SUPPRESSED = "suppressed"
    NO_CONSENT = "no_consent"
    OPTED_OUT_CATEGORY = "opted_out_category"
    OPTED_OUT_CHANNEL = "opted_out_channel"
    NOT_SUBSCRIBED = "not_subscribed"


@dataclass(frozen=True, slots=True, kw_only=True)
class CategoryFacts:
    """A category as far as wishes go; `default_channels` are in its order, best first."""

    id: int
    key: str
    kind: Kind
    default_channels: tuple[int, ...]
    mandatory: bool = False


class Choice(NamedTuple):
    """On or off: for a category (None: for all), a channel (None: for all), or one in the other.

    `source` says by what way it came; it is kept for show and decides nothing.
    """

    category: int | None
    channel: int | None
    enabled: bool
    at: datetime
    source: str = ""


class Consent(NamedTuple):
    """The newest ledger entry for a marketing category; `given` is None where there is none."""

    given: bool | None = None
    at: datetime | None = None


NO_CONSENT = Consent()


class Wishes(NamedTuple):
    """All one person said; `choices` may hold those about other categories too.

    `stopped`: channels under STOP or a complaint. `snoozed_until` and `preferred_channel` are
    those of the category asked about.
    """

    choices: Sequence[Choice] = ()
    consent: Consent = NO_CONSENT
    stopped: frozenset[int] = frozenset()
    snoozed_until: datetime | None = None
    preferred_channel: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Effective:
    """Whether a channel may be used, who decided, why not, and since when."""

    enabled: bool
    source: Source
    reason: Why | None = None
    at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolution:
    """What holds for one person and category.

    `preferred` is the person's own first choice if it is on, else the first default that is, else
    any that is. `snoozed_until` is None where the category is not snoozed at that moment.
    """

    channels: dict[int, Effective]
    preferred: int | None
    snoozed_until: datetime | None


def resolve(
    category: CategoryFacts, wishes: Wishes, *, channels: Sequence[int], now: datetime
) -> Resolution:
    """Decide every one of `channels`: all that can be used here, not only those a step asks for.

    In this order: STOP or a complaint; consent, for marketing; the choice for category and channel,
    for the channel, for the category; the category's default. What was switched off for everything
    gives way only to a later choice.

    In a mandatory category switching the category off means nothing, nor does a snooze. If all
    channels came out off, one stays on: the first of the category's default channels that is not
    stopped, else the first of `channels` that is not.
    """
    said = _Said(category, wishes.choices)
    decided = {
        channel: _decide(channel, category, wishes=wishes, said=said) for channel in channels
    }
    if category.mandatory and not _awaits_consent(category, wishes):
        _keep_one(decided, category)
    until = wishes.snoozed_until
    snoozed = until is not None and until > now and not category.mandatory
    return Resolution(
        channels=decided,
        preferred=_preferred(decided, category, wishes.preferred_channel),
        snoozed_until=until if snoozed else None,
    )


class _Said:
    """The newest choice for each place where one can be made about a category."""

    def __init__(self, category: CategoryFacts, choices: Iterable[Choice]) -> None:
        self._newest: dict[tuple[int | None, int | None], Choice] = {}
        # Of two choices made at the same time the one for off holds.
        for choice in sorted(choices, key=lambda choice: (choice.at, not choice.enabled)):
            if choice.category in (None, category.id):
                self._newest[choice.category, choice.channel] = choice
        self._category = category

    def about(self, channel: int) -> tuple[Source, Choice] | None:
        """The choice that decides about a channel, if the person made one."""
        everything = None if self._category.mandatory else self._newest.get((None, None))
        for source, choice in self._in_order(channel):
            if not _overruled(choice, by=everything):
                return source, choice
        if everything and not everything.enabled:
            return Source.CATEGORY, everything
        return None

    def _in_order(self, channel: int) -> Iterator[tuple[Source, Choice]]:
        for_channel = self._newest.get((None, channel))
        for_both = self._newest.get((self._category.id, channel))
        for_category = self._newest.get((self._category.id, None))
        if for_both and not _overruled(for_both, by=for_channel):
            yield Source.CATEGORY_CHANNEL, for_both
        if for_channel:
            yield Source.CHANNEL, for_channel
        if for_category and not self._category.mandatory:
            yield Source.CATEGORY, for_category


def _overruled(choice: Choice, *, by: Choice | None) -> bool:
    """What is switched off for everything gives way only to a later choice, not to an equal one."""
    return by is not None and not by.enabled and choice.at <= by.at


def _awaits_consent(category: CategoryFacts, wishes: Wishes) -> bool:
    return category.kind == Kind.MARKETING and wishes.consent.given is not True


def _decide(channel: int, category: CategoryFacts, *, wishes: Wishes, said: _Said) -> Effective:
    if channel in wishes.stopped:
        return Effective(enabled=False, source=Source.STOP, reason=Why.SUPPRESSED)
    if _awaits_consent(category, wishes):
        at = wishes.consent.at
        return Effective(enabled=False, source=Source.CONSENT, reason=Why.NO_CONSENT, at=at)
    decisive = said.about(channel)
    if decisive is None:
        return _default(channel, category, wishes)
    source, choice = decisive
    if choice.enabled and (source is not Source.CATEGORY or _by_category(channel, category)):
        return Effective(enabled=True, source=source, at=choice.at)
    if choice.enabled:
        return _default(channel, category, wishes)
    category_off = source is Source.CATEGORY
    reason = Why.OPTED_OUT_CATEGORY if category_off else Why.OPTED_OUT_CHANNEL
    return Effective(enabled=False, source=source, reason=reason, at=choice.at)


def _by_category(channel: int, category: CategoryFacts) -> bool:
    """Switching a category on means its default channels; where it has none, all of them."""
    return channel in category.default_channels or not category.default_channels


def _default(channel: int, category: CategoryFacts, wishes: Wishes) -> Effective:
    # Consent is a yes to the category, so it reaches as far as switching the category on does.
    if category.kind == Kind.MARKETING and _by_category(channel, category):
        return Effective(enabled=True, source=Source.CONSENT, at=wishes.consent.at)
    if channel in category.default_channels:
        return Effective(enabled=True, source=Source.DEFAULT)
    return Effective(enabled=False, source=Source.DEFAULT, reason=Why.NOT_SUBSCRIBED)


def _keep_one(decided: dict[int, Effective], category: CategoryFacts) -> None:
    if any(effective.enabled for effective in decided.values()):
        return
    for channel in (*category.default_channels, *decided):
        if channel in decided and decided[channel].source is not Source.STOP:
            decided[channel] = Effective(enabled=True, source=Source.MANDATORY)
            return


def _preferred(
    decided: dict[int, Effective], category: CategoryFacts, wish: int | None
) -> int | None:
    for channel in (wish, *category.default_channels, *decided):
        if channel is not None and channel in decided and decided[channel].enabled:
            return channel
    return None
