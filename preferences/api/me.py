"""`/api/v1/me`: what a person sees of themselves."""

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response

from preferences.api import shapes
from preferences.api.doors import MyView, me
from preferences.api.users import export_of
from preferences.directory import find_one, user_body


class MeView(MyView):
    """The caller."""

    @extend_schema(operation_id="me_get", responses=shapes.UserShape, tags=["me"])
    def get(self, request: Request) -> Response:
        """Show me."""
        found = find_one(pk=me(request).recipient_id)
        if found is None:
            raise NotFound
        return Response(user_body(found))


class MyExportView(MyView):
    """All that is kept about the caller."""

    @extend_schema(operation_id="me_export", responses=OpenApiTypes.OBJECT, tags=["me"])
    def get(self, request: Request) -> Response:
        """Export all that is kept about me."""
        return export_of(me(request).recipient_id, request)
