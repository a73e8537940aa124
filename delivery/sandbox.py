"""The provider that reaches nobody: messages land in the outbox, as people would see them.

Every message is a row, encrypted under the person's key, for the admin's Outbox, and a file that a
mail client or an editor opens. **The files hold personal data in clear**: that is what they are
for. Their folder is closed to other users of the machine; the sandbox belongs on machines where
nobody real is written to. Without a folder nothing is kept, only the outcome is simulated.
"""

import json
import os
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from django.conf import settings
from django.db import DatabaseError, InterfaceError

from delivery import channels, people
from delivery.contracts import Attachment, Message, Outcome
from delivery.lifecycle import OutcomeKind
from delivery.models import OutboxMessage
from delivery.providers.email import letter
from delivery.providers.email.letter import Refused
from delivery.simulation import Simulation, simulated
from notifysite.plumbing.crypto import CryptoError, DataKey, Tampered

SLOW_SECONDS: Final = 2.0

# What is not simulated is taken and received. The receipt comes with the outcome, so that a
# demonstration needs nobody to call back.
_KINDS: Mapping[Simulation | None, OutcomeKind] = {
    None: OutcomeKind.DELIVERED,
    Simulation.DELIVERED: OutcomeKind.DELIVERED,
    Simulation.SLOW: OutcomeKind.DELIVERED,
    Simulation.SILENT: OutcomeKind.ACCEPTED,
    Simulation.TEMPORARY_FAIL: OutcomeKind.TRANSIENT,
    Simulation.PERMANENT_FAIL: OutcomeKind.REFUSED_ADDRESS,
}
_TAKEN = frozenset({OutcomeKind.ACCEPTED, OutcomeKind.DELIVERED})


class Sandbox:
    """Takes messages of any channel; some addresses make it fail (see delivery.simulation).

    A message handed over twice is kept twice: a second copy must be visible, not hidden. `delay`
    is how many seconds a slow address takes.
    """

    local = True

    def __init__(
        self,
        alias: str,
        folder: str | None = None,
        *,
        flight: int = 50,
        delay: float = SLOW_SECONDS,
    ) -> None:
        self.alias = alias
        self.flight = flight
        self._folder = _Folder(Path(folder)) if folder else None
        self._delay = delay

    def send(self, messages: Sequence[Message]) -> Iterator[Outcome]:
        """Keep all messages, then answer; slow ones last."""
        began = time.monotonic()
        outcomes = [_simulate(message) for message in messages]
        if self._folder and messages:
            outcomes = _keep(messages, outcomes, folder=self._folder)
        slow = []
        for message, outcome in zip(messages, outcomes, strict=True):
            if simulated(message.address) is Simulation.SLOW:
                slow.append(outcome)
            else:
                yield _timed(outcome, began)
        if slow:
            time.sleep(max(0.0, began + self._delay - time.monotonic()))
        for outcome in slow:
            yield _timed(outcome, began)


def read(rows: Iterable[OutboxMessage]) -> dict[int, dict[str, Any]]:
    """What kept messages say, by row id; those of erased people are missing.

    Each is `address`, `headers`, `category`, `type`, `locale`, the fields of `Content`,
    and of its `attachments` each one's `name`, `content_type` and `size`.
    """
    kept = list(rows)
    keys = people.data_keys({row.recipient_id for row in kept})
    said = {}
    for row in kept:
        if row.recipient_id in keys:
            try:
                said[row.pk] = _unseal(row, keys[row.recipient_id])
            except Tampered:
                continue
    return said


def _simulate(message: Message) -> Outcome:
    simulation = simulated(message.address)
    return Outcome(
        reference=message.reference,
        kind=_KINDS[simulation],
        code=f"simulated_{simulation.name.lower()}" if simulation else "",
        provider_ref=f"sandbox-{message.reference}",
    )


def _timed(outcome: Outcome, began: float) -> Outcome:
    return replace(outcome, took=time.monotonic() - began)


def _keep(
    messages: Sequence[Message], outcomes: Sequence[Outcome], *, folder: "_Folder"
) -> list[Outcome]:
    """Files for what was taken, one insert for everything; returns what became of it."""
    try:
        keys = people.data_keys({message.recipient for message in messages})
        pairs = [
            (
                message,
                folder.put(message, outcome) if message.recipient in keys else _erased(message),
            )
            for message, outcome in zip(messages, outcomes, strict=True)
        ]
        OutboxMessage.objects.bulk_create(
            [
                _row(message, outcome, keys)
                for message, outcome in pairs
                if message.recipient in keys
            ]
        )
    except (DatabaseError, InterfaceError) as error:
        return [_not_kept(message, OutcomeKind.TRANSIENT, error) for message in messages]
    except CryptoError as error:
        return [_not_kept(message, OutcomeKind.ACCOUNT, error) for message in messages]
    return [outcome for _, outcome in pairs]


def _erased(message: Message) -> Outcome:
    """Nobody can read what is kept for an erased person, so nothing is."""
    return Outcome(reference=message.reference, kind=OutcomeKind.REFUSED_MESSAGE, code="erased")


def _not_kept(message: Message, kind: OutcomeKind, error: Exception) -> Outcome:
    return Outcome(reference=message.reference, kind=kind, code=type(error).__name__)


def _row(message: Message, outcome: Outcome, keys: Mapping[int, DataKey]) -> OutboxMessage:
    return OutboxMessage(
        delivery_id=message.reference,
        notification_id=message.notification,
        recipient_id=message.recipient,
        channel=message.channel,
        outcome=outcome.kind,
        content=keys[message.recipient].encrypt(
            _json(message), context=_context(message.reference)
        ),
    )


def _unseal(row: OutboxMessage, key: DataKey) -> dict[str, Any]:
    said: dict[str, Any] = json.loads(
        key.decrypt(bytes(row.content), context=_context(row.delivery_id))
    )
    return said


def _context(reference: object) -> str:
    return f"sandbox_message.content:{reference}"


def _json(message: Message, *, indent: int | None = None) -> bytes:
    said = {
        "address": message.address,
        "headers": message.headers,
        "category": message.category,
        "type": message.type,
        "locale": message.locale,
        **asdict(message.content),
        "attachments": [_told(attachment) for attachment in message.attachments],
    }
    text = json.dumps(said, ensure_ascii=False, indent=indent)
    return text.encode(errors="backslashreplace")  # which is JSON's own way to write such a thing


def _told(attachment: Attachment) -> dict[str, Any]:
    size = len(attachment.content)
    return {"name": attachment.name, "content_type": attachment.content_type, "size": size}


class _Folder:
    """Where a person finds what was sent."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._sender = letter.sender(settings.DEFAULT_FROM_EMAIL)

    def put(self, message: Message, outcome: Outcome) -> Outcome:
        """Write the file of a message that was taken; returns what became of it."""
        if outcome.kind not in _TAKEN:
            return outcome
        try:
            self._write(_file_name(message), self._content(message))
        except Refused as refusal:
            return refusal.outcome(message)
        except OSError as error:
            return _not_kept(message, OutcomeKind.TRANSIENT, error)
        return outcome

    def _content(self, message: Message) -> bytes:
        """A mail as it would go over the wire, anything else as JSON. Raises Refused."""
        if message.channel == channels.EMAIL.number:
            return letter.write(message, sender=self._sender).as_bytes()
        return _json(message, indent=1)

    def _write(self, name: str, content: bytes) -> None:
        """Write a file only we can read; whoever watches the folder never sees half of it."""
        self._path.mkdir(mode=0o700, parents=True, exist_ok=True)
        unfinished = self._path / f".{name}"
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW
        with os.fdopen(os.open(unfinished, flags, 0o600), "wb") as file:
            file.write(content)
        unfinished.replace(self._path / name)


def _file_name(message: Message) -> str:
    spec = channels.by_number(message.channel)
    ending = "eml" if spec == channels.EMAIL else "json"
    return f"{datetime.now(UTC):%Y-%m-%d}-{spec.key}-{message.reference}.{ending}"
