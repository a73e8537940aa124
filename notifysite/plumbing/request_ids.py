"""Every request has an id: the caller's own or a fresh one; it is in each of its log lines and in
the answer."""

import re
from collections.abc import Awaitable, Callable
from typing import Any, cast

from asgiref.sync import iscoroutinefunction
from django.http import HttpRequest, HttpResponseBase
from django.utils.decorators import sync_and_async_middleware

from notifysite.plumbing import logs
from notifysite.plumbing.randomness import random_bytes

HEADER = "X-Request-Id"
_NAME = "HTTP_X_REQUEST_ID"
# What could hold an address or break a log line is not taken over.
_PLAIN = re.compile(r"[A-Za-z0-9-]{8,64}")

Answer = HttpResponseBase | Awaitable[HttpResponseBase]


@sync_and_async_middleware
def request_ids(get_response: Callable[[HttpRequest], Any]) -> Callable[[HttpRequest], Answer]:
    """Binds the id for the time of the request and sends it back."""
    if iscoroutinefunction(get_response):

        async def answer_later(request: HttpRequest) -> HttpResponseBase:
            id_ = _id(request)
            with logs.bind(http_request=id_):
                return _named(await get_response(request), id_)

        return answer_later

    def answer(request: HttpRequest) -> HttpResponseBase:
        id_ = _id(request)
        with logs.bind(http_request=id_):
            return _named(cast("HttpResponseBase", get_response(request)), id_)

    return answer


def _id(request: HttpRequest) -> str:
    given = request.META.get(_NAME, "")  # request.headers would be made of all of them
    id_ = given if _PLAIN.fullmatch(given) else random_bytes(16).hex()
    # Django logs the answer after all middleware, when nothing is bound any more.
    setattr(request, logs.REQUEST_ID, id_)
    return id_


def _named(response: HttpResponseBase, id_: str) -> HttpResponseBase:
    response.headers[HEADER] = id_
    return response
