"""What a PATCH of preferences asks for, read whole, with every fault where it is."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from delivery import channels
from delivery.channels import UnknownChannel
from notifysite.plumbing.faults import Fault, pointer
from preferences import calendar, topics, wanted
from preferences.calendar import Week, WeekInvalid
from preferences.resolution import CategoryFacts
from preferences.wanted import ABSENT, Absent

MOST_TOPICS = 1000

_EARLIEST, _LATEST = datetime(1971, 1, 1, tzinfo=UTC), datetime(9000, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class CategoryEdit:
    """A change about one category; ABSENT leaves, None goes back to what holds by default."""

    enabled: bool | Absent | None = ABSENT
    snoozed_until: datetime | Absent | None = ABSENT
    preferred_channel: int | Absent | None = ABSENT
    channels: Mapping[int, bool | None] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Edits:
    """A change of preferences. `everything` is one word about all categories and channels."""

    everything: bool | Absent | None = ABSENT
    categories: Mapping[str, CategoryEdit] = field(default_factory=dict)
    channels: Mapping[int, bool | None] = field(default_factory=dict)
    quiet_hours: Week | Absent | None = ABSENT
    paused_until: datetime | Absent | None = ABSENT
    locale: str | Absent | None = ABSENT
    timezone: str | Absent | None = ABSENT
    topics: frozenset[str] | Absent | None = ABSENT


class EditsInvalid(ValueError):
    """A change that cannot be made; everything that is wrong with it."""

    def __init__(self, faults: tuple[Fault, ...]) -> None:
        super().__init__("; ".join(f"{fault.pointer}: {fault.detail}" for fault in faults))
        self.faults = faults


def read(body: Any, known: Mapping[str, CategoryFacts]) -> Edits:
    """Read the API's object. Raises EditsInvalid, with every fault."""
    reader = _Reader(known)
    edits = reader.edits(body)
    if reader.faults:
        raise EditsInvalid(tuple(reader.faults))
    return edits


class _Reader:
    def __init__(self, known: Mapping[str, CategoryFacts]) -> None:
        self.faults: list[Fault] = []
        self._known = known

    def edits(self, body: Any) -> Edits:
        readers: dict[str, Callable[[Any, str], Any]] = {
            "categories": self._categories,
            "channels": self._channels,
            "quiet_hours": self._week,
            "paused_until": self._moment,
            "locale": self._text(wanted.locale),
            "timezone": self._text(wanted.timezone),
            "topics": self._topics,
        }
        return Edits(**self._object(body, "", readers))

    def _categories(self, value: Any, at: str) -> dict[str, CategoryEdit]:
        found = {}
        for key, body in self._members(value, at).items():
            here = at + pointer(key)
            if key in self._known:
                found[key] = self._category(body, here)
            else:
                there_are = ", ".join(self._known) or "none"
                self._wrong(here, "unknown_category", f"Unknown category; there are: {there_are}.")
        return found

    def _category(self, value: Any, at: str) -> CategoryEdit:
        readers: dict[str, Callable[[Any, str], Any]] = {
            "enabled": self._switch,
            "snoozed_until": self._moment,
            "preferred_channel": self._channel,
            "channels": self._channels,
            "cadence": self._not_available(None, "Cadence"),
            "cap": self._not_available(None, "A cap of one's own"),
        }
        return CategoryEdit(**self._object(value, at, readers))

    def _channels(self, value: Any, at: str) -> dict[int, bool | None]:
        found = {}
        for key, body in self._members(value, at).items():
            here = at + pointer(key)
            number = self._channel(key, here)
            said = self._object(body, here, {"enabled": self._switch})
            if number is not None and "enabled" in said:
                found[number] = said["enabled"]
        return found

    def _topics(self, value: Any, at: str) -> frozenset[str] | None:
        if value is None:
            return None
        if not isinstance(value, list) or len(value) > MOST_TOPICS:
            self._wrong(at, "invalid_type", f"Must be a list of at most {MOST_TOPICS:,} keys.")
            return None
        there_are = topics.known({key for key in value if isinstance(key, str)})
        for index, key in enumerate(value):
            if not isinstance(key, str) or key not in there_are:
                self._wrong(at + pointer(index), "unknown_topic", "There is no such topic.")
        return there_are

    def _object(
        self, value: Any, at: str, readers: Mapping[str, Callable[[Any, str], Any]]
    ) -> dict[str, Any]:
        said = {}
        for name, member in self._members(value, at).items():
            here = at + pointer(name)
            if name in readers:
                said[name] = readers[name](member, here)
            elif name in ("source", "updated_at"):
                self._wrong(here, "read_only", "Read-only; leave it out.")
            else:
                self._wrong(here, "unknown_field", f"Unknown; there are: {', '.join(readers)}.")
        return {name: member for name, member in said.items() if member is not _NOTHING}

    def _members(self, value: Any, at: str) -> Mapping[str, Any]:
        if isinstance(value, Mapping):
            return value
        self._wrong(at, "invalid_type", "Must be an object.")
        return {}

    def _switch(self, value: Any, at: str) -> bool | None:
        if value is None or isinstance(value, bool):
            return value
        self._wrong(at, "invalid_type", "Must be true, false or null.")
        return None

    def _channel(self, value: Any, at: str) -> int | None:
        if value is None:
            return None
        try:
            return channels.by_key(value if isinstance(value, str) else "").number
        except UnknownChannel:
            there_are = ", ".join(spec.key for spec in channels.every())
            self._wrong(at, "unknown_channel", f"Unknown channel; there are: {there_are}.")
            return None

    def _moment(self, value: Any, at: str) -> datetime | None:
        if value is None:
            return None
        try:
            moment = datetime.fromisoformat(value).astimezone(UTC) if _has_zone(value) else None
        except (ValueError, OverflowError):
            moment = None
        if moment is None or not _EARLIEST <= moment <= _LATEST:
            detail = 'Must be a time with its offset (RFC 3339), such as "2026-12-24T18:00:00Z".'
            self._wrong(at, "invalid_time", detail)
            return None
        return moment

    def _week(self, value: Any, at: str) -> Week | None:
        if value is None:
            return None
        try:
            return calendar.parse_week(value)
        except WeekInvalid as wrong:
            for fault in wrong.faults:
                self._wrong(at + fault.pointer, fault.code, fault.detail)
            return None

    def _text(self, read: Callable[[Any], str]) -> Callable[[Any, str], str | None]:
        def reader(value: Any, at: str) -> str | None:
            try:
                return None if value in (None, "") else read(value)
            except wanted.Wrong as wrong:
                self._wrong(at, wrong.code, wrong.detail)
                return None

        return reader

    def _not_available(self, nothing: Any, what: str) -> Callable[[Any, str], object]:
        def reader(value: Any, at: str) -> object:
            # What a GET answers may come back unchanged.
            if value != nothing:
                self._wrong(at, "not_available", f"{what} cannot be set yet; leave it out.")
            return _NOTHING

        return reader

    def _wrong(self, at: str, code: str, detail: str) -> None:
        self.faults.append(Fault(at, code, detail))


_NOTHING = object()


def _has_zone(value: Any) -> bool:
    return (
        isinstance(value, str) and "T" in value and datetime.fromisoformat(value).tzinfo is not None
    )
