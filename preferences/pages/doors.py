"""Who opens a page: whom a link names, or who is logged in. Each page says how much that opens."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import wraps
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import resolve_url
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_exempt

from notifysite.plumbing.paper import by_link, page
from preferences import links
from preferences.authentication import (
    RecipientPrincipal,
    principal_of,
    principal_of_account,
)
from preferences.links import LinkExpired, LinkInvalid
from preferences.wishes import By

Page = Callable[..., HttpResponse]


@dataclass(frozen=True, slots=True, kw_only=True)
class Visitor:
    """Who looks at a page, and by which link; no token means a session."""

    principal: RecipientPrincipal
    token: str = ""

    @property
    def full(self) -> bool:
        """Whether they may see more than their choices."""
        return self.principal.full

    @property
    def root(self) -> str:
        """Where their preference centre is."""
        return f"/preferences/{self.token}/" if self.token else "/preferences/"

    @property
    def inbox(self) -> str:
        """Where their history is."""
        return f"/inbox/{self.token}/" if self.token else "/inbox/"

    def by(self, *, shown: str = "") -> By:
        """Who changes something, for the audit."""
        return By(actor=str(self.principal), source="person", shown=shown)


def by_session(view: Page) -> Page:
    """A page for who is logged in; others are told how to get in. Forms need a CSRF token."""

    @wraps(view)
    def door(request: HttpRequest, **kwargs: Any) -> HttpResponse:
        principal = principal_of_account(getattr(request, "user", None))
        if principal is None:
            return HttpResponseRedirect("/preferences/link/")
        return view(request, Visitor(principal=principal), **kwargs)

    return door


def by_token(view: Page) -> Page:
    """A page for who has the link.

    The secret in the address is all that lets them in: cookies are neither read nor set, so that
    it works where they are refused. A page elsewhere cannot know the address, hence cannot forge a
    form for it, and a CSRF token would protect nothing.
    """

    @csrf_exempt
    @wraps(view)
    def door(request: HttpRequest, *, token: str, **kwargs: Any) -> HttpResponse:
        return by_link(_by_token(view, request, token, kwargs))

    return door


def only_full(view: Page) -> Page:
    """A page that a link from a message does not open."""

    @wraps(view)
    def door(request: HttpRequest, visitor: Visitor, **kwargs: Any) -> HttpResponse:
        if visitor.full:
            return view(request, visitor, **kwargs)
        return sorry(
            request,
            title=_("This link opens your choices only"),
            text=_(
                "Anybody to whom the message was forwarded has the same link. "
                "Ask for a new one to see the rest: it works for an hour."
            ),
            status=403,
        )

    return door


def sorry(request: HttpRequest, *, title: str, text: str, status: int) -> HttpResponse:
    """A friendly page that says what is wrong and where to go."""
    context = {"title": title, "text": text}
    return page(request, "preferences/sorry.html", context, status=status)


def not_a_link(request: HttpRequest) -> HttpResponse:
    """The address is not one of ours."""
    return sorry(
        request,
        title=_("This link is not complete"),
        text=_("Part of the address may have been cut off on the way. Open it from the message."),
        status=404,
    )


def gone(request: HttpRequest) -> HttpResponse:
    """The person, or what the link was about, is not there any more."""
    return sorry(
        request,
        title=_("There is nothing here any more"),
        text=_("What this link was about has been deleted, and we keep nothing of it."),
        status=410,
    )


def expired(request: HttpRequest) -> HttpResponse:
    """The link was right once."""
    return sorry(
        request,
        title=_("This link has expired"),
        text=_("It was good for an hour. Ask for a new one, it takes a minute."),
        status=410,
    )


def here(url: str) -> str:
    """An address of this site without the site, as its own pages link to it."""
    return url.removeprefix(settings.PUBLIC_URL.rstrip("/"))


def log_in_url() -> str:
    """Where people of this site log in."""
    return resolve_url(settings.LOGIN_URL)


def _by_token(view: Page, request: HttpRequest, token: str, kwargs: dict[str, Any]) -> HttpResponse:
    try:
        link = links.read_preferences(token, now=timezone.now())
    except LinkExpired:
        return expired(request)
    except LinkInvalid:
        return not_a_link(request)
    principal = principal_of(link.subject)
    if principal is None:
        return gone(request)
    visitor = Visitor(principal=replace(principal, full=link.full), token=token)
    return view(request, visitor, **kwargs)
