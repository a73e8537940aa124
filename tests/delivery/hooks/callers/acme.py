"""The made-up provider calls."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from delivery.lifecycle import NEWS
from tests.delivery.hooks.callers.base import Caller, Posted, Told, Wrote
from tests.fakes import acme

SECRET = "acme-secret"


class AcmeCaller(Caller):
    """Signs time and body with a shared secret."""

    alias = "acme"
    backend = "tests.fakes.acme.Acme"
    kinds = frozenset(NEWS)
    dated = True
    replies = True

    def options(self, *, secret: bool) -> dict[str, Any]:
        return {"url": "http://127.0.0.1:1/", "secret": SECRET if secret else ""}

    def body(self, told: Sequence[Told]) -> bytes:
        return json.dumps(
            [
                {"id": one.key, "kind": one.kind.name, "message": one.ref, "at": one.at.timestamp()}
                for one in told
            ]
        ).encode()

    def wrote(self, wrote: Wrote) -> Posted:
        said = {"id": wrote.key, "from": wrote.address, "to": wrote.number, "text": wrote.text}
        body = json.dumps([{**said, "at": wrote.at.timestamp()}]).encode()
        return self.sign(body, at=datetime.now(UTC))

    def read(self, answer: bytes) -> str:
        return answer.decode()

    def sign(self, body: bytes, *, at: datetime) -> Posted:
        stamp = str(at.timestamp())
        signed = acme.signature(SECRET, stamp, body)
        return Posted(body, {"X-Acme-Time": stamp, "X-Acme-Signature": signed})
