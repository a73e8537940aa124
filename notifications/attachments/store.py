"""Attachments as rows: uploaded, listed, read and deleted."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from django.conf import settings
from django.db import connection
from django.db.models.functions import Now

from notifications.attachments import naming
from notifications.models import Attachment
from notifysite.plumbing import crypto, ids
from notifysite.plumbing.crypto import DataKey
from preferences.known import Known

# Rows hold megabytes: few at a time.
FORGET_BATCH = 100


@dataclass(frozen=True, slots=True)
class Upload:
    """A file to be kept, whose name was checked."""

    name: str = field(repr=False)
    content: bytes = field(repr=False)

    @property
    def sha256(self) -> bytes:
        """By which the same bytes are known."""
        return hashlib.sha256(self.content).digest()


def put(upload: Upload, *, service_id: int, person: Known | None) -> UUID:
    """Keep a file: a person's under their key, any other under one of its own."""
    uuid = ids.uuid7()
    key, wrapped = (person.key, None) if person else crypto.new_data_key()
    Attachment.objects.create(
        uuid=uuid,
        service_id=service_id,
        recipient_id=person.id if person else None,
        data_key=wrapped,
        name=key.encrypt(upload.name.encode(), context=name_context(uuid)),
        content_type=naming.type_of(upload.name),
        size=len(upload.content),
        sha256=upload.sha256,
        content=key.encrypt(upload.content, context=content_context(uuid)),
        expires_at=Now() + timedelta(days=settings.ATTACHMENT_DAYS),
    )
    return uuid


def name_context(uuid: UUID) -> str:
    """What an encrypted name is bound to."""
    return f"attachment.name:{uuid}"


def content_context(uuid: UUID) -> str:
    """What encrypted bytes are bound to."""
    return f"attachment.content:{uuid}"


class Shown(NamedTuple):
    """An attachment without its bytes, in the order of the statement's columns."""

    place: int
    uuid: UUID
    service_id: int
    recipient_id: int | None
    user_id: str | None
    key: bytes | None
    name: bytes
    content_type: str
    size: int
    sha256: bytes
    created_at: datetime
    expires_at: datetime

    def plain(self) -> dict[str, Any]:
        """As the API shows it."""
        return {
            "id": self.uuid,
            "name": self.called(),
            "content_type": self.content_type,
            "size": self.size,
            "sha256": bytes(self.sha256).hex(),
            "user_id": self.user_id,
            "created_at": self.created_at,
            "expires_at": self.expires_at,
        }

    def called(self) -> str:
        """Its name in clear; empty where its person was erased. Raises CryptoError."""
        if self.key is None:
            return ""
        return named(crypto.unwrap(bytes(self.key)), self.uuid, self.name)


def named(key: DataKey, uuid: UUID, name: bytes) -> str:
    """A name in clear. Raises CryptoError."""
    return key.decrypt(bytes(name), context=name_context(uuid)).decode()


_SHOWN = """
    SELECT a.id, a.uuid, a.service_id, a.recipient_id, r.user_id, COALESCE(a.data_key, r.data_key),
        a.name, a.content_type, a.size, a.sha256, a.created_at, a.expires_at
    FROM attachment AS a LEFT JOIN recipient AS r ON r.id = a.recipient_id
"""


def several(uuids: Iterable[UUID], *, service_id: int | None) -> dict[UUID, Shown]:
    """Those of a service, or of any where it is None, by uuid: one query, or none for none."""
    wanted = list(uuids)
    mine = "" if service_id is None else "AND a.service_id = %(service)s"
    where = f"WHERE a.uuid = ANY(%(uuids)s::uuid[]) {mine}"
    return _read(where, {"uuids": wanted, "service": service_id}) if wanted else {}


def by_rows(rows: Iterable[int]) -> dict[UUID, Shown]:
    """The same by the ids of their rows."""
    return _read("WHERE a.id = ANY(%(rows)s::bigint[])", {"rows": list(rows)})


def of_person(recipient_id: int) -> list[Shown]:
    """Those that are a person's, oldest first."""
    where = "WHERE a.recipient_id = %(person)s ORDER BY a.id"
    return list(_read(where, {"person": recipient_id}).values())


def _read(where: str, values: dict[str, Any]) -> dict[UUID, Shown]:
    with connection.cursor() as cursor:
        cursor.execute(f"{_SHOWN} {where}", values)
        return {row[1]: Shown(*row) for row in cursor.fetchall()}


def delete(uuid: UUID, *, service_id: int) -> bool:
    """Delete one of a service; False where there is none."""
    deleted, _ = Attachment.objects.filter(uuid=uuid, service_id=service_id).delete()
    return bool(deleted)


def erase(recipient_id: int) -> None:
    """Delete those that are a person's."""
    Attachment.objects.filter(recipient_id=recipient_id).delete()


_FORGET = """
    DELETE FROM attachment WHERE id IN (
        SELECT id FROM attachment WHERE expires_at < clock_timestamp()
        ORDER BY expires_at LIMIT %s FOR UPDATE SKIP LOCKED
    )
"""


def forget() -> int:
    """Delete a batch of those that expired; returns how many."""
    with connection.cursor() as cursor:
        cursor.execute(_FORGET, [FORGET_BATCH])
        return int(cursor.rowcount)
