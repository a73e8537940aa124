"""Who reads: what templates and conditions may know of a person, in clear."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any

from django.db import connection

from notifysite.plumbing import crypto, keptjson
from notifysite.plumbing.crypto import DataKey
from preferences import profile

DATA = "notification.data"  # what the encrypted data of a notification is bound to
_NOTHING: Mapping[str, Any] = {}


@dataclass(frozen=True)
class Reader:
    """One person; `wrapped` is None for an erased one, of whom nothing is known any more."""

    id: int
    user_id: str | None
    wrapped: bytes | None
    profile: bytes | None
    locale: str
    timezone: str

    @cached_property
    def key(self) -> DataKey | None:
        """What is kept of them is under this key. Raises CryptoError."""
        return None if self.wrapped is None else crypto.unwrap(bytes(self.wrapped))

    def variables(
        self, data: bytes | None, *, locale: str = "", common: Mapping[str, Any] = _NOTHING
    ) -> dict[str, Any]:
        """`data` and `recipient`, as templates and expressions name them; what is the person's
        own merges over what is `common` to an audience."""
        if self.key is None:
            return {"data": {}, "recipient": {}}
        own = keptjson.loads(self.key.decrypt(data, context=DATA)) if data else {}
        return {
            "data": {**common, **own},
            "recipient": {**self.person(), "locale": locale or self.locale},
        }

    def person(self) -> dict[str, Any]:
        """What may be said of a person."""
        if self.key is None:
            return {}
        known = profile.decrypt(self.profile, self.key)
        return {
            "user_id": self.user_id or "",
            "name": known.name,
            "locale": self.locale,
            "timezone": self.timezone or "UTC",
            "attributes": dict(known.attributes),
        }


FIELDS = tuple(field.name for field in fields(Reader))


def load(recipients: Iterable[int]) -> dict[int, Reader]:
    """Readers by id: one query, or none for nobody."""
    ids = list(recipients)
    if not ids:
        return {}
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT id, user_id, data_key, profile, locale, timezone FROM recipient"
            " WHERE id = ANY(%s::bigint[])",
            [ids],
        )
        return {row[0]: Reader(*row) for row in cursor.fetchall()}
