"""The ways a message can reach a person. Pure data; a new channel is one `ChannelSpec`."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

PREFERRED = 0  # in a step: the person's own first choice; in a choice: every channel
PREFERRED_KEY = "preferred"


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelSpec:
    """What the rest of the system must know about a channel.

    `number` stands in the database and never changes. `interrupts`: quiet hours hold it.
    `addressed`: needs an address row (in-app reaches the recipient itself). `every_address`:
    goes to all addresses of the kind (devices), not only to the current one. `kinds`: what its
    addresses can be, where providers differ in which they take. `shared`: several people may have
    one of them. `files`: it carries attachments. `fields`: the content an editor writes for it, of
    those that Content has. `required`: which of them may not be empty.
    """

    number: int
    key: str
    label: str
    interrupts: bool = True
    addressed: bool = True
    every_address: bool = False
    kinds: tuple[str, ...] = ()
    shared: bool = False
    files: bool = False
    fields: tuple[str, ...] = ("title", "body", "url")
    required: tuple[str, ...] = ("title",)
    icon: str = "notifications"


EMAIL = ChannelSpec(
    number=1,
    key="email",
    label="Email",
    files=True,
    fields=("subject", "preheader", "body", "text", "image", "actions"),
    required=("subject", "body"),
    icon="mail",
)
SMS = ChannelSpec(
    number=2, key="sms", label="SMS", fields=("text",), required=("text",), icon="sms"
)
WEB_PUSH = ChannelSpec(
    number=3,
    key="web_push",
    label="Browser notification",
    every_address=True,
    fields=("title", "body", "url", "image", "icon", "actions"),
    required=("title", "body"),
    icon="web",
)
MOBILE_PUSH = ChannelSpec(
    number=4,
    key="mobile_push",
    label="Phone notification",
    every_address=True,
    kinds=("fcm", "apns"),
    fields=("title", "body", "url", "image", "actions"),
    required=("title", "body"),
    icon="smartphone",
)
IN_APP = ChannelSpec(
    number=5,
    key="in_app",
    label="In-app",
    interrupts=False,
    addressed=False,
    fields=("title", "body", "url", "image", "icon", "actions"),
    icon="inbox",
)
WEBHOOK = ChannelSpec(
    number=6,
    key="webhook",
    label="Webhook",
    interrupts=False,
    fields=("title", "body", "url", "image", "icon", "actions"),
    icon="webhook",
)
CHAT = ChannelSpec(
    number=7,
    key="chat",
    label="Chat",
    every_address=True,
    shared=True,
    fields=("title", "body", "url", "image", "actions"),
    icon="forum",
)
# No channel, so nothing goes over it: an editor's words for every channel that has none of its own.
GENERAL = ChannelSpec(
    number=0,  # in a template
    key="general",
    label="Every channel",
    fields=("title", "body", "image", "icon", "actions", "url"),
    required=("title", "body"),
    icon="hub",
)

# The kinds of addresses as the database has them; the numbers never change.
KINDS: Mapping[str, int] = {"fcm": 1, "apns": 2}

_by_number: dict[int, ChannelSpec] = {}
_by_key: dict[str, ChannelSpec] = {}


class UnknownChannel(LookupError):
    """No such channel; the text lists those there are."""


def install(spec: ChannelSpec) -> None:
    """Add a channel; done once at start-up for those in settings.EXTRA_CHANNELS."""
    known = _by_number.get(spec.number)
    if spec.number < 1 or spec.key in (PREFERRED_KEY, GENERAL.key):
        raise ValueError(f"channel {spec.key} ({spec.number}) has a number or a key that is taken")
    if known not in (None, spec) or (spec.key in _by_key and _by_key[spec.key] != spec):
        raise ValueError(f"channel {spec.key} ({spec.number}) clashes with one already there")
    _by_number[spec.number] = spec
    _by_key[spec.key] = spec


for _spec in (EMAIL, SMS, WEB_PUSH, MOBILE_PUSH, IN_APP, WEBHOOK, CHAT):
    install(_spec)


def every() -> list[ChannelSpec]:
    """All channels, by number."""
    return [_by_number[number] for number in sorted(_by_number)]


def by_key(key: str) -> ChannelSpec:
    """The channel of an API word. Raises UnknownChannel."""
    try:
        return _by_key[key]
    except KeyError:
        raise UnknownChannel(f"{key!r} is not a channel; there are: {', '.join(_by_key)}") from None


def by_number(number: int) -> ChannelSpec:
    """The channel of a database number. Raises UnknownChannel."""
    try:
        return _by_number[number]
    except KeyError:
        raise UnknownChannel(f"no channel has number {number}") from None


def keys(numbers: Iterable[int]) -> list[str]:
    """API words for database numbers."""
    return [by_number(number).key for number in numbers]


def choices() -> list[tuple[int, str]]:
    """For model fields: a callable, so that a new channel needs no migration."""
    return [(spec.number, spec.label) for spec in every()]


def step_choices() -> list[tuple[int, str]]:
    """Channels a step may name, with the person's preferred one."""
    return [(PREFERRED, "The person's preferred channel"), *choices()]


def writable() -> list[ChannelSpec]:
    """What an editor may write words for: every channel together, then each channel."""
    return [GENERAL, *every()]


def written(number: int) -> ChannelSpec:
    """What the words of a template with this number are for. Raises UnknownChannel."""
    return GENERAL if number == GENERAL.number else by_number(number)


def written_by_key(key: str) -> ChannelSpec:
    """The same by its API word. Raises UnknownChannel."""
    return GENERAL if key == GENERAL.key else by_key(key)


def written_choices() -> list[tuple[int, str]]:
    """What a template may be for, as choices of a model field."""
    return [(spec.number, spec.label) for spec in writable()]
