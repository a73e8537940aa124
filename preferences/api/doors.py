"""What the views share: who is asked about, who asks, and how faults are answered."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.views import APIView

from notifysite.plumbing.faults import Fault
from notifysite.plumbing.problems import Problem
from preferences import wanted
from preferences.authentication import IsRecipient, RecipientAuthentication, RecipientPrincipal
from preferences.directory import Listed, find_one
from preferences.models import Recipient
from preferences.topics import TopicGone
from preferences.wanted import WantedInvalid
from preferences.wishes import By, EditsInvalid, RecipientGone


class MyView(APIView):
    """A view for people about themselves; whose it is comes from the credentials alone."""

    permission_classes = [IsRecipient]
    throttle_classes = []

    def get_authenticators(self) -> list[BaseAuthentication]:
        """Tokens and sessions of people; a service has calls of its own."""
        return [RecipientAuthentication()]


def me(request: Request) -> RecipientPrincipal:
    """The person who calls."""
    caller: object = request.user
    if not isinstance(caller, RecipientPrincipal):
        raise Problem.of("not_authenticated")
    return caller


def actor(request: Request) -> str:
    """Who calls, as the audit trail names them; never by a user id."""
    return str(request.user)


def by(request: Request) -> By:
    """Who changes preferences, and by what way."""
    person = isinstance(request.user, RecipientPrincipal)
    return By(actor=actor(request), source="person" if person else "api")


def listed(user_id: str) -> Listed:
    """The person of a user id in an address, or a 404."""
    found = find_one(user_id=user_id) if _may_be_known(user_id) else None
    if found is None:
        raise NotFound
    return found


def recipient_id(user_id: str) -> int:
    """Our own id of the person of a user id, or a 404."""
    found = Recipient.objects.filter(user_id=user_id) if _may_be_known(user_id) else None
    id = found.values_list("pk", flat=True).first() if found is not None else None
    if id is None:
        raise NotFound
    return id


def _may_be_known(user_id: str) -> bool:
    try:
        wanted.user_id(user_id)
    except wanted.Wrong:
        return False
    return True


@contextmanager
def faults_answered() -> Iterator[None]:
    """Answer what a body got wrong with 422, and a person or topic that is gone with 404."""
    try:
        yield
    except (WantedInvalid, EditsInvalid) as wrong:
        raise invalid(*wrong.faults) from None
    except (RecipientGone, TopicGone):
        raise NotFound from None


def invalid(*faults: Fault) -> Problem:
    """The 422 that names these faults."""
    return Problem.of("validation_failed", faults=faults)


def members(body: Any, *known: str) -> Mapping[str, Any]:
    """The body, if it is an object with these members at most; otherwise a 422."""
    if not isinstance(body, Mapping):
        raise invalid(Fault("", "invalid_type", "Must be an object."))
    there_are = ", ".join(known)
    unknown = [name for name in body if name not in known]
    if unknown:
        detail = f"Unknown; there are: {there_are}."
        raise invalid(*(Fault(f"/{name}", "unknown_field", detail) for name in unknown))
    return body


def page(results: list[Any]) -> dict[str, Any]:
    """A list that fits on one page."""
    return {"results": results, "next": None, "previous": None}
