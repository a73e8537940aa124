"""Middleware that is there for browsers: sessions, logins, messages and languages.

Who sends an Authorization header to the API is known by that alone, and what a cookie says is not
looked at: such a request passes these by.
"""

from collections.abc import Callable
from typing import Any, cast

from django.conf import settings
from django.contrib.auth.middleware import AuthenticationMiddleware
from django.contrib.messages.middleware import MessageMiddleware
from django.contrib.sessions.middleware import SessionMiddleware
from django.http import HttpRequest, HttpResponse
from django.middleware.locale import LocaleMiddleware
from django.utils import translation
from django.utils.cache import patch_vary_headers


def brings_credentials(request: HttpRequest) -> bool:
    """Whether a program is asking, as far as can be seen before its credentials are."""
    return "HTTP_AUTHORIZATION" in request.META and request.path_info.startswith("/api/")


class _ForBrowsers:
    """Lets requests that bring their own credentials pass, synchronous or not."""

    get_response: Callable[[HttpRequest], Any]

    def __call__(self, request: HttpRequest) -> Any:
        """Answer as the middleware does, or as if it were not there."""
        if brings_credentials(request):
            return self.get_response(request)
        return super().__call__(request)  # type: ignore[misc]


class Sessions(_ForBrowsers, SessionMiddleware):
    """`request.session`."""


class Logins(_ForBrowsers, AuthenticationMiddleware):
    """`request.user`."""


class Messages(_ForBrowsers, MessageMiddleware):
    """What the next page is to say."""


class Languages(LocaleMiddleware):
    """Answers in the reader's language; programs that ask for none get the site's, unsearched."""

    def __call__(self, request: HttpRequest) -> Any:
        """Answer as the middleware does."""
        asks = "HTTP_ACCEPT_LANGUAGE" in request.META or not brings_credentials(request)
        if asks or self.async_mode:
            return super().__call__(request)
        return speak_plainly(request, self.get_response)


def speak_plainly(request: HttpRequest, get_response: Callable[[HttpRequest], Any]) -> HttpResponse:
    """Answer in the site's language, and say so."""
    language = settings.LANGUAGE_CODE
    translation.activate(language)
    setattr(request, "LANGUAGE_CODE", language)  # noqa: B010  # as Django does
    response = cast("HttpResponse", get_response(request))
    if "Vary" in response.headers:
        patch_vary_headers(response, ("Accept-Language",))
    else:
        response.headers["Vary"] = "Accept-Language"
    response.headers.setdefault("Content-Language", language)
    return response
