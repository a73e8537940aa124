"""Webhooks as Standard Webhooks 1.0.0 wants them: JSON, posted and signed."""

import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any, Final

from delivery.contracts import Content, Feature, Message, Outcome
from delivery.lifecycle import OutcomeKind
from delivery.providers.http import HttpProvider, astray, refused
from delivery.providers.texts import packed
from delivery.providers.webhook.classes import WEBHOOK
from notifysite.plumbing import hooksigning, ids
from notifysite.plumbing.http import OutboundClient, UnsafeURL

HTTPS: Final = ("https",)
# Whoever receives knows a copy by its webhook-id, for longer than we try.
KNOWN_FOR: Final = 5 * 86_400.0


class Webhook(HttpProvider):
    """Posts each message to the URL that it is addressed to, signed with its secrets.

    `schemes`: what a URL may start with; `http` only where all that is sent may be read on its way.
    `timeout`: seconds for all of one message. `classes`: what answers mean, in place of what
    webhook/classes.py says.
    """

    features = frozenset({Feature.FOLDS, Feature.IMAGES, Feature.ACTIONS})
    idempotent_for = KNOWN_FOR
    apart = True

    def __init__(
        self,
        *,
        alias: str,
        schemes: Sequence[str] = HTTPS,
        timeout: float = 15.0,
        threads: int = 24,
        classes: Mapping[str, str] = MappingProxyType({}),
        client: OutboundClient | None = None,
    ) -> None:
        if not schemes or not set(schemes) <= {"https", "http"}:
            raise ValueError("schemes must be https, or https and http")
        super().__init__(
            alias=alias,
            table=WEBHOOK,
            classes=classes,
            timeout=timeout,
            threads=threads,
            client=client or OutboundClient(schemes=schemes),
        )
        self._schemes = tuple(schemes)

    def exchange(self, message: Message, ends: float) -> Outcome:
        """Post one message."""
        if not message.secrets:  # what cannot be told from a forgery is not sent
            return refused(message, OutcomeKind.REFUSED_MESSAGE, "no_secret")
        body = body_of(message)
        try:
            answer = self.post(
                message.address, content=body, headers=_headers(message, body), ends=ends
            )
        except UnsafeURL:
            return astray(message, message.address, schemes=self._schemes)
        return self.judged(message, answer)


def body_of(message: Message) -> bytes:
    """The JSON of a message: `{type, timestamp, data}`, the same at every try."""
    said = {
        "type": message.type,
        "timestamp": _written(message.happened_at or ids.moment(message.notification)),
        "data": {**_parts(message.content), **message.data},
    }
    return packed(said)


def _parts(content: Content) -> dict[str, Any]:
    """What a template said, by the names that editors know; empty parts are left out."""
    parts = {
        "title": content.title,
        "body": content.text,
        "url": content.url,
        "image": content.image,
        "icon": content.icon,
        "actions": [{"label": action.label, "url": action.url} for action in content.actions],
    }
    return {name: part for name, part in parts.items() if part}


def _headers(message: Message, body: bytes) -> dict[str, str]:
    id_, now = str(message.reference), int(time.time())
    return {
        "Content-Type": "application/json",
        "webhook-id": id_,
        "webhook-timestamp": str(now),
        "webhook-signature": hooksigning.signed(message.secrets, id_, now, body),
    }


def _written(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
