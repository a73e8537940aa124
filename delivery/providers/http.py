"""What providers share that post each message to an API over HTTP."""

import json
import time
from abc import abstractmethod
from collections.abc import Collection, Mapping
from typing import Any

from delivery.classes import Table
from delivery.contracts import Message, Outcome
from delivery.lifecycle import OutcomeKind
from delivery.providers.base import OneByOne, asked_to_wait
from notifysite.plumbing.destinations import origin_of, require_safe
from notifysite.plumbing.http import (
    NoAnswer,
    OutboundClient,
    OutboundResponse,
    Unreachable,
    UnsafeURL,
)


class HttpProvider(OneByOne):
    """Posts each message, and reads the answer by a table.

    `timeout`: seconds for all of one message. `classes`: what answers mean, in place of what the
    table says. `client` is one for this provider alone; `close` closes it.
    """

    def __init__(
        self,
        *,
        alias: str,
        table: Table,
        classes: Mapping[str, str],
        timeout: float,
        threads: int,
        client: OutboundClient | None = None,
    ) -> None:
        super().__init__(alias=alias, threads=threads, deadline=timeout + 2)
        self._timeout = timeout
        self._table = table.overridden(classes)
        self._client = client or OutboundClient()

    @abstractmethod
    def exchange(self, message: Message, ends: float) -> Outcome:
        """Hand one message over by `ends`, a moment of time.monotonic().

        What `post` raises may be left to the caller.
        """

    def send_one(self, message: Message) -> Outcome:
        """Hand one message over."""
        try:
            return self.exchange(message, time.monotonic() + self._timeout)
        except UnsafeURL as error:
            return refused(message, OutcomeKind.ACCOUNT, "unsafe_url", error.reason)
        except Unreachable as error:
            return refused(message, OutcomeKind.TRANSIENT, "unreachable", str(error))
        except NoAnswer as error:
            return refused(message, OutcomeKind.UNKNOWN, "no_answer", str(error))

    def post(
        self, url: str, *, content: bytes, headers: Mapping[str, str], ends: float
    ) -> OutboundResponse:
        """Post once. Raises UnsafeURL, Unreachable, or NoAnswer where it may have been taken."""
        if self.watch:
            self.watch(written(f"POST {url}", headers, content))
        answer = self._client.post(
            url, content=content, headers=headers, deadline=ends - time.monotonic()
        )
        if self.watch:
            self.watch(written(f"HTTP {answer.status}", answer.headers, answer.body))
        return answer

    def judged(
        self,
        message: Message,
        answer: OutboundResponse,
        *words: str,
        code: str = "",
        detail: str = "",
        ref: str = "",
    ) -> Outcome:
        """What an answer means by the table, told its status and other words that rows name."""
        return Outcome(
            reference=message.reference,
            kind=self._table.judge(str(answer.status), *words),
            code=code or str(answer.status),
            detail=detail,
            provider_ref=ref[:255],
            retry_after=asked_to_wait(answer.headers),
        )

    def close(self) -> None:
        """Close the kept connections."""
        self._client.close()


def refused(message: Message, kind: OutcomeKind, code: str, detail: str = "") -> Outcome:
    """The outcome of a message of which no answer says more."""
    return Outcome(reference=message.reference, kind=kind, code=code, detail=detail)


def astray(message: Message, url: str, *, schemes: Collection[str]) -> Outcome:
    """The outcome of a message whose address is a URL that leads where we do not post."""
    try:
        require_safe(origin_of(url), schemes=schemes)
    except UnsafeURL as error:
        return refused(message, OutcomeKind.REFUSED_ADDRESS, "unsafe_endpoint", error.reason)
    # The name is fine and leads inside: our resolver may be wrong, and the address is not dead.
    return refused(message, OutcomeKind.TRANSIENT, "private_network")


def object_in(body: bytes) -> dict[str, Any]:
    """The JSON object of an answer; empty for anything else."""
    try:
        said = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return said if isinstance(said, dict) else {}


def written(first: str, headers: Mapping[str, str], body: bytes) -> str:
    """A request or an answer, for people to read; `first` is its first line."""
    try:
        text = body.decode()
    except UnicodeDecodeError:
        text = f"({len(body)} bytes)"
    return "\n".join([first, *(f"{name}: {value}" for name, value in headers.items()), "", text])
