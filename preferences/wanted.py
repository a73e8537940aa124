"""What a caller says about a person: what is named is set, what is left out stays as it is."""

import json
import re
from collections.abc import Callable, Iterable, Mapping
from enum import Enum
from typing import Any, Final, NamedTuple, Self

from notifysite.plumbing.faults import Fault, pointer
from preferences import addresses, calendar
from preferences.addresses import AddressInvalid, Reach

LONGEST_USER_ID = 255
LONGEST_NAME = 200
MOST_ATTRIBUTE_BYTES = 16 * 1024

_LOCALE = re.compile(r"[A-Za-z]{2,3}([-_][A-Za-z0-9]{2,8})*")


class Absent(Enum):
    """The type of ABSENT, which is what was not said; None is said, and clears."""

    ABSENT = "absent"

    def __repr__(self) -> str:
        return "ABSENT"


ABSENT: Final = Absent.ABSENT


class WantedInvalid(ValueError):
    """What was said about a person cannot be taken; everything that is wrong with it."""

    def __init__(self, faults: Iterable[Fault]) -> None:
        self.faults = tuple(faults)
        super().__init__("; ".join(f"{fault.pointer}: {fault.detail}" for fault in self.faults))


class Wrong(ValueError):
    """One value that cannot be taken, with advice."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail


class Wanted(NamedTuple):
    """A person as a caller wants them to be. ABSENT leaves a thing as it is, None clears it.

    `attributes` are merged into those there are, one level deep; one that is null is removed
    (RFC 7396). None removes all of them.
    """

    user_id: str
    email: Reach | Absent | None = ABSENT
    phone: Reach | Absent | None = ABSENT
    locale: str | Absent | None = ABSENT
    timezone: str | Absent | None = ABSENT
    name: str | Absent | None = ABSENT
    attributes: Mapping[str, Any] | Absent | None = ABSENT

    def __repr__(self) -> str:
        # Without what could name or reach somebody: it ends up in logs.
        said = f"{self.user_id!r}, locale={self.locale!r}, timezone={self.timezone!r}"
        return f"Wanted(user_id={said})"

    @classmethod
    def of(cls, user_id: str, **said: Any) -> Self:
        """From plain values: `Wanted.of("ann", email="ann@example.com")`. Raises WantedInvalid."""
        return cls(**_read({"user_id": user_id, **said}, ""))

    @property
    def is_bare(self) -> bool:
        """Whether nothing is said but who it is."""
        return self[1:] == _NOTHING

    def then(self, later: "Wanted") -> "Wanted":
        """Both said of one person, the later one last."""
        said = {name: getattr(later, name) for name in NAMES if getattr(later, name) is not ABSENT}
        before = {name: getattr(self, name) for name in NAMES}
        if isinstance(self.attributes, Mapping) and isinstance(later.attributes, Mapping):
            said["attributes"] = {**self.attributes, **later.attributes}
        return Wanted(**{**before, **said})


_NOTHING = (ABSENT,) * 6
NAMES = Wanted._fields


def read(body: Any, *, at: str = "") -> Wanted:
    """Read the API's object; null and "" clear. Raises WantedInvalid with pointers below `at`."""
    if not isinstance(body, Mapping):
        raise WantedInvalid([Fault(at, "invalid_type", "Must be an object with a user_id.")])
    return Wanted(**_read(body, at))


def known_as(name: str, *, at: str = "/user_id") -> Wanted:
    """Somebody of whom nothing is said but the user id, `at` a place. Raises WantedInvalid."""
    try:
        return Wanted(user_id=user_id(name))
    except Wrong as wrong:
        raise WantedInvalid([Fault(at, wrong.code, wrong.detail)]) from None


def _read(body: Mapping[str, Any], at: str) -> dict[str, Any]:
    said: dict[str, Any] = {}
    faults: list[Fault] = []
    if "user_id" not in body:
        faults.append(Fault(at + "/user_id", "required", "Name the person by a user_id."))
    for name, value in body.items():
        try:
            said[name] = _one(name, value)
        except AddressInvalid as wrong:
            faults.append(Fault(at + pointer(name), wrong.code, wrong.detail))
        except Wrong as wrong:
            faults.append(Fault(at + pointer(name), wrong.code, wrong.detail))
    if faults:
        raise WantedInvalid(faults)
    return said


def _one(name: str, value: Any) -> Any:
    reader = _READERS.get(name)
    if reader is None:
        raise Wrong("unknown_field", f"Unknown; there are: {', '.join(NAMES)}.")
    if name != "user_id" and (value is None or value == ""):
        return None
    return reader(value)


def user_id(value: Any) -> str:
    """A user id: 1 to 255 printable characters without "/". Raises Wrong."""
    if not isinstance(value, str):
        raise Wrong("invalid_type", "Must be text.")
    if not 0 < len(value) <= LONGEST_USER_ID:
        raise Wrong("invalid_length", f"Must have 1 to {LONGEST_USER_ID} characters.")
    if not value.isprintable() or value.isspace() or "/" in value or value in {".", ".."}:
        # It is a segment of the person's URL.
        detail = 'Must be printable characters without "/", and not blanks alone.'
        raise Wrong("invalid_character", detail)
    return value


def locale(value: Any) -> str:
    """A language tag such as de-CH, with hyphens. Raises Wrong."""
    if not isinstance(value, str) or len(value) > 20 or _LOCALE.fullmatch(value) is None:
        raise Wrong("invalid_locale", "Must be a language tag such as en or de-CH.")
    return value.replace("_", "-")


def timezone(value: Any) -> str:
    """An IANA time zone. Raises Wrong."""
    try:
        calendar.zone(value if isinstance(value, str) else "")
    except calendar.UnknownZone:
        raise Wrong(
            "unknown_timezone", "Must be an IANA time zone, such as Europe/Berlin."
        ) from None
    return str(value)


def _name(value: Any) -> str:
    if not isinstance(value, str):
        raise Wrong("invalid_type", "Must be text.")
    if len(value) > LONGEST_NAME or not value.isprintable():
        raise Wrong("invalid_name", f"At most {LONGEST_NAME} printable characters.")
    return value


def _attributes(value: Any) -> dict[str, Any]:
    if not isinstance(value, Mapping):
        raise Wrong("invalid_type", "Must be an object.")
    if len(json.dumps(value)) > MOST_ATTRIBUTE_BYTES:
        raise Wrong("too_large", f"At most {MOST_ATTRIBUTE_BYTES} bytes of JSON.")
    return dict(value)


_READERS: dict[str, Callable[[Any], Any]] = {
    "user_id": user_id,
    "email": addresses.email,
    "phone": addresses.phone,
    "locale": locale,
    "timezone": timezone,
    "name": _name,
    "attributes": _attributes,
}
