"""The variables of a render and the headers of a message; and their record."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

from django.conf import settings
from django.db import connection

from delivery import channels
from notifications.catalog.types import CatalogType
from notifications.planning.letters import Letter
from notifications.planning.readers import Reader
from notifications.rendering.sensitive import mask
from notifysite.plumbing import crypto
from preferences import links

VARIABLES = "render.variables"  # what the encrypted record is bound to


def variables(
    letter: Letter, kind: CatalogType, *, actor: Reader | None, common: Mapping[str, Any]
) -> dict[str, Any]:
    """Everything a template may name: data, recipient, actor, brand, links. `common`: the data of
    its audience."""
    due = letter.due
    return {
        **letter.reader.variables(due.data, locale=due.locale, common=common),
        "actor": actor.person() if actor else {},
        "brand": settings.BRAND,
        "links": message_links(letter.row.subject, kind.category.key, letter.row.id),
    }


def message_links(subject: UUID, category: str, delivery: UUID) -> dict[str, str]:
    """The links of one message; the same again for the same delivery."""
    return {
        "preferences": links.preferences_url(subject),
        "unsubscribe": links.unsubscribe_url(subject, category, delivery),
        "view": links.view_url(subject, delivery),
        "why": links.why_url(subject, delivery),
    }


def headers(letter: Letter, kind: CatalogType, variables: Mapping[str, Any]) -> dict[str, str]:
    """Mail headers by RFC 8058 and RFC 2919; security mail offers no unsubscribe."""
    if letter.row.channel != channels.EMAIL.number:
        return {}
    found = {"Feedback-ID": f"{kind.key}:{kind.category.key}:{letter.due.service_id}:notifysite"}
    if kind.category.mandatory:
        return found
    return found | {
        "List-Id": f"{kind.category.key} <{kind.category.key}.{_domain(settings.PUBLIC_URL)}>",
        "List-Unsubscribe": f"<{variables['links']['unsubscribe']}>",
        "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
    }


@cache
def _domain(url: str) -> str:
    return urlsplit(url).hostname or "localhost"


@dataclass(frozen=True, slots=True)
class Used:
    """What the render of one delivery used."""

    letter: Letter
    version: int
    variables: Mapping[str, Any]
    kind: CatalogType

    def sealed(self) -> bytes:
        """The record, under the reader's key. Secrets are masked: they are not kept."""
        kept = dict(self.variables)
        if self.kind.sensitive:
            kept["data"] = mask(kept["data"], self.kind.data_schema)
        plain = json.dumps(kept, separators=(",", ":"), ensure_ascii=False).encode()
        key = crypto.unwrap(bytes(self.letter.reader.wrapped or b""))
        return key.encrypt(plain, context=VARIABLES)


_KEEP = """
    INSERT INTO render (id, version_id, variables)
    SELECT * FROM unnest(%s::uuid[], %s::bigint[], %s::bytea[])
    ON CONFLICT (id) DO UPDATE
        SET version_id = EXCLUDED.version_id, variables = EXCLUDED.variables
"""


def keep(used: Sequence[Used]) -> None:
    """Record what renders used, so that each message can be shown again as it was sent."""
    if not used:
        return
    with connection.cursor() as cursor:
        cursor.execute(
            _KEEP,
            [
                [one.letter.row.id for one in used],
                [one.version for one in used],
                [one.sealed() for one in used],
            ],
        )
