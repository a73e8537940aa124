"""`/api/v1/users/…`: people, as services know them. Services share them all."""

from datetime import timedelta

from django.db import transaction
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from notifysite.plumbing import audit
from notifysite.plumbing.faults import Fault
from preferences import people, privacy
from preferences.api import bodies, shapes
from preferences.api.doors import actor, faults_answered, invalid, listed, members, recipient_id
from preferences.authentication import issue_token
from preferences.directory import find_one, user_body
from preferences.models import Recipient
from preferences.people import Person
from preferences.wanted import ABSENT, NAMES, Wanted

SHORTEST_TOKEN, DEFAULT_TOKEN, LONGEST_TOKEN = 60, 3600, 86_400  # seconds


class UserView(APIView):
    """One person. A user id with special characters is percent-encoded; it holds no slash."""

    required_scopes = {
        "GET": "users:read",
        "PUT": "users:write",
        "PATCH": "users:write",
        "DELETE": "users:write",
    }

    @extend_schema(operation_id="users_get", responses=shapes.UserShape, tags=["users"])
    def get(self, request: Request, user_id: str) -> Response:
        """Show a person, addresses in full."""
        return Response(user_body(listed(user_id)))

    @extend_schema(
        operation_id="users_put",
        request=shapes.UserBody,
        responses={200: shapes.UserShape, 201: shapes.UserShape},
        tags=["users"],
    )
    def put(self, request: Request, user_id: str) -> Response:
        """Create a person, or replace all that is said about them; what is left out is cleared."""
        with faults_answered():
            said = bodies.user(request.data, user_id=user_id)
        with transaction.atomic():
            _locked(user_id)
            wanted = bodies.whole(said, find_one(user_id=user_id))
            person = _upsert(wanted, request)
        return Response(user_body(listed(user_id)), status=201 if person.created else 200)

    @extend_schema(
        operation_id="users_patch",
        request=shapes.UserBody,
        responses=shapes.UserShape,
        tags=["users"],
    )
    def patch(self, request: Request, user_id: str) -> Response:
        """Change a person; what is left out stays, null or "" clears."""
        recipient_id(user_id)
        with faults_answered():
            wanted = bodies.user(request.data, user_id=user_id)
        with transaction.atomic():
            if not _locked(user_id):
                raise NotFound
            _upsert(wanted, request)
        return Response(user_body(listed(user_id)))

    @extend_schema(
        operation_id="users_delete",
        responses={204: OpenApiResponse(description="Erased.")},
        tags=["users"],
    )
    def delete(self, request: Request, user_id: str) -> Response:
        """Erase a person: only counts and suppressions stay. There is no way back."""
        recipient_id(user_id)
        if not privacy.erase(user_id, actor=actor(request), now=timezone.now()):
            raise NotFound
        return Response(status=204)


class UserExportView(APIView):
    """All that is kept about one person."""

    required_scopes = {"GET": "users:read"}

    @extend_schema(operation_id="users_export", responses=OpenApiTypes.OBJECT, tags=["users"])
    def get(self, request: Request, user_id: str) -> Response:
        """Export all that is kept about a person."""
        return export_of(recipient_id(user_id), request)


class UserTokenView(APIView):
    """Tokens for a person's own application: bell, inbox, preference centre."""

    required_scopes = {"POST": "users:write"}

    @extend_schema(
        operation_id="users_token",
        request=shapes.TokenBody,
        responses={201: shapes.TokenShape},
        tags=["users"],
    )
    def post(self, request: Request, user_id: str) -> Response:
        """Make a token by which a person acts for themselves; it lasts an hour, at most a day."""
        seconds = members(request.data, "expires_in").get("expires_in", DEFAULT_TOKEN)
        whole = isinstance(seconds, int) and not isinstance(seconds, bool)
        if not whole or not SHORTEST_TOKEN <= seconds <= LONGEST_TOKEN:
            detail = f"Must be whole seconds, {SHORTEST_TOKEN} to {LONGEST_TOKEN}."
            raise invalid(Fault("/expires_in", "out_of_range", detail))
        subject = listed(user_id).recipient.subject
        token, until = issue_token(subject, lifetime=timedelta(seconds=seconds), now=timezone.now())
        answer = {"token": token, "expires_at": until}
        return Response(answer, status=201, headers={"Cache-Control": "no-store"})


def export_of(id: int, request: Request) -> Response:
    """All that is kept about a person, and a note that it was asked for."""
    with transaction.atomic():
        gathered = privacy.gather(id, now=timezone.now())
        subject = Recipient.objects.values_list("subject", flat=True).get(pk=id)
        audit.record(
            actor=actor(request),
            action="user.exported",
            target=f"user:{subject}",
            subject=subject,
        )
    return Response(gathered, headers={"Cache-Control": "no-store"})


def _locked(user_id: str) -> bool:
    found = Recipient.objects.select_for_update(no_key=True).filter(user_id=user_id)
    return found.first() is not None


def _upsert(wanted: Wanted, request: Request) -> Person:
    (person,) = people.upsert([wanted], now=timezone.now())
    named = [name for name in NAMES[1:] if getattr(wanted, name) is not ABSENT]
    audit.record(
        actor=actor(request),
        action="user.created" if person.created else "user.changed",
        target=f"user:{person.subject}",
        subject=person.subject,
        detail={"named": named},
    )
    return person
