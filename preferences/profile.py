"""A person's name and attributes, kept encrypted under their key."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from notifysite.plumbing import keptjson
from notifysite.plumbing.compactjson import compact
from notifysite.plumbing.crypto import DataKey
from preferences.wanted import ABSENT, Wanted

CONTEXT = "profile"
MOST_BYTES = 32 * 1024


class ProfileTooLarge(ValueError):
    """A person's attributes take more than MOST_BYTES together."""


@dataclass(frozen=True, slots=True)
class Profile:
    """What templates may say about a person."""

    name: str = field(default="", repr=False)
    attributes: Mapping[str, Any] = field(default_factory=dict, repr=False)

    def with_wanted(self, wanted: Wanted) -> "Profile":
        """This profile after what a caller said."""
        name = self.name if wanted.name is ABSENT else wanted.name or ""
        return replace(self, name=name, attributes=_merged(self.attributes, wanted))


def _merged(attributes: Mapping[str, Any], wanted: Wanted) -> Mapping[str, Any]:
    if wanted.attributes is ABSENT:
        return attributes
    if wanted.attributes is None:
        return {}
    merged = {**attributes, **wanted.attributes}
    return {name: value for name, value in merged.items() if value is not None}


def encrypt(profile: Profile, key: DataKey) -> bytes | None:
    """The profile as it is kept; None for an empty one. Raises ProfileTooLarge."""
    if profile == Profile():
        return None
    kept = {"name": profile.name, "attributes": dict(profile.attributes)}
    plain = compact(kept).encode()
    if len(plain) > MOST_BYTES:
        raise ProfileTooLarge
    return key.encrypt(plain, context=CONTEXT)


def decrypt(kept: bytes | memoryview | None, key: DataKey) -> Profile:
    """The profile of a person."""
    if kept is None:
        return Profile()
    body = keptjson.loads(key.decrypt(bytes(kept), context=CONTEXT))
    return Profile(body["name"], body["attributes"])
