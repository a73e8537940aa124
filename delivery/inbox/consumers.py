"""`ws /ws/inbox/`: tells a tab that its inbox changed, and takes marks from it."""

import asyncio
import contextlib
import json
import logging
import random
import time
from collections import deque
from typing import Any
from uuid import UUID

from channels.generic.websocket import AsyncWebsocketConsumer
from django.db import DatabaseError, InterfaceError
from redis.exceptions import RedisError

from delivery.inbox import heads, items, seats
from delivery.inbox.heads import Head
from delivery.inbox.hints import LAYER_ERRORS, group_of
from delivery.inbox.items import Mark
from delivery.inbox.principal import recognise
from notifysite.plumbing import strictjson
from notifysite.plumbing.problems import Problem
from notifysite.plumbing.threads import in_thread

logger = logging.getLogger(__name__)

FRAME_BYTES = 8 * 1024
MESSAGES_PER_MINUTE = 30
MOST_IDS = 200
SUBPROTOCOL = "notifysite.inbox"

# Close codes (RFC 6455, 7.4). Below 4000 they are the protocol's own.
POLICY, TOO_BIG, TRY_LATER, LOGGED_OUT = 1008, 1009, 1013, 4401

# Snoozing needs a time: that is what the API is for.
MARKS = {str(mark): mark for mark in Mark if mark not in (Mark.SNOOZE, Mark.UNSNOOZE)}


class BadFrame(Exception):
    """The client sent something that is no message; its text is the code we answer with."""


class InboxConsumer(AsyncWebsocketConsumer):  # type: ignore[misc]
    """One open tab. Whose it is comes from the credentials, never from what the tab says.

    Every beat (seconds) it looks whether the person is still logged in, and whether a hint was
    lost meanwhile. No database connection stays open in between.
    """

    def __init__(self, *, beat: float = 30) -> None:
        super().__init__()
        self._beat = beat
        self._recipient_id = 0
        self._told = Head()
        self._heard: deque[float] = deque(maxlen=MESSAGES_PER_MINUTE)
        self._watch: asyncio.Task[None] | None = None

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Serve the connection; without the channel layer ask the client to come back."""
        try:
            await super().__call__(scope, receive, send)
        except RedisError as error:
            logger.warning("an inbox socket was refused: %s", type(error).__name__)
            await send({"type": "websocket.close", "code": TRY_LATER})

    async def connect(self) -> None:
        """Let the person in, listen, and only then say where the inbox stands."""
        principal = await recognise(self.scope)
        if principal is None or not await seats.take(principal.recipient_id, self.channel_name):
            await self.close(LOGGED_OUT if principal is None else POLICY)
            return
        self._recipient_id = principal.recipient_id
        await self.channel_layer.group_add(group_of(self._recipient_id), self.channel_name)
        offered = self.scope.get("subprotocols", ())
        await self.accept(SUBPROTOCOL if SUBPROTOCOL in offered else None)
        self._told = await in_thread(heads.read_one, self._recipient_id)
        await self._say("hello", seq=self._told.seq, unread=self._told.unread)
        self._watch = asyncio.create_task(self._look_after())

    async def disconnect(self, code: int) -> None:
        """Give the seat back."""
        if self._watch is not None:
            self._watch.cancel()
        if self._recipient_id:
            with contextlib.suppress(*LAYER_ERRORS):
                await self.channel_layer.group_discard(
                    group_of(self._recipient_id), self.channel_name
                )
            with contextlib.suppress(*LAYER_ERRORS):
                await seats.leave(self._recipient_id, self.channel_name)

    async def inbox_hint(self, event: dict[str, Any]) -> None:
        """Pass a hint from the channel layer on."""
        self._told = Head(event["seq"], event["unread"])
        await self._hint(silent=event["silent"])

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        """Answer a ping or make a mark; a client that sends too much is sent away."""
        frame = text_data.encode() if text_data is not None else bytes_data or b""
        if len(frame) > FRAME_BYTES:
            await self.close(TOO_BIG)
        elif self._is_noisy():
            await self.close(POLICY)
        else:
            try:
                await self._obey(_message(frame))
            except BadFrame as bad:
                await self._say("error", code=str(bad))
            except (DatabaseError, InterfaceError):
                await self._say("error", code="database_unavailable")

    async def _obey(self, message: dict[str, Any]) -> None:
        if message["type"] == "ping":
            await self._say("pong")
            return
        # The hint about it comes to this tab as to every other.
        await in_thread(items.mark, self._recipient_id, message["type"], message["ids"])

    def _is_noisy(self) -> bool:
        now = time.monotonic()
        full = len(self._heard) == MESSAGES_PER_MINUTE
        noisy = full and now - self._heard[0] < 60
        self._heard.append(now)
        return noisy

    async def _look_after(self) -> None:
        # After a restart all tabs come back at once; they are not to be looked after at once.
        await asyncio.sleep(random.uniform(0, self._beat))
        while True:
            try:
                if not await self._is_still_welcome():
                    await self.close(LOGGED_OUT)
                    return
                await self._heal()
            except (DatabaseError, InterfaceError, *LAYER_ERRORS) as error:
                logger.warning("an inbox socket was not looked after: %s", type(error).__name__)
            await asyncio.sleep(self._beat)

    async def _is_still_welcome(self) -> bool:
        principal = await recognise(self.scope)
        return principal is not None and principal.recipient_id == self._recipient_id

    async def _heal(self) -> None:
        """Say what a lost hint would have said; also that a snooze is over or an item expired."""
        await seats.take(self._recipient_id, self.channel_name)
        before = self._told
        head = await in_thread(heads.read_one, self._recipient_id)
        if head != before and self._told == before:
            self._told = head
            await self._hint(silent=True)

    async def _hint(self, *, silent: bool) -> None:
        await self._say("hint", seq=self._told.seq, unread=self._told.unread, silent=silent)

    async def _say(self, kind: str, **fields: Any) -> None:
        await self.send(text_data=json.dumps({"type": kind, **fields}))


def _message(frame: bytes) -> dict[str, Any]:
    """The message of a frame: a ping, or a mark and its ids. Raises BadFrame."""
    try:
        message = strictjson.loads(frame)
    except Problem as problem:
        raise BadFrame(problem.code) from problem
    if message == {"type": "ping"}:
        return {"type": "ping"}
    if not isinstance(message, dict) or message.keys() != {"type", "ids"}:
        raise BadFrame("unknown_message")
    mark = MARKS.get(message["type"]) if isinstance(message["type"], str) else None
    if mark is None:
        raise BadFrame("unknown_message")
    return {"type": mark, "ids": _ids(message["ids"])}


def _ids(given: Any) -> list[UUID]:
    if not isinstance(given, list) or not 0 < len(given) <= MOST_IDS:
        raise BadFrame("bad_ids")
    try:
        return [UUID(id) for id in given]
    except (ValueError, AttributeError, TypeError):
        raise BadFrame("bad_ids") from None
