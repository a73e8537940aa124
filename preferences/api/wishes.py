"""`…/preferences`: what a person wants, for services and for the person."""

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from preferences import categories, topics, wishes
from preferences.api import shapes
from preferences.api.doors import MyView, by, faults_answered, me, recipient_id
from preferences.wishes import Wishes


class PreferencesView(APIView):
    """What one person wants."""

    required_scopes = {"GET": "users:read", "PATCH": "users:write"}

    @extend_schema(operation_id="preferences_get", responses=shapes.Preferences, tags=["users"])
    def get(self, request: Request, user_id: str) -> Response:
        """Show what holds for a person, and who decided it."""
        return _shown(_loaded(recipient_id(user_id)))

    @extend_schema(
        operation_id="preferences_patch",
        request=shapes.Preferences,
        responses=shapes.Preferences,
        tags=["users"],
    )
    def patch(self, request: Request, user_id: str) -> Response:
        """Change what a person wants; what is left out stays, null goes back to the default."""
        return _changed(recipient_id(user_id), request)


class MyPreferencesView(MyView):
    """What the caller wants."""

    @extend_schema(operation_id="me_preferences_get", responses=shapes.Preferences, tags=["me"])
    def get(self, request: Request) -> Response:
        """Show what holds for me, and who decided it."""
        return _shown(_loaded(me(request).recipient_id))

    @extend_schema(
        operation_id="me_preferences_patch",
        request=shapes.Preferences,
        responses=shapes.Preferences,
        tags=["me"],
    )
    def patch(self, request: Request) -> Response:
        """Change what I want; what is left out stays, null goes back to the default."""
        return _changed(me(request).recipient_id, request)


def _loaded(id: int) -> Wishes:
    return wishes.load([id])[id]


def _changed(id: int, request: Request) -> Response:
    with faults_answered():
        after = wishes.set_preferences(id, request.data, by=by(request), now=timezone.now())
    return _shown(after)


def _shown(person: Wishes) -> Response:
    shown = wishes.effective(person, categories.every(), now=timezone.now())
    return Response({**shown, "topics": sorted(topics.set_of(person.recipient_id))})
