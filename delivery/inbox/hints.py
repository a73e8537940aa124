"""Hints to open tabs that a person's inbox changed. The table is the truth; a hint may be lost.

A hint never keeps anybody waiting: one background thread per process carries them to the channel
layer, folds those that wait for the same person into one, and drops them while Redis is away.
"""

import asyncio
import atexit
import concurrent.futures
import contextlib
import logging
import os
import threading
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from channels.layers import get_channel_layer
from redis.exceptions import RedisError

logger = logging.getLogger(__name__)

PATIENCE = 1.5  # seconds one hint may take
LAYER_ERRORS = (RedisError, OSError, TimeoutError)


@dataclass(frozen=True, slots=True, kw_only=True)
class Hint:
    """An inbox reached number `seq` and holds `unread` unread items; `silent` asks for no toast."""

    recipient_id: int
    seq: int
    unread: int
    silent: bool

    def joined(self, later: "Hint | None") -> "Hint":
        """One hint for both; it is silent only if both are."""
        if later is None:
            return self
        newest = max(self, later, key=lambda hint: hint.seq)
        return Hint(
            recipient_id=self.recipient_id,
            seq=newest.seq,
            unread=newest.unread,
            silent=self.silent and later.silent,
        )

    def message(self) -> dict[str, Any]:
        """What the channel layer carries; `type` names the consumer's method."""
        return {
            "type": "inbox.hint",
            "seq": self.seq,
            "unread": self.unread,
            "silent": self.silent,
        }


def group_of(recipient_id: int) -> str:
    """The channel layer group of a person's open tabs."""
    return f"inbox.{recipient_id}"


class Messenger:
    """Carries hints from any thread to the channel layer on an event loop of its own."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._waiting: dict[int, Hint] = {}
        self._started = False
        self._reachable = True
        self._turn = asyncio.Lock()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(
            target=self._loop.run_forever, name="inbox-hints", daemon=True
        )
        self._thread.start()

    def take(self, hints: Iterable[Hint]) -> None:
        """Carry these as soon as possible; returns at once."""
        with self._guard:
            for hint in hints:
                self._waiting[hint.recipient_id] = hint.joined(self._waiting.get(hint.recipient_id))
        self._start_carrying()

    def settle(self, *, patience: float = PATIENCE) -> None:
        """Wait until all that was taken is carried or dropped, if that is quickly done."""
        with contextlib.suppress(concurrent.futures.TimeoutError):
            self._start_carrying().result(timeout=patience)

    def stop(self, *, patience: float = PATIENCE) -> None:
        """Settle, then end the thread and its connections."""
        self.settle(patience=patience)
        with contextlib.suppress(concurrent.futures.TimeoutError):
            asyncio.run_coroutine_threadsafe(_give_up(), self._loop).result(timeout=patience)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(timeout=patience)
        if not self._loop.is_running():
            self._loop.close()

    def _start_carrying(self) -> concurrent.futures.Future[None]:
        return asyncio.run_coroutine_threadsafe(self._carry(), self._loop)

    async def _carry(self) -> None:
        # One carrier at a time, so that hints given meanwhile are folded into the next round.
        async with self._turn:
            with self._guard:
                hints, self._waiting, self._started = self._waiting, {}, False
            try:
                for hint in hints.values():
                    await _send(hint)
            except LAYER_ERRORS as error:
                self._note(reachable=False, why=type(error).__name__)
            except Exception:
                logger.exception("hints could not be sent")
            else:
                self._note(reachable=self._reachable or bool(hints))

    def _note(self, *, reachable: bool, why: str = "") -> None:
        if reachable == self._reachable:
            return
        self._reachable = reachable
        if reachable:
            logger.info("inbox hints are carried again")
        else:
            logger.warning("inbox hints are dropped until the channel layer answers: %s", why)


async def _send(hint: Hint) -> None:
    async with asyncio.timeout(PATIENCE):
        layer = get_channel_layer()
        await layer.group_send(group_of(hint.recipient_id), hint.message())


async def _give_up() -> None:
    tasks = asyncio.all_tasks() - {asyncio.current_task()}
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


_messenger: Messenger | None = None
_starting = threading.Lock()


def offer(hints: Iterable[Hint]) -> None:
    """Tell the open tabs of these people; call it once the change is committed."""
    _current().take(hints)


def settle() -> None:
    """Give waiting hints a moment to leave: for processes that are about to end."""
    _current().settle()


def stop() -> None:
    """End the background thread, if there is one; the next hint starts another."""
    global _messenger
    with _starting:
        if _messenger is not None:
            _messenger.stop()
        _messenger = None


def _current() -> Messenger:
    global _messenger
    with _starting:
        if _messenger is None:
            _messenger = Messenger()
        return _messenger


def _forget() -> None:
    # Threads do not survive a fork: the child starts with a messenger of its own.
    global _messenger, _starting
    _messenger, _starting = None, threading.Lock()


os.register_at_fork(after_in_child=_forget)
atexit.register(stop)
