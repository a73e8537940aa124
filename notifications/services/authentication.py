"""Who is calling, and may it: the door of every call that services make."""

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Never, cast
from urllib.parse import unquote

from django.utils import timezone
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import MethodNotAllowed
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from notifications.services import keys
from notifications.services.keyring import Caller, Keyring, Known
from notifications.words import Mode
from notifysite.plumbing.problems import Problem

if TYPE_CHECKING:  # the views load their default authentication, which is this module
    from drf_spectacular.openapi import AutoSchema
    from rest_framework.views import APIView

__all__ = [
    "ApiKeyAuthentication",
    "Caller",
    "HasScope",
    "ServicePrincipal",
    "caller_of",
    "keyring",
]

logger = logging.getLogger(__name__)

keyring = Keyring()


@dataclass(frozen=True, slots=True)
class ServicePrincipal:
    """The `request.user` of a call by a service: authenticated, and nobody's account."""

    service_key: str

    is_authenticated: ClassVar[bool] = True
    is_anonymous: ClassVar[bool] = False
    is_active: ClassVar[bool] = True
    is_staff: ClassVar[bool] = False

    def __str__(self) -> str:
        return f"service:{self.service_key}"


class ApiKeyAuthentication(BaseAuthentication):
    """Takes `Authorization: Bearer ntf_…` and nothing else: no cookie, no query string."""

    def authenticate(self, request: Request) -> tuple[ServicePrincipal, Caller] | None:
        """Return principal and Caller; None when no API key was sent; Problem for a bad one."""
        _refuse_key_in_address(request)
        scheme, _, credentials = request.META.get("HTTP_AUTHORIZATION", "").partition(" ")
        text = credentials.strip()
        if scheme.lower() != "bearer" or not text.startswith("ntf_"):
            return None
        token = keys.parse(text)
        known = None if token is None else keyring.look_up(token)
        caller = _admit(known)
        return ServicePrincipal(caller.service_key), caller

    def authenticate_header(self, request: Request) -> str:
        """The challenge of a 401."""
        return "Bearer"


def _refuse_key_in_address(request: Request) -> None:
    # Even beside a good header: the caller learns it on the first day, not after the leak.
    if keys.mentions_key(unquote(request.META.get("QUERY_STRING", ""))):
        raise Problem.of(
            "not_authenticated",
            "An API key in the query string is refused, for addresses end up in logs. Send it as "
            "`Authorization: Bearer <key>`, and replace this one: it may have been read.",
        )


def _admit(known: Known | None) -> Caller:
    if known is None:
        raise Problem.of("not_authenticated")
    if known.revoked:
        raise Problem.of("key_revoked")
    if known.expires_at is not None and known.expires_at <= timezone.now():
        raise Problem.of("key_expired")
    if not known.service_active:
        raise Problem.of(
            "key_revoked", "The service of this key is switched off; ask an administrator."
        )
    return known.caller


def caller_of(request: Request) -> Caller:
    """Who calls, in a view that `HasScope` guards."""
    return cast("Caller", request.auth)


def operator_of(request: Request) -> str:
    """Who calls, as the audit trail names them, to change what is for real. Raises Problem where
    the key only tries things out."""
    caller = caller_of(request)
    if caller.mode is Mode.TEST:
        raise Problem.of("key_mode", "A test key changes nothing that is for real; use a live one.")
    return caller.actor


class HasScope(BasePermission):
    """Asks for the scope in the view's `required_scopes`: one, or a dict by method.

    GET stands for HEAD. A view that names none lets nobody in.
    """

    def has_permission(self, request: Request, view: "APIView") -> bool:
        """Whether the caller may; Problem `scope_missing` names what it lacks."""
        caller = request.auth
        if not isinstance(caller, Caller):
            return False
        scope = _scope_of(view, request.method or "")
        if scope is None:
            logger.error("view without required_scopes", extra={"view": type(view).__qualname__})
            return False
        return caller.may(scope) or _lacks(scope)


def _scope_of(view: "APIView", method: str) -> str | None:
    required: str | dict[str, str] | None = getattr(view, "required_scopes", None)
    if not isinstance(required, dict):
        return required
    scope = required.get("GET" if method == "HEAD" else method)
    if scope is None and (method == "OPTIONS" or method not in view.allowed_methods):
        raise MethodNotAllowed(method)
    return scope


def _lacks(scope: str) -> Never:
    raise Problem.of(
        "scope_missing", f"This key lacks the scope `{scope}`; ask an administrator to add it."
    )


class ApiKeyScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """Tells the API schema about keys, and which scope each call asks for."""

    target_class = ApiKeyAuthentication
    name = "ApiKey"

    def get_security_definition(self, auto_schema: "AutoSchema") -> dict[str, Any]:
        """The scheme, once in the schema."""
        scopes = "\n".join(f"- `{scope}`: {meaning}" for scope, meaning in keys.SCOPES.items())
        return {
            "type": "http",
            "scheme": "bearer",
            "bearerFormat": "ntf_<live|team|test>_<prefix>_<secret>",
            "description": f"An API key of a service. Its scopes:\n\n{scopes}",
        }

    def get_security_requirement(self, auto_schema: "AutoSchema") -> dict[str, list[Any]]:
        """The scope of one call; OpenAPI 3.1 lets it stand beside a bearer scheme."""
        scope = _scope_of(auto_schema.view, auto_schema.method)
        return {self.name: [] if scope is None else [scope]}
