"""Somebody who receives webhooks, as the library of Standard Webhooks has them received."""

from dataclasses import dataclass, replace
from typing import Any

from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from delivery.channels import WEBHOOK
from delivery.contracts import Message
from notifysite.plumbing import hooksigning
from tests.delivery.providers.messages import message
from tests.fakes.service import Reply, Service, Taken


@dataclass(frozen=True)
class Received:
    """A call whose signature was right."""

    id: str
    path: str
    payload: dict[str, Any]


class WebhookReceiver(Service):
    """Takes what is signed with a secret that it was given, once for each id; else answers 401."""

    def __init__(self) -> None:
        super().__init__()
        self.secrets: list[str] = [hooksigning.new_secret()]
        self.received: list[Received] = []
        self.copies = 0
        self._by_path: dict[str, Any] = {}

    @property
    def url(self) -> str:
        return f"{self.origin}/hook"

    def at(self, path: str, answer: Any) -> str:
        """A URL whose calls are always answered so."""
        self._by_path[path] = answer
        return self.origin + path

    def message(self, **changes: Any) -> Message:
        """A message to this receiver."""
        sealed = message(self.url, channel=WEBHOOK.number, secrets=tuple(self.secrets[:1]))
        return replace(sealed, **changes)

    def answer(self, call: Taken) -> Any:
        """Believe what is signed, and say so."""
        payload = self.verified(call)
        if payload is None:
            return Reply(401)
        id_ = call.headers["webhook-id"]
        if any(one.id == id_ for one in self.received):
            self.copies += 1
        else:
            self.received.append(Received(id_, call.path, payload))
        return self._by_path.get(call.path) or Reply(204)

    def verified(self, call: Taken) -> dict[str, Any] | None:
        """What a call says, if any of the secrets signed it."""
        for secret in self.secrets:
            try:
                said: dict[str, Any] = Webhook(secret).verify(call.body, dict(call.headers.items()))
            except (WebhookVerificationError, ValueError):
                continue
            return said
        return None
