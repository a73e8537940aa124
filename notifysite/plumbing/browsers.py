"""Middleware that is there for browsers: sessions, logins and messages.

Who sends an Authorization header to the API is known by that alone, and what a cookie says is not
looked at: such a request passes these by.
"""

from collections.abc import Callable
from typing import Any

from django.contrib.auth.middleware import AuthenticationMiddleware
from django.contrib.messages.middleware import MessageMiddleware
from django.contrib.sessions.middleware import SessionMiddleware
from django.http import HttpRequest


class _ForBrowsers:
    """Lets requests that bring their own credentials pass, synchronous or not."""

    get_response: Callable[[HttpRequest], Any]

    def __call__(self, request: HttpRequest) -> Any:
        """Answer as the middleware does, or as if it were not there."""
        if "HTTP_AUTHORIZATION" in request.META and request.path_info.startswith("/api/"):
            return self.get_response(request)
        return super().__call__(request)  # type: ignore[misc]


class Sessions(_ForBrowsers, SessionMiddleware):
    """`request.session`."""


class Logins(_ForBrowsers, AuthenticationMiddleware):
    """`request.user`."""


class Messages(_ForBrowsers, MessageMiddleware):
    """What the next page is to say."""
