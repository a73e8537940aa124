"""Pages for people: in their language, under a strict policy, kept by no cache."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import translation

# No inline script or style, nothing from elsewhere, in nobody's frame.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "font-src 'self'; connect-src 'self'; frame-src 'self'; manifest-src 'self'; "
    "worker-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)


@contextmanager
def speaking(locale: str) -> Iterator[None]:
    """Speak a person's language, or what is nearest to it of ours; else that of the browser."""
    with translation.override(_language(locale) or translation.get_language()):
        yield


def page(
    request: HttpRequest, template: str, context: dict[str, Any], *, status: int = 200
) -> HttpResponse:
    """A page of ours, in the language that is spoken."""
    common = {"brand": settings.BRAND, "language": translation.get_language()}
    response = render(request, template, {**common, **context}, status=status)
    response.headers["Content-Security-Policy"] = POLICY
    response.headers["Content-Language"] = translation.get_language() or ""
    response.headers["Cache-Control"] = "no-store"
    response.headers["X-Robots-Tag"] = "noindex, nofollow"
    return response


def by_link(response: HttpResponse) -> HttpResponse:
    """The answer to a secret address, which is told to nobody, not even to ourselves."""
    response.headers["Referrer-Policy"] = "no-referrer"
    response.headers["Cache-Control"] = "no-store"
    return response


def _language(locale: str) -> str | None:
    try:
        return translation.get_supported_language_variant(locale) if locale else None
    except LookupError:
        return None
