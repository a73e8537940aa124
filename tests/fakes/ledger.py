"""A provider that writes every message it takes into a file, synced before it answers."""

import json
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from delivery.contracts import Message, Outcome
from delivery.lifecycle import OutcomeKind


class LedgerProvider:
    """What it has written it has taken, whatever happens to its process afterwards.

    An address that begins with `refused` is refused.
    """

    flight = 10

    def __init__(self, *, alias: str, path: str) -> None:
        self.alias = alias
        self._path = path

    def send(self, messages: Sequence[Message]) -> Iterator[Outcome]:
        """Write, sync, answer."""
        for message in messages:
            if message.address.startswith("refused"):
                yield Outcome(reference=message.reference, kind=OutcomeKind.REFUSED_ADDRESS)
                continue
            self._write(message)
            yield Outcome(reference=message.reference, kind=OutcomeKind.ACCEPTED)

    def _write(self, message: Message) -> None:
        entry = {
            "reference": str(message.reference),
            "channel": message.channel,
            "address": message.address,
            "subject": message.content.subject,
        }
        line = json.dumps(entry).encode() + b"\n"
        handle = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            os.write(handle, line)
            os.fsync(handle)
        finally:
            os.close(handle)


def entries(path: Path) -> list[dict[str, Any]]:
    """What was taken so far."""
    if not path.exists():
        return []
    return [json.loads(line) for line in path.read_bytes().splitlines()]
