"""anymail's backend for Amazon SES, over an SDK that survives what gateways answer."""

import base64
import io
import json
from collections.abc import Iterator
from typing import Any

from anymail.backends.amazon_ses import EmailBackend
from botocore.awsrequest import AWSPreparedRequest, AWSResponse

from delivery.providers.base import Watch
from delivery.providers.email.answering import read_some
from delivery.providers.http import written


class Backend(EmailBackend):  # type: ignore[misc] # anymail has no types
    """In a file of its own, because importing it takes the AWS SDK a good part of a second."""

    watch: Watch | None = None

    def open(self) -> bool:
        """Make a client where there is none."""
        opened = bool(super().open())
        if opened:
            self.client.meta.events.register("before-send.sesv2.SendEmail", self._exchange)
        return opened

    def _exchange(self, request: AWSPreparedRequest, **_: Any) -> AWSResponse:
        """Send it in the SDK's place, which would read all of an answer."""
        request.stream_output = True
        if self.watch:
            self.watch(_asked(request))
        answer = self.client._endpoint.http_session.send(request)
        seconds = self.client.meta.config.read_timeout
        body = read_some(answer.raw, seconds=seconds, decode=False)
        # The SDK breaks over a body in no UTF-8, and the status would be lost with it.
        readable = body.decode(errors="replace").encode()
        if self.watch:
            self.watch(written(f"HTTP {answer.status_code}", answer.headers, readable))
        return AWSResponse(answer.url, answer.status_code, answer.headers, _Read(readable))


def _asked(request: AWSPreparedRequest) -> str:
    """The request with the letter as it is, not in base64."""
    said = json.loads(request.body)
    raw = base64.b64decode(said["Content"]["Raw"].pop("Data"))
    headers = {name: _text(value) for name, value in request.headers.items()}
    body = json.dumps(said).encode() + b"\n\n" + raw
    return written(f"{request.method} {request.url}", headers, body)


def _text(value: bytes | str) -> str:
    return value.decode() if isinstance(value, bytes) else value


class _Read(io.BytesIO):
    """A body that is there, as the SDK reads one."""

    def stream(self) -> Iterator[bytes]:
        yield self.read()
