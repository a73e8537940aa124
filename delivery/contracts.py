"""What the sealed message is, what a provider answers, and what may be said instead of sending."""

import enum
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple, Protocol
from uuid import UUID

from delivery.lifecycle import EventKind, OutcomeKind, Reason


@dataclass(frozen=True, slots=True, kw_only=True)
class Action:
    """A button of a message."""

    label: str
    url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """What is said, channel-neutral; each channel takes what it can show."""

    subject: str = ""
    preheader: str = ""
    title: str = ""
    text: str = ""
    html: str = ""
    url: str = ""
    image: str = ""
    icon: str = ""
    actions: tuple[Action, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Attachment:
    """A file that goes with a message: only email carries one.

    `name` has no path and no control characters, `content_type` no parameters.
    """

    name: str = field(repr=False)
    content_type: str
    content: bytes = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One sealed message to one address, ready to hand over.

    `reference` is the delivery's id: stable over retries, echoed in receipts, and the key a
    provider may fold copies by. `address` is empty where the channel reaches the recipient itself;
    `registered_at` is when we were given it, where that is known. `headers` come from an allow-list
    and hold no control characters. `secrets` sign a webhook, the newest first. `happened_at`: when
    that happened which it tells of, where that is not when it was asked for. `badge`: what the
    person has not read yet, for the app's icon; None leaves the icon as it is.
    """

    reference: UUID
    notification: UUID
    recipient: int
    channel: int
    address: str = field(repr=False)
    content: Content
    attachments: tuple[Attachment, ...] = ()
    category: str = ""
    type: str = ""
    locale: str = ""
    marketing: bool = False
    silent: bool = False
    test: bool = False
    priority: int = 3
    expires_at: datetime | None = None
    registered_at: datetime | None = None
    headers: dict[str, str] = field(default_factory=dict)
    data: dict[str, Any] = field(default_factory=dict)
    secrets: tuple[str, ...] = field(default=(), repr=False)
    happened_at: datetime | None = None
    badge: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Withdraw:
    """Do not send: the reason ends the delivery as `cancelled`, `expired` or `failed`."""

    reason: Reason


@dataclass(frozen=True, slots=True, kw_only=True)
class Wait:
    """Not now: the row falls due again at `until`."""

    until: datetime
    reason: Reason | None = None


Sealed = Message | Withdraw | Wait


class Parcel(NamedTuple):
    """What dispatch shows the seal of each marked row."""

    id: UUID
    notification_id: UUID
    recipient_id: int
    address_id: int | None
    channel: int
    step: int
    mode: int


Seal = Callable[[Sequence[Parcel]], dict[UUID, Sealed]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of handing over one message.

    `code` is the provider's own word, `detail` is for operators and holds no address. `retry_after`
    is in seconds.
    """

    reference: UUID
    kind: OutcomeKind
    code: str = ""
    detail: str = ""
    provider_ref: str = ""
    retry_after: float | None = None
    took: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What a provider says became of one message; whoever makes it has checked that it is theirs.

    It names the message by `reference`, our delivery's id where they echo it, or by `provider_ref`,
    their own id of it. `event_key` is their id of this report, empty where they give none. `at` is
    by their clock, aware. `detail` is for operators and holds no address. `machine`: it was no
    person who opened or clicked.
    """

    kind: EventKind
    at: datetime
    event_key: str = ""
    reference: UUID | None = None
    provider_ref: str = ""
    code: str = ""
    detail: str = ""
    machine: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A request at a provider's hook, as it came.

    `url` is the one the provider was given, by settings.PUBLIC_URL and not by a Host header, with
    the query. `headers` ignore case. `at` is when it came.
    """

    url: str
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What a person wrote to one of our numbers; `address` is theirs, `number` is ours.

    `event_key` is the provider's id of it. `answered`: the provider answers it in its own words.
    """

    channel: int
    address: str = field(repr=False)
    number: str
    text: str = field(repr=False)
    at: datetime
    event_key: str
    answered: bool = False


@dataclass(frozen=True, slots=True)
class Answer:
    """What a provider that calls wants to be answered."""

    body: str = ""
    content_type: str = "text/plain"


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """What a genuine call says.

    `once`: what its signature covers, where that is not the body, so that it is good for one call.
    """

    reports: Sequence[Report] = ()
    said: Sequence[Said] = ()
    once: str = ""
    answer: Answer = Answer()


class Listener(Protocol):
    """What a provider also is that calls back: at /hooks/<alias>/."""

    def hear(self, call: Call) -> Heard:
        """Read a call. Raises NotHeard for what is not genuine, fresh and readable."""


class Correspondent(Listener, Protocol):
    """A listener that also hears what people write."""

    def reply(self, said: Said, text: str) -> Answer:
        """Have a person answered; returns what the call is to be answered."""


class Feature(enum.StrEnum):
    """What a provider can do beyond handing over; its class lists them as `features`."""

    RECEIPTS = "receipts"  # says what became of a message
    ENGAGEMENT = "opens, clicks"  # says what people did with it
    REPLIES = "replies"  # passes on what people write
    FOLDS = "folds copies"  # takes what comes twice under one reference once
    REPLACES = "replaces copies"  # shows one of several copies
    EXPIRY = "expiry"  # keeps it no longer than it is worth
    IMAGES = "images"
    ACTIONS = "actions"
    ATTACHMENTS = "attachments"


class Provider(Protocol):
    """Hands messages over. One file each, configured by alias.

    `flight` is how many messages really go out together: the most, times its `flights`, that can be
    uncertain when the process dies. A provider may also say what `Traits` lists; what it does not
    say is as there.
    """

    alias: str
    flight: int

    def send(self, messages: Sequence[Message]) -> Iterator[Outcome]:
        """Hand all messages over; one outcome per message, in any order, never raising for one."""


@dataclass(frozen=True, slots=True)
class Traits:
    """What is known of a provider before anything is handed to it.

    `flights`: how many may be under way at once; with more than one, `send` is called from several
    threads. `local`: it works on our own database, so it is called in our own thread.
    `idempotent_for`: seconds in which it folds what comes twice under one reference. `reports`: it
    tells later what became of a message. `patience`: the backoff profile it asks for, by name.
    `kinds`: of addresses (`fcm`), those that it takes; without any, all of its channel.
    `apart`: each message goes to a server of its own, so that one which fails says nothing of the
    others, and there is no breaker; while one is slow the others leave beside it, in small flights.
    """

    flight: int = 1
    flights: int = 1
    local: bool = False
    idempotent_for: float = 0.0
    reports: bool = False
    patience: str = ""
    kinds: frozenset[str] = frozenset()
    apart: bool = False


class Change(NamedTuple):
    """What an announcement says of one delivery.

    `moved` is false where news had made it so already, and somebody told of it. `acted`: which of
    its actions the person has done, counted from 0. `stopped`: the person unsubscribed at the
    provider, or complained there.
    """

    delivery_id: UUID
    notification_id: UUID
    recipient_id: int
    channel: int
    state: int
    reason: int | None
    provider: str
    mode: int
    step: int
    queued_seconds: float | None = None
    call_seconds: float | None = None
    seen: bool = False
    moved: bool = True
    acted: int | None = None
    stopped: bool = False
