"""The threads in which an event loop has Django's synchronous code done.

They stay, so each keeps its database connection. Django's own handler gives every request a thread
that ends with it, and the connection ends with the thread.
"""

import asyncio
import select
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from functools import cache, partial
from io import SEEK_END, RawIOBase
from typing import IO, Any, ParamSpec, TypeVar, cast

from asgiref.sync import iscoroutinefunction
from django.conf import settings
from django.core import signals
from django.core.exceptions import RequestAborted, RequestDataTooBig
from django.core.handlers.asgi import ASGIHandler, get_script_prefix
from django.db import close_old_connections, connections
from django.http import FileResponse, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.urls import Resolver404, resolve, set_script_prefix

P = ParamSpec("P")
T = TypeVar("T")
Scope = dict[str, Any]
Receive = Callable[[], Awaitable[Mapping[str, Any]]]
Send = Callable[[Mapping[str, Any]], Awaitable[None]]

# Their address need not be looked up twice.
_CHANGING = frozenset({"POST", "PUT", "PATCH", "DELETE"})


async def in_thread(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Run database code for a coroutine."""

    def run() -> T:
        close_old_connections()
        _drop_ended()
        try:
            return function(*args, **kwargs)
        finally:
            close_old_connections()

    return await _hand_over(run)


async def _hand_over(work: Callable[[], T]) -> T:
    loop = asyncio.get_running_loop()
    return await loop.run_in_executor(_threads(), partial(copy_context().run, work))


def _drop_ended() -> None:
    """Let go of connections that the server has ended: all that an idle one has to say is that it
    is over. Looking costs no round trip, as a query would."""
    for kept in connections.all(initialized_only=True):
        if kept.connection is not None and _has_something_to_say(kept.connection.fileno()):
            kept.close()


def _has_something_to_say(descriptor: int) -> bool:
    look = select.poll()
    look.register(descriptor, select.POLLIN)
    return bool(look.poll(0))


@cache
def _threads() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(settings.WEB_THREADS, thread_name_prefix="web")


def is_asynchronous(scope: Scope) -> bool:
    """Whether a coroutine answers this request: streams, which are read and change nothing."""
    if scope.get("method", "GET") in _CHANGING:
        return False
    try:
        view = resolve(scope["path"].removeprefix(get_script_prefix(scope).rstrip("/")))
    except Resolver404:
        return False
    return iscoroutinefunction(view.func)


class BoundedHandler(ASGIHandler):
    """Django's handler, for bodies of at most REQUEST_MOST_BYTES."""

    async def read_body(self, receive: Receive) -> IO[bytes]:
        """The body, read to its end; of a larger one nothing is kept, and reading it raises."""
        taken = 0

        async def counted() -> Mapping[str, Any]:
            nonlocal taken
            message = await receive()
            taken += len(message.get("body", b""))
            return message if taken <= settings.REQUEST_MOST_BYTES else {**message, "body": b""}

        body = await super().read_body(counted)
        if taken <= settings.REQUEST_MOST_BYTES:
            return body
        body.close()
        return cast("IO[bytes]", _Overlong())


class ThreadedHandler(BoundedHandler):
    """Django's handler with middleware and view in one go on such a thread.

    What has begun is done to its end, whether or not the client still waits for the answer.
    Asynchronous views belong to Django's own handler: here they would hold a thread.
    """

    def load_middleware(self, is_async: bool = False) -> None:
        """Load it for synchronous use, whatever the protocol."""
        super().load_middleware(is_async=False)

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Read the request, have it answered, send the answer."""
        try:
            body = await self.read_body(receive)
        except RequestAborted:
            return
        with body:
            scope = _with_length(scope, body)
            response = await _hand_over(partial(self._answer, scope, body))
            if not response.streaming:
                await self.send_response(response, send)
                return
            try:
                await self.send_response(_in_parts(response), send)
            finally:
                await _hand_over(response.close)

    def _answer(self, scope: Scope, body: IO[bytes]) -> HttpResponseBase:
        set_script_prefix(get_script_prefix(scope))
        signals.request_started.send(sender=self.__class__, scope=scope)
        _drop_ended()
        request, refusal = self.create_request(scope, body)
        response = self.get_response(request) if request else cast("HttpResponse", refusal)
        setattr(response, "_handler_class", self.__class__)  # noqa: B010  # Django's own, not in its types
        if isinstance(response, FileResponse):
            response.block_size = self.chunk_size
        if not response.streaming:
            # Its content stays; the connection is given back by the thread that used it.
            response.close()
        return response


class _Overlong(RawIOBase):
    """In place of a body that is too large: whoever reads it is told so."""

    def readable(self) -> bool:
        return True

    def readinto(self, _: Any) -> int:
        raise RequestDataTooBig

    def seek(self, *_: int) -> int:
        return int(settings.REQUEST_MOST_BYTES) + 1


def _with_length(scope: Scope, body: IO[bytes]) -> Scope:
    """The scope; with a length for what came in chunks, which Django would take for nothing."""
    names = {name for name, _ in scope["headers"]}
    if b"transfer-encoding" not in names or b"content-length" in names:
        return scope
    length = b"%d" % body.seek(0, SEEK_END)
    body.seek(0)
    return {**scope, "headers": [*scope["headers"], (b"content-length", length)]}


def _in_parts(response: HttpResponseBase) -> HttpResponseBase:
    """The response with what reads a file moved to the threads."""
    if isinstance(response, StreamingHttpResponse) and not response.is_async:
        read = cast("Iterator[bytes]", response.streaming_content)
        response.streaming_content = _parts(read)
    return response


async def _parts(parts: Iterator[bytes]) -> AsyncIterator[bytes]:
    while part := await _hand_over(partial(next, parts, b"")):
        yield part
