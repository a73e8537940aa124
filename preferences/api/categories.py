"""`/api/v1/categories`: what people choose about."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from delivery import channels
from preferences.api import shapes
from preferences.api.doors import page
from preferences.models import Category, CategoryKind


class CategoriesView(APIView):
    """All categories: there are few."""

    required_scopes = {"GET": "catalog:read"}

    @extend_schema(
        operation_id="categories_list", responses=shapes.CategoryPage, tags=["categories"]
    )
    def get(self, request: Request) -> Response:
        """List the categories in the order people see them."""
        return Response(page([_body(category) for category in Category.objects.all()]))


class CategoryView(APIView):
    """One category."""

    required_scopes = {"GET": "catalog:read"}

    @extend_schema(
        operation_id="categories_get", responses=shapes.CategoryShape, tags=["categories"]
    )
    def get(self, request: Request, key: str) -> Response:
        """Show a category."""
        category = Category.objects.filter(key=key).first()
        if category is None:
            raise NotFound
        return Response(_body(category))


def _body(category: Category) -> dict[str, Any]:
    return {
        "key": category.key,
        "name": category.name,
        "description": category.description,
        "translations": category.translations,
        "kind": CategoryKind(category.kind).name.lower(),
        "mandatory": category.mandatory,
        "default_channels": channels.keys(category.default_channels),
        "position": category.position,
    }
