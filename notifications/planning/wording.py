"""The variables of a render and the headers of a message; and their record."""

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
from notifysite.plumbing.compactjson import compact
from notifysite.plumbing.crypto import DataKey
from notifysite.plumbing.statements import Statement
from preferences import links

VARIABLES = "render.variables"  # what the encrypted record is bound to


def variables(
    letter: Letter,
    kind: CatalogType,
    *,
    actor: Reader | None,
    common: Mapping[str, Any],
    linked: frozenset[str],
) -> dict[str, Any]:
    """Everything a template may name: data, recipient, actor, brand, and those links that it does
    name or that a mail's headers want. `common`: the data of its audience."""
    if letter.row.channel == channels.EMAIL.number:
        linked |= _IN_HEADERS
    due = letter.due
    return {
        **letter.reader.variables(due.data, locale=due.locale, common=common),
        "actor": actor.person() if actor else {},
        "brand": settings.BRAND,
        "links": links.of_message(
            letter.row.subject, kind.category.key, letter.row.id, only=linked
        ),
    }


_IN_HEADERS = frozenset({"unsubscribe"})


def headers(letter: Letter, kind: CatalogType, variables: Mapping[str, Any]) -> dict[str, str]:
    """Mail headers by RFC 8058 and RFC 2919; security mail offers no unsubscribe."""
    if letter.row.channel != channels.EMAIL.number:
        return {}
    category = kind.category.key
    found = {"Feedback-ID": f"{kind.key}:{category}:{letter.due.service_id}:notifysite"}
    if not kind.category.mandatory:
        found["List-Id"] = f"{category} <{category}.{_domain(settings.PUBLIC_URL)}>"
        found["List-Unsubscribe"] = f"<{variables['links']['unsubscribe']}>"
        found["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    return found


@cache
def _domain(url: str) -> str:
    return urlsplit(url).hostname or "localhost"


@dataclass(frozen=True, slots=True)
class Used:
    """What the render of one delivery used."""

    id: UUID
    key: DataKey
    version: int
    variables: Mapping[str, Any]
    kind: CatalogType

    def sealed(self) -> bytes:
        """The record, under the reader's key. Secrets are masked: they are not kept."""
        kept = dict(self.variables)
        if self.kind.sensitive:
            kept["data"] = mask(kept["data"], self.kind.data_schema)
        return self.key.encrypt(compact(kept).encode(), context=VARIABLES)


_KEEP = Statement("""
    INSERT INTO render (id, version_id, variables)
    SELECT * FROM unnest(%(ids)s::uuid[], %(versions)s::bigint[], %(variables)s::bytea[])
    ON CONFLICT (id) DO UPDATE
        SET version_id = EXCLUDED.version_id, variables = EXCLUDED.variables
""")


def keep(used: Sequence[Used]) -> None:
    """Record what renders used, so that each message can be shown again as it was sent."""
    if not used:
        return
    with connection.cursor() as cursor:
        _KEEP.run(
            cursor,
            ids=[one.id for one in used],
            versions=[one.version for one in used],
            variables=[one.sealed() for one in used],
        )
