"""The short way for programs: a request to the API that brings its own credentials.

It has no session, no form and no language of a reader, and no file of ours lies at its address. So
it passes by the middleware, which would cost it as much as being taken does; what that would add to
the answer is added here, by the very same code. Whatever is not as simple goes the whole way.
"""

from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.core.exceptions import SuspiciousOperation
from django.core.handlers.exception import convert_exception_to_response
from django.http import HttpRequest, HttpResponse
from django.middleware.clickjacking import XFrameOptionsMiddleware
from django.middleware.common import CommonMiddleware
from django.middleware.csrf import CsrfViewMiddleware
from django.middleware.security import SecurityMiddleware

from notifysite.plumbing.browsers import brings_credentials, speak_plainly
from notifysite.plumbing.content_policy import ContentPolicyMiddleware
from notifysite.plumbing.request_ids import request_ids
from notifysite.plumbing.threads import ThreadedHandler

Answering = Callable[[HttpRequest], HttpResponse]

# From the view outwards, as in MIDDLEWARE: each adds to the answer.
_INNER = (XFrameOptionsMiddleware, CsrfViewMiddleware, CommonMiddleware)
_OUTER = (ContentPolicyMiddleware, SecurityMiddleware)
_OF_BROWSERS = frozenset({"HTTP_ACCEPT_LANGUAGE", "HTTP_COOKIE"})


class Handler(ThreadedHandler):
    """Answers programs the short way and everybody else the whole way."""

    _middleware_chain: Any  # Django's own, as is _get_response; they are not in its types

    def load_middleware(self, is_async: bool = False) -> None:
        """Load both ways."""
        super().load_middleware()
        self._whole: Answering = self._middleware_chain
        view = convert_exception_to_response(self._get_response)  # type: ignore[attr-defined]
        self._short: Answering = convert_exception_to_response(request_ids(_Short(view)))  # type: ignore[assignment,arg-type]
        self._middleware_chain = self._choose

    def _choose(self, request: HttpRequest) -> HttpResponse:
        return (self._short if _is_simple(request) else self._whole)(request)


def _is_simple(request: HttpRequest) -> bool:
    if not brings_credentials(request) or not _OF_BROWSERS.isdisjoint(request.META):
        return False
    if settings.SECURE_SSL_REDIRECT and not request.is_secure():
        return False
    try:
        request.get_host()
    except SuspiciousOperation:
        return False
    return True


class _Short:
    """What is left of all middleware."""

    def __init__(self, get_response: Answering) -> None:
        self._get_response = get_response
        made: list[Any] = [each(get_response) for each in (*_INNER, *_OUTER)]
        finish = [each.process_response for each in made]
        self._inner, self._outer = finish[: len(_INNER)], finish[len(_INNER) :]

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = speak_plainly(request, self._answer)
        for finish in self._outer:
            response = finish(request, response)
        return response

    def _answer(self, request: HttpRequest) -> HttpResponse:
        response = self._get_response(request)
        for finish in self._inner:
            response = finish(request, response)
        return response
