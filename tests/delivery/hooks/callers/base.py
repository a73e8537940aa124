"""A provider as it calls our hook."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, nullcontext
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, ClassVar, Self
from uuid import UUID

from delivery.lifecycle import EventKind


@dataclass(frozen=True, kw_only=True)
class Told:
    """One thing a provider says of a message: `reference` is ours, `ref` its own id of it."""

    kind: EventKind
    reference: UUID
    ref: str
    key: str = "event-1"
    address: str = "ann@example.com"
    at: datetime = field(default_factory=lambda: datetime.now(UTC))


@dataclass(frozen=True, kw_only=True)
class Wrote:
    """Something a person wrote to one of our numbers."""

    text: str
    key: str = "word-1"
    address: str = "+491701234567"
    number: str = "+15005550006"
    at: datetime = field(default_factory=lambda: datetime.now(UTC))


@dataclass(frozen=True)
class Posted:
    """A call, as it is posted to /hooks/<alias>/; `query` is what stands behind the `?`."""

    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)
    content_type: str = "application/json"
    query: str = ""


class Caller(ABC):
    """Signs what it says as the real one does.

    `kinds`: all that it can say. `dated`: its signature covers when it called. `channel`: the key
    of the channel it carries. `replies`: it passes on what people write, by `wrote`, and `read`
    says what they are answered in the answer to that.
    """

    alias: ClassVar[str]
    channel: ClassVar[str] = "email"
    kinds: ClassVar[frozenset[EventKind]]
    dated: ClassVar[bool] = False
    replies: ClassVar[bool] = False

    backend: ClassVar[str]

    def __init__(self) -> None:
        self.closing = ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.closing.close()

    def configure(self, settings: Any, *, secret: bool = True) -> None:
        """Set the provider up under the alias, without its secret where that is to be missing."""
        entry = {
            "BACKEND": self.backend,
            "CHANNELS": [self.channel],
            "OPTIONS": self.options(secret=secret),
        }
        settings.DELIVERY_PROVIDERS = {**settings.DELIVERY_PROVIDERS, self.alias: entry}

    def answering(self, settings: Any) -> AbstractContextManager[object]:
        """Let replies that are sent apart from the answer arrive; enter it before `configure`."""
        return nullcontext()

    @abstractmethod
    def options(self, *, secret: bool) -> dict[str, Any]:
        """The OPTIONS of its entry, with its secret or without."""

    @abstractmethod
    def body(self, told: Sequence[Told]) -> bytes:
        """What it says, as it writes it."""

    @abstractmethod
    def sign(self, body: bytes, *, at: datetime) -> Posted:
        """A call that is genuine, whatever it says."""

    def call(self, *told: Told, at: datetime | None = None) -> Posted:
        """A genuine call."""
        return self.sign(self.body(told), at=at or datetime.now(UTC))

    def wrote(self, wrote: Wrote) -> Posted:
        """A genuine call that passes on what a person wrote."""
        raise NotImplementedError

    def read(self, answer: bytes) -> str:
        """What the person reads, of what such a call is answered; empty where nothing."""
        raise NotImplementedError

    def forged(self, posted: Posted) -> list[Posted]:
        """The same call, as somebody else would make it, in several ways."""
        unsigned = replace(posted, headers={}, query="")
        tampered = replace(posted, body=posted.body.replace(b"a", b"b") + b" ")
        return [unsigned, tampered]
