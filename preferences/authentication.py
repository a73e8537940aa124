"""Recipients prove who they are: a short token their application asked for, or their session."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, ClassVar
from uuid import UUID

from django.conf import settings
from django.contrib import auth
from django.core import signing
from django.db import connection
from django.http import HttpRequest
from django.http.cookie import parse_cookie
from django.utils.module_loading import import_string
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework.authentication import SessionAuthentication
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from notifysite.plumbing import crypto
from notifysite.plumbing.crypto import DataKey
from notifysite.plumbing.problems import Problem

if TYPE_CHECKING:  # the views load their authentication, which is this module
    from drf_spectacular.openapi import AutoSchema
    from rest_framework.views import APIView

PREFIX = "rt_"
LIFETIME = timedelta(hours=1)
LONGEST = timedelta(hours=24)

_FIND = "SELECT id, subject, user_id, data_key FROM recipient WHERE data_key IS NOT NULL AND "


@dataclass(frozen=True, slots=True, kw_only=True)
class RecipientPrincipal:
    """The `request.user` of a call by a person: who they are, and the key to what is theirs."""

    recipient_id: int
    subject: UUID
    user_id: str = field(repr=False)
    key: DataKey = field(repr=False)
    full: bool = True  # False where a link from a message let them in: choices only

    is_authenticated: ClassVar[bool] = True
    is_anonymous: ClassVar[bool] = False
    is_active: ClassVar[bool] = True
    is_staff: ClassVar[bool] = False

    def __str__(self) -> str:
        return f"user:{self.subject}"


def issue_token(
    subject: UUID, *, lifetime: timedelta = LIFETIME, now: datetime
) -> tuple[str, datetime]:
    """A token by which a person's own application may act for them, and when it ends."""
    until = now + min(lifetime, LONGEST)
    body = f"{subject.hex}{int(until.timestamp()):08x}"
    return PREFIX + _signer().sign(body), datetime.fromtimestamp(int(until.timestamp()), UTC)


def read_token(token: str, *, now: float) -> UUID | None:
    """Whose token it is; None for one that is not ours or has ended."""
    try:
        body = _signer().unsign(token.removeprefix(PREFIX))
    except signing.BadSignature:
        return None
    return UUID(body[:32]) if now < int(body[32:], 16) else None


def principal_of(subject: UUID) -> RecipientPrincipal | None:
    """The person of a subject id; None for the erased and the unknown."""
    return _find("subject = %s", subject)


def principal_of_account(account: Any) -> RecipientPrincipal | None:
    """The person who logs in as this Django user; None for nobody, or for staff alone."""
    if account is None or not account.is_authenticated or not account.is_active:
        return None
    return _find("account_id = %s", account.pk)


class RecipientAuthentication(SessionAuthentication):
    """Takes `Authorization: Bearer rt_…`, or the session of a login that is linked to a person.

    A session needs a CSRF token for what changes something; a bearer token does not, and where
    one is sent cookies are not looked at.
    """

    def authenticate(self, request: Request) -> tuple[RecipientPrincipal, Any] | None:
        """Return the person; None when nothing was sent; Problem for a bad token."""
        if (header := request.META.get("HTTP_AUTHORIZATION")) is not None:
            return _by_header(header), None
        account = getattr(request._request, "user", None)
        principal = principal_of_account(account)
        if principal is None:
            return None
        self.enforce_csrf(request)
        return principal, None

    def authenticate_header(self, request: Request) -> str:
        """The challenge of a 401."""
        return "Bearer"


class IsRecipient(BasePermission):
    """Only people; a service has calls of its own."""

    def has_permission(self, request: Request, view: "APIView") -> bool:
        """Whether a person calls who may do more than choose."""
        caller: object = request.user
        return isinstance(caller, RecipientPrincipal) and caller.full


def authenticate_scope(scope: Mapping[str, Any]) -> RecipientPrincipal | None:
    """The person behind an ASGI connection; None if there is none (any more).

    Browsers cannot set headers on a WebSocket: the token is offered as a subprotocol, after the
    real one. Where one is offered the session is not looked at. The caller checks the Origin.
    """
    for offered in scope.get("subprotocols", ()):
        if offered.startswith(PREFIX):
            return _by_token(offered)
    return principal_of_account(_account_of(_header(scope, b"cookie")))


def _by_header(header: str) -> RecipientPrincipal:
    scheme, _, token = header.partition(" ")
    token = token.strip()
    if scheme.lower() != "bearer" or not token.startswith(PREFIX):
        raise Problem.of("not_authenticated", "Send a recipient token: `Bearer rt_…`.")
    principal = _by_token(token)
    if principal is None:
        raise Problem.of("not_authenticated", "The token has ended; ask for a new one.")
    return principal


def _by_token(token: str) -> RecipientPrincipal | None:
    subject = read_token(token, now=time.time())
    return None if subject is None else principal_of(subject)


def _header(scope: Mapping[str, Any], name: bytes) -> str:
    values = [value for key, value in scope.get("headers", ()) if key == name]
    return b"; ".join(values).decode("latin-1")


def _account_of(cookies: str) -> Any:
    session_key = parse_cookie(cookies).get(settings.SESSION_COOKIE_NAME)
    if not session_key:
        return None
    request = HttpRequest()
    request.session = import_string(f"{settings.SESSION_ENGINE}.SessionStore")(session_key)
    return auth.get_user(request)


def _find(where: str, value: Any) -> RecipientPrincipal | None:
    with connection.cursor() as cursor:
        cursor.execute(_FIND + where, [value])
        row = cursor.fetchone()
    if row is None:
        return None
    id, subject, user_id, wrapped = row
    return RecipientPrincipal(
        recipient_id=id, subject=subject, user_id=user_id, key=crypto.unwrap(bytes(wrapped))
    )


def _signer() -> signing.Signer:
    # A dot, because a subprotocol must be a token by RFC 9110, without colons.
    return signing.Signer(salt="preferences.recipient_token", sep=".", algorithm="sha256")


class RecipientScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """Tells the API schema about recipient tokens."""

    target_class = RecipientAuthentication
    name = "Recipient"

    def get_security_definition(self, auto_schema: "AutoSchema") -> dict[str, Any]:
        """The scheme, once in the schema."""
        return {
            "type": "http",
            "scheme": "bearer",
            "bearerFormat": "rt_<token>",
            "description": "A short token of one person: `POST /api/v1/users/{user_id}/token`. "
            "Pages of this site use the session instead, with its CSRF token.",
        }
