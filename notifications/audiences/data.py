"""What the notifications of an audience have in common: read once for a batch or a flight."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from django.db import connection

from notifications.words import AudienceStatus
from notifysite.plumbing import crypto
from notifysite.plumbing.compactjson import compact

DATA = "audience.data"  # what the encrypted data of an audience is bound to

# Those notifications `n` of an audience `a` that were made, by the index on service and id; they
# are of the millisecond of its request, from %(low)s to %(high)s: see ids.siblings().
MADE = """
    n.service_id = a.service_id AND n.id >= %(low)s AND n.id <= %(high)s AND n.audience_id = a.id
"""


@dataclass(frozen=True)
class Common:
    """Of one audience: whether it was cancelled, and its data as they are stored."""

    cancelled: bool
    wrapped: bytes | None
    stored: bytes | None

    @cached_property
    def data(self) -> Mapping[str, Any]:
        """In clear; nothing once they were forgotten. Raises CryptoError."""
        if self.wrapped is None or self.stored is None:
            return {}
        plain = crypto.unwrap(bytes(self.wrapped)).decrypt(bytes(self.stored), context=DATA)
        found: dict[str, Any] = json.loads(plain)
        return found


NOTHING = Common(cancelled=False, wrapped=None, stored=None)


def load(audiences: Iterable[int | None]) -> dict[int | None, Common]:
    """By id, `None` too, for what belongs to no audience: one query, or none for no audience."""
    ids = sorted({id_ for id_ in audiences if id_ is not None})
    found: dict[int | None, Common] = {None: NOTHING}
    if not ids:
        return found
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT id, status, data_key, data FROM audience WHERE id = ANY(%s::bigint[])", [ids]
        )
        for id_, status, wrapped, stored in cursor.fetchall():
            found[id_] = Common(status == AudienceStatus.CANCELLED, wrapped, stored)
    return found


def sealed(data: Mapping[str, Any]) -> tuple[bytes, bytes]:
    """A fresh data key, wrapped, and data under it."""
    key, wrapped = crypto.new_data_key()
    plain = compact(data).encode()
    return wrapped, key.encrypt(plain, context=DATA)
