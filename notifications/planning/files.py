"""The files of a flight's mails: read and opened together, and never more than fit in memory."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from functools import cache
from typing import NamedTuple
from uuid import UUID

import structlog
from django.db import connection

from delivery import channels
from delivery.contracts import Attachment, Wait, Withdraw
from delivery.lifecycle import Reason
from notifications.attachments import store
from notifications.planning.letters import Letter
from notifysite.plumbing import crypto
from notifysite.plumbing.crypto import CryptoError, DataKey

log = structlog.get_logger(__name__)

# How many bytes of files the mails of a flight may carry, unless one alone has more. Each mail
# becomes a copy or two more while it is handed over.
MOST_BYTES = 32 * 1024 * 1024

Carried = tuple[Attachment, ...] | Withdraw | Wait


class _File(NamedTuple):
    """An attachment, in the order of the statement's columns."""

    uuid: UUID
    data_key: bytes | None  # None for a person's: it is under theirs
    name: bytes
    content_type: str
    content: bytes


def of(letters: Sequence[Letter], *, now: datetime) -> dict[UUID, Carried]:
    """The files of those deliveries that carry some, or why it does not leave now: a mail that does
    not fit any more goes with the next flight. Two queries, or none where nothing is carried."""
    carrying = [
        letter
        for letter in letters
        if letter.due.attachments and channels.by_number(letter.row.channel).files
    ]
    if not carrying:
        return {}
    answers, fitting = _fit(carrying, _sizes(_uuids(carrying)), now)
    return answers | _opened(fitting)


def _uuids(letters: Iterable[Letter]) -> set[UUID]:
    return {uuid for letter in letters for uuid in letter.due.attachments or ()}


def _fit(
    carrying: Sequence[Letter], sizes: Mapping[UUID, int], now: datetime
) -> tuple[dict[UUID, Carried], list[Letter]]:
    """Those that are to leave now; and the answer to the others."""
    answers: dict[UUID, Carried] = {}
    fitting: list[Letter] = []
    taken = 0
    for letter in carrying:
        uuids = letter.due.attachments or ()
        if any(uuid not in sizes for uuid in uuids):
            answers[letter.row.id] = Withdraw(reason=Reason.ATTACHMENT_GONE)
            continue
        size = sum(sizes[uuid] for uuid in uuids)
        if fitting and taken + size > MOST_BYTES:
            answers[letter.row.id] = Wait(until=now)
            continue
        taken += size
        fitting.append(letter)
    return answers, fitting


def _opened(letters: Sequence[Letter]) -> dict[UUID, Carried]:
    found = _contents(_uuids(letters))
    # What many mails of a flight carry is opened once.
    shared = cache(lambda uuid: _open(found[uuid], _own_key(found[uuid])))
    answers: dict[UUID, Carried] = {}
    for letter in letters:
        try:
            answers[letter.row.id] = tuple(
                shared(uuid) if found[uuid].data_key else _open(found[uuid], letter.reader.key)
                for uuid in letter.due.attachments or ()
            )
        except KeyError:  # deleted a moment ago
            answers[letter.row.id] = Withdraw(reason=Reason.ATTACHMENT_GONE)
        except CryptoError as error:
            log.error("file_unreadable", delivery=str(letter.row.id), error=type(error).__name__)
            answers[letter.row.id] = Withdraw(reason=Reason.RENDER_FAILED)
    return answers


def _own_key(file: _File) -> DataKey:
    return crypto.unwrap(bytes(file.data_key or b""))


def _open(file: _File, key: DataKey | None) -> Attachment:
    """Under the key of another person it does not open. Raises CryptoError."""
    if key is None:
        raise crypto.KeyMissing("The person was erased.")
    return Attachment(
        name=store.named(key, file.uuid, file.name),
        content_type=file.content_type,
        content=key.decrypt(file.content, context=store.content_context(file.uuid)),
    )


def _sizes(uuids: Iterable[UUID]) -> dict[UUID, int]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT uuid, size FROM attachment WHERE uuid = ANY(%s::uuid[])", [list(uuids)]
        )
        return dict(cursor.fetchall())


def _contents(uuids: Iterable[UUID]) -> dict[UUID, _File]:
    wanted = list(uuids)
    if not wanted:
        return {}
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT uuid, data_key, name, content_type, content FROM attachment"
            " WHERE uuid = ANY(%s::uuid[])",
            [wanted],
        )
        return {row[0]: _File(*row) for row in cursor.fetchall()}
