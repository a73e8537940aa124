"""Who an inbox belongs to: the recipient whom the authenticator named in settings recognised.

People and their tokens live above delivery, so both ways in are dotted settings:
RECIPIENT_AUTHENTICATION, a REST authentication class, and RECIPIENT_SCOPE_AUTHENTICATION, a
function that takes an ASGI scope and returns a Principal or None.
"""

from collections.abc import Callable, Mapping
from typing import Any, Protocol, cast

from django.conf import settings
from django.utils.module_loading import import_string
from rest_framework.authentication import BaseAuthentication
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.views import APIView

from notifysite.plumbing.crypto import DataKey
from notifysite.plumbing.threads import in_thread

Scope = Mapping[str, Any]


class Principal(Protocol):
    """A recipient who is logged in, and the key under which their items are encrypted."""

    @property
    def recipient_id(self) -> int:
        """Their id in our tables."""

    @property
    def key(self) -> DataKey:
        """Their data key."""


class IsRecipient(BasePermission):
    """Only people have an inbox; a service does not, nor one whom a mere link let in."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        """Whether the caller is a recipient who may see what they were sent."""
        return _may_read(request.user)


class RecipientView(APIView):
    """A view for recipients; whose inbox it is comes from the credentials alone."""

    permission_classes = [IsRecipient]

    def get_authenticators(self) -> list[BaseAuthentication]:
        """The authenticator that settings name for recipients."""
        return [import_string(settings.RECIPIENT_AUTHENTICATION)()]


def principal_of(request: Request) -> Principal:
    """Whose inbox a request is about."""
    return cast("Principal", request.user)


async def recognise(scope: Scope) -> Principal | None:
    """The recipient a connection belongs to; None if it has no valid credentials (any more)."""
    authenticate: Callable[[Scope], Any] = import_string(settings.RECIPIENT_SCOPE_AUTHENTICATION)
    principal = await in_thread(authenticate, scope)
    return principal if _may_read(principal) else None


def _may_read(caller: object) -> bool:
    known = isinstance(getattr(caller, "recipient_id", None), int)
    return known and getattr(caller, "full", True)
