"""`GET /api/v1/inbox/stream`: the same hints as server-sent events, where sockets do not pass."""

import asyncio
import contextlib
import json
import logging
import time
from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

from channels.layers import get_channel_layer
from django.core.handlers.asgi import ASGIRequest
from django.db import DatabaseError, InterfaceError
from django.http import HttpResponseBase, StreamingHttpResponse
from django.views import View

from delivery.inbox import heads, seats
from delivery.inbox.heads import Head
from delivery.inbox.hints import LAYER_ERRORS, group_of
from delivery.inbox.principal import Scope, recognise
from notifysite.plumbing.problems import Problem, problem_response
from notifysite.plumbing.threads import in_thread

logger = logging.getLogger(__name__)

RETRY_MS = 3000  # when a browser that lost the stream comes back


class Feed:
    """A person's hints from the channel layer, for one stream."""

    def __init__(self, recipient_id: int) -> None:
        self.recipient_id = recipient_id
        self.seat = uuid4().hex
        self._layer = get_channel_layer()
        self._channel = ""
        self._coming: asyncio.Task[dict[str, Any]] | None = None

    async def open(self) -> bool:
        """Take a seat and listen; False when the person has too many streams and sockets."""
        if not await seats.take(self.recipient_id, self.seat):
            return False
        self._channel = await self._layer.new_channel()
        await self._layer.group_add(group_of(self.recipient_id), self._channel)
        return True

    async def next(self, seconds: float) -> dict[str, Any] | None:
        """The next hint; None if none came in time."""
        if self._coming is None:
            self._coming = asyncio.create_task(self._layer.receive(self._channel))
        # Not wait_for: a receiver that is cancelled ends its subscription.
        done, _ = await asyncio.wait({self._coming}, timeout=seconds)
        if not done:
            return None
        hint = self._coming.result()
        self._coming = None
        return hint

    async def close(self) -> None:
        """Stop listening and give the seat back."""
        if self._coming is not None:
            self._coming.cancel()
            await asyncio.wait({self._coming})
        with contextlib.suppress(*LAYER_ERRORS):
            await self._layer.group_discard(group_of(self.recipient_id), self._channel)
            await seats.leave(self.recipient_id, self.seat)


class Stream(View):
    """Hints as events, each with the inbox's number as its id.

    A comment every `beat` seconds keeps proxies from closing the stream; every other one it looks
    whether the person is still logged in, and whether a hint was lost.
    """

    http_method_names = ["get", "options"]
    beat: float = 15

    async def get(self, request: ASGIRequest) -> HttpResponseBase:
        """Open the stream, or say why not."""
        scope = _as_of_a_socket(request)
        principal = await recognise(scope)
        if principal is None:
            return problem_response(Problem.of("not_authenticated"))
        feed = Feed(principal.recipient_id)
        try:
            if not await feed.open():
                return problem_response(Problem.of("rate_limited", headers={"Retry-After": "60"}))
        except LAYER_ERRORS:
            return problem_response(_AWAY)
        events = self._events(feed, scope, _known(request))
        return StreamingHttpResponse(
            events,
            content_type="text/event-stream",
            headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
        )

    async def _events(self, feed: Feed, scope: Scope, known: int | None) -> AsyncIterator[str]:
        try:
            # Listening began before this look, so that nothing falls in between.
            told = await in_thread(heads.read_one, feed.recipient_id)
            yield f"retry: {RETRY_MS}\n\n"
            if known is None:
                yield _event("hello", told)
            elif known != told.seq:
                yield _event("hint", told, silent=True)
            async for event in self._follow(feed, scope, told):
                yield event
        finally:
            await feed.close()

    async def _follow(self, feed: Feed, scope: Scope, told: Head) -> AsyncIterator[str]:
        look_at = time.monotonic() + 2 * self.beat
        while True:
            hint = await feed.next(self.beat)
            if hint is None:
                yield ": beat\n\n"
            else:
                told = Head(hint["seq"], hint["unread"])
                yield _event("hint", told, silent=hint["silent"])
            if time.monotonic() < look_at:
                continue
            look_at = time.monotonic() + 2 * self.beat
            head = await _look_again(feed, scope, told)
            if head is None:
                return
            if head != told:
                told = head
                yield _event("hint", told, silent=True)


async def _look_again(feed: Feed, scope: Scope, told: Head) -> Head | None:
    """Where the inbox stands now; None if the person is no longer logged in."""
    try:
        principal = await recognise(scope)
        if principal is None or principal.recipient_id != feed.recipient_id:
            return None
        await seats.take(feed.recipient_id, feed.seat)
        return await in_thread(heads.read_one, feed.recipient_id)
    except (DatabaseError, InterfaceError, *LAYER_ERRORS) as error:
        logger.warning("an inbox stream was not looked after: %s", type(error).__name__)
        return told


_AWAY = Problem(
    503,
    "stream_unavailable",
    title="Stream unavailable",
    detail="Read the inbox instead, and try again after the time Retry-After names.",
    headers={"Retry-After": "5"},
)


def _as_of_a_socket(request: ASGIRequest) -> Scope:
    """The scope with a bearer token where a socket would offer it: one authenticator, one place."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer":
        return request.scope
    return {**request.scope, "subprotocols": [token.strip()]}


def _event(kind: str, head: Head, **more: Any) -> str:
    data = json.dumps({"seq": head.seq, "unread": head.unread, **more})
    return f"id: {head.seq}\nevent: {kind}\ndata: {data}\n\n"


def _known(request: ASGIRequest) -> int | None:
    """The number a returning browser knows; None for a new one."""
    text = request.headers.get("Last-Event-ID", "")
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 20 else None
