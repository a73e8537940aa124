"""What a person's wishes become by a change: worked out in memory, then judged and written."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TypeVar

from delivery import channels
from notifysite.plumbing.faults import Fault, pointer
from preferences import resolution
from preferences.calendar import Week
from preferences.resolution import CategoryFacts, Choice, Consent, Kind, Source
from preferences.wanted import ABSENT, Absent
from preferences.wishes.edits import CategoryEdit, Edits
from preferences.wishes.loading import Setting, Wishes

T = TypeVar("T")
_TICK = timedelta(microseconds=1)
Place = tuple[int | None, int | None]  # category id, channel; None: all of them


@dataclass(slots=True)
class Draft:
    """The wishes after a change, and what to write for it: `None` removes a choice."""

    after: Wishes
    choices: dict[Place, Choice | None] = field(default_factory=dict)
    settings: dict[int, Setting] = field(default_factory=dict)
    consents: dict[int, bool] = field(default_factory=dict)


def draft(
    wishes: Wishes,
    edits: Edits,
    known: Mapping[str, CategoryFacts],
    *,
    source: str,
    now: datetime,
) -> Draft:
    """Work out a change. Of one request, what is said of a channel comes before categories."""
    # Which of two choices is later decides between them, so no two ever have the same time.
    at = max([now, *(choice.at + _TICK for choice in wishes.choices)])
    drafting = _Drafting(wishes, source)
    if edits.everything is not ABSENT:
        drafting.everything(edits.everything, known, at)
    drafting.channels(edits, at)
    for key, edit in edits.categories.items():
        drafting.category(known[key], edit, at + _TICK)
    return drafting.finished(edits, at)


def faults(
    after: Wishes, edits: Edits, known: Mapping[str, CategoryFacts], *, now: datetime
) -> Iterator[Fault]:
    """What may not be: a mandatory category that is off, snoozed or without any channel."""
    for key, edit in edits.categories.items():
        category, at = known[key], pointer("categories", key)
        if not category.mandatory:
            continue
        if edit.enabled is False:
            detail = "This category is mandatory; choose its channels instead."
            yield Fault(f"{at}/enabled", "mandatory", detail)
        if isinstance(edit.snoozed_until, datetime):
            detail = "This category is mandatory and cannot be snoozed."
            yield Fault(f"{at}/snoozed_until", "mandatory", detail)
        if False in edit.channels.values() and _kept_by_force(category, after, now):
            detail = "One channel must stay on in this category; turn another one on first."
            yield Fault(f"{at}/channels", "mandatory", detail)


def _kept_by_force(category: CategoryFacts, after: Wishes, now: datetime) -> bool:
    numbers = [spec.number for spec in channels.every()]
    resolved = resolution.resolve(category, after.about(category.id), channels=numbers, now=now)
    return any(channel.source is Source.MANDATORY for channel in resolved.channels.values())


class _Drafting:
    def __init__(self, wishes: Wishes, source: str) -> None:
        self._wishes = wishes
        self._source = source
        self._choices = {(choice.category, choice.channel): choice for choice in wishes.choices}
        self._draft = Draft(after=wishes)

    def everything(
        self, enabled: bool | None, known: Mapping[str, CategoryFacts], at: datetime
    ) -> None:
        if enabled is not False:
            self._unset((None, None))
            return
        self._set((None, None), at, enabled=False)
        for category in known.values():
            self._consent(category, given=False)

    def channels(self, edits: Edits, at: datetime) -> None:
        for channel, enabled in edits.channels.items():
            if enabled is False:
                self._set((None, channel), at, enabled=False)
            elif enabled is None or not self._is((None, channel), enabled=True):
                # On means: no longer off for everything. It must not switch the channel on in
                # categories that never used it.
                self._unset((None, channel))

    def category(self, category: CategoryFacts, edit: CategoryEdit, at: datetime) -> None:
        if edit.enabled is not ABSENT:
            self._switch(category, edit, at)
        for channel, enabled in edit.channels.items():
            if enabled is None:
                self._unset((category.id, channel))
            else:
                self._set((category.id, channel), at, enabled=enabled)
        if True in edit.channels.values():
            self._consent_to_channels(category, edit, at)
        self._fine_tune(category, edit)

    def finished(self, edits: Edits, at: datetime) -> Draft:
        """The draft, with what the person's wishes will then be."""
        wishes, made = self._wishes, self._draft
        consents = {id: Consent(given=given, at=at) for id, given in made.consents.items()}
        made.after = wishes._replace(
            choices=tuple(self._choices.values()),
            settings={**wishes.settings, **made.settings},
            consents={**wishes.consents, **consents},
            quiet_hours=_or(wishes.quiet_hours, edits.quiet_hours, Week()),
            paused_until=_or(wishes.paused_until, edits.paused_until, None),
            locale=_or(wishes.locale, edits.locale, ""),
            timezone=_or(wishes.timezone, edits.timezone, ""),
        )
        return made

    def _switch(self, category: CategoryFacts, edit: CategoryEdit, at: datetime) -> None:
        if edit.enabled is None:
            self._unset((category.id, None))
            self._consent(category, given=False)
            return
        enabled = edit.enabled is True
        self._set((category.id, None), at, enabled=enabled)
        self._consent(category, given=enabled)
        places = [(category.id, spec.number) for spec in channels.every()]
        if not enabled:
            # "Not this category" is the last word also about channels once chosen for it.
            self._unset(*(place for place in places if self._is(place, enabled=True)))
            for place in places:
                # And about channels that are on as a whole, which count for more than categories.
                if self._is((None, place[1]), enabled=True):
                    self._set(place, at, enabled=False)
            return
        defaults = [place for place in places if place[1] in category.default_channels]
        if defaults and all(self._is(place, enabled=False) for place in defaults):
            # Otherwise switching the category on would change nothing.
            self._unset(*defaults)

    def _consent_to_channels(
        self, category: CategoryFacts, edit: CategoryEdit, at: datetime
    ) -> None:
        """Who switches on one channel of marketing consents to that channel only."""
        if category.kind is not Kind.MARKETING or self._has_consent(category):
            return
        if edit.enabled in (False, None):
            return
        self._consent(category, given=True)
        for channel in category.default_channels:
            if (category.id, channel) not in self._choices:
                self._set((category.id, channel), at, enabled=False)

    def _fine_tune(self, category: CategoryFacts, edit: CategoryEdit) -> None:
        before = self._wishes.settings.get(category.id, Setting())
        after = Setting(
            _or(before.snoozed_until, edit.snoozed_until, None),
            _or(before.preferred_channel, edit.preferred_channel, None),
        )
        if after != before:
            self._draft.settings[category.id] = after

    def _has_consent(self, category: CategoryFacts) -> bool:
        before = self._wishes.consents.get(category.id, Consent()).given
        return self._draft.consents.get(category.id, before is True)

    def _consent(self, category: CategoryFacts, *, given: bool) -> None:
        if category.kind is Kind.MARKETING and self._has_consent(category) is not given:
            self._draft.consents[category.id] = given

    def _is(self, place: Place, *, enabled: bool) -> bool:
        return place in self._choices and self._choices[place].enabled is enabled

    def _set(self, place: Place, at: datetime, *, enabled: bool) -> None:
        category, channel = place
        choice = Choice(
            category=category, channel=channel, enabled=enabled, at=at, source=self._source
        )
        self._choices[place] = self._draft.choices[place] = choice

    def _unset(self, *places: Place) -> None:
        for place in places:
            if self._choices.pop(place, None) is not None:
                self._draft.choices[place] = None


def _or(before: T, said: T | Absent | None, cleared: T) -> T:
    if said is ABSENT:
        return before
    return cleared if said is None else said
