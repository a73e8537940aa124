"""Read what is said about a person or a device, with faults at their place."""

from collections.abc import Mapping
from typing import Any

from delivery import channels
from delivery.channels import ChannelSpec
from notifysite.plumbing.faults import Fault, pointer
from preferences import addresses, profile, tokens, wanted
from preferences.addresses import AddressInvalid, Reach
from preferences.api.doors import invalid, members
from preferences.directory import Listed
from preferences.wanted import ABSENT, NAMES, Wanted, WantedInvalid

LONGEST_LABEL = 120
MOST_USERS = 1000

_READ_ONLY = {
    "paused_until": "Set it by a PATCH of the person's preferences.",
    "created_at": "Read-only; leave it out.",
    "updated_at": "Read-only; leave it out.",
    "devices": "Add and remove devices one by one at /devices.",
}
_VALUE_OF = {
    channels.WEB_PUSH: "subscription",
    channels.MOBILE_PUSH: "token",
    channels.WEBHOOK: "url",
    channels.CHAT: "url",
}


def user(body: Any, *, user_id: str | None = None, at: str = "") -> Wanted:
    """Read a person; `user_id` is the one in the address. Raises WantedInvalid."""
    if not isinstance(body, Mapping):
        raise WantedInvalid([Fault(at, "invalid_type", "Must be an object.")])
    faults = [
        Fault(f"{at}/{name}", "read_only", _READ_ONLY[name]) for name in body if name in _READ_ONLY
    ]
    if user_id is not None and body.get("user_id", user_id) != user_id:
        faults.append(Fault(f"{at}/user_id", "mismatch", "Must be the one in the address."))
    said = {name: value for name, value in body.items() if name not in _READ_ONLY}
    if user_id is not None:
        said["user_id"] = user_id
    try:
        read = wanted.read(said, at=at)
    except WantedInvalid as wrong:
        raise WantedInvalid([*faults, *wrong.faults]) from None
    if faults:
        raise WantedInvalid(faults)
    return read


def whole(said: Wanted, before: Listed | None) -> Wanted:
    """What a PUT says: all that it leaves out is cleared."""
    values = {name: getattr(said, name) for name in NAMES}
    values = {name: None if value is ABSENT else value for name, value in values.items()}
    if before is not None and values["attributes"] is not None:
        kept = profile.decrypt(before.recipient.profile, before.key).attributes
        values["attributes"] = {**dict.fromkeys(kept), **values["attributes"]}
    return Wanted(**values)


def users(body: Any) -> list[Any]:
    """The list of people of a body that has nothing else. Raises Problem."""
    found = members(body, "users").get("users")
    if not isinstance(found, list) or not 0 < len(found) <= MOST_USERS:
        detail = f"Must be a list of 1 to {MOST_USERS:,} people."
        raise invalid(Fault("/users", "invalid_length", detail))
    return found


def user_ids(body: Any) -> list[str]:
    """The same, where people are named by their user ids. Raises Problem."""
    found, faults = users(body), []
    for index, one in enumerate(found):
        try:
            wanted.user_id(one)
        except wanted.Wrong as wrong:
            faults.append(Fault(pointer("users", index), wrong.code, wrong.detail))
    if faults:
        raise invalid(*faults)
    return found


def device(body: Any) -> tuple[Reach, str]:
    """Read a device: its address and label. Raises Problem."""
    said = members(body, "channel", "kind", "label", *dict.fromkeys(_VALUE_OF.values()))
    spec = _channel(said.get("channel"))
    name = _VALUE_OF[spec]
    for other in {*_VALUE_OF.values(), "kind"} - {name, "kind" if name == "token" else name}:
        if said.get(other) is not None:
            raise invalid(Fault(f"/{other}", "unknown_field", f"Not for the channel {spec.key}."))
    try:
        kind = said.get("kind") or ""
        reach = addresses.normalise(spec, said.get(name), kind=kind, field=name)
    except AddressInvalid as wrong:
        raise invalid(Fault(f"/{wrong.field}", wrong.code, wrong.detail)) from None
    return reach, _label(said.get("label"))


def own_device(body: Any) -> tuple[Reach, str]:
    """Read a device that a person gives themselves. Raises Problem."""
    reach, label = device(body)
    if tokens.is_topic(reach.value, reach.kind):
        # What is meant for one person, in words that may be theirs, would go to all who subscribed.
        detail = "A topic reaches other people: only a service may register it, at /users."
        raise invalid(Fault("/token", "not_your_own", detail))
    return reach, label


def renewal(body: Any) -> tuple[Reach, Reach]:
    """Read a browser's old and new subscription. Raises Problem."""
    said = members(body, "old", "subscription")
    try:
        old, fresh = (
            addresses.normalise(channels.WEB_PUSH, said.get(name), field=name)
            for name in ("old", "subscription")
        )
    except AddressInvalid as wrong:
        raise invalid(Fault(f"/{wrong.field}", wrong.code, wrong.detail)) from None
    return old, fresh


def _channel(value: Any) -> ChannelSpec:
    for spec in _VALUE_OF:
        if value == spec.key:
            return spec
    there_are = ", ".join(spec.key for spec in _VALUE_OF)
    detail = f"Must be one of: {there_are}. An email or phone is set on the person."
    raise invalid(Fault("/channel", "unknown_channel", detail))


def _label(value: Any) -> str:
    if value is None:
        return ""
    if not isinstance(value, str) or len(value) > LONGEST_LABEL or not value.isprintable():
        detail = f"At most {LONGEST_LABEL} printable characters."
        raise invalid(Fault("/label", "invalid_label", detail))
    return value.strip()
