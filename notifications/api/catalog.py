"""What can be said: types and templates, to look up."""

from typing import Any

from django.db.models import Prefetch
from django.http import Http404
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from delivery import channels
from notifications.api.shapes import PRIORITIES
from notifications.models import (
    Condition,
    NotificationType,
    Step,
    Template,
    TemplateVersion,
    VersionState,
)
from notifications.words import Priority
from notifysite.plumbing import paging
from notifysite.plumbing.paging import PageQuery, PageSerializer


class StepSerializer(serializers.Serializer[Any]):
    """A step of a type; `wait` is in seconds after the start."""

    step = serializers.IntegerField()
    channel = serializers.CharField()
    wait = serializers.IntegerField()
    condition = serializers.ChoiceField([one.name.lower() for one in Condition])
    expression = serializers.JSONField(allow_null=True)


class TypeSerializer(serializers.Serializer[Any]):
    """One thing that can be said; `sample_data` fits `data_schema`."""

    key = serializers.CharField()
    name = serializers.CharField()
    category = serializers.CharField()
    priority = serializers.ChoiceField(PRIORITIES)
    active = serializers.BooleanField()
    steps = StepSerializer(many=True)
    data_schema = serializers.JSONField()
    sample_data = serializers.JSONField()


class TypePageSerializer(PageSerializer):
    """A page of types, by key."""

    results = TypeSerializer(many=True)


class TypeList(APIView):
    """The notification types."""

    required_scopes = "catalog:read"

    @extend_schema(
        operation_id="types_list",
        parameters=[PageQuery],
        responses=TypePageSerializer,
        summary="List notification types",
    )
    def get(self, request: Request) -> Response:
        """List what can be said."""
        cursor, size = paging.asked(request)
        types, more = paging.turn(_types(), by="key", cursor=cursor, size=size)
        rows = [_type(kind) for kind in types]
        return paging.answer(request, rows, more=more, cursor=cursor, place="key")


class TypeDetail(APIView):
    """One notification type."""

    required_scopes = "catalog:read"

    @extend_schema(
        operation_id="types_read", responses=TypeSerializer, summary="Read a notification type"
    )
    def get(self, request: Request, key: str) -> Response:
        """Read a type by its key."""
        kind = _types().filter(key=key).first()
        if kind is None:
            raise Http404
        return Response(_type(kind))


def _types() -> Any:
    return NotificationType.objects.select_related("category").prefetch_related("steps")


def _type(kind: NotificationType) -> dict[str, Any]:
    return {
        "key": kind.key,
        "name": kind.name,
        "category": kind.category.key,
        "priority": Priority(kind.priority).name.lower(),
        "active": kind.active,
        "steps": [_step(step) for step in kind.steps.all()],
        "data_schema": kind.data_schema,
        "sample_data": kind.sample_data,
    }


def _step(step: Step) -> dict[str, Any]:
    preferred = step.channel == channels.PREFERRED
    return {
        "step": step.position,
        "channel": channels.PREFERRED_KEY if preferred else channels.by_number(step.channel).key,
        "wait": step.wait_seconds,
        "condition": Condition(step.condition).name.lower(),
        "expression": step.expression,
    }


class TemplateSerializer(serializers.Serializer[Any]):
    """What a type says on one channel in one locale, and the version people read now."""

    id = serializers.IntegerField()
    type = serializers.CharField()
    channel = serializers.CharField(
        help_text="`general` is for every channel that has no template of its own."
    )
    locale = serializers.CharField()
    layout = serializers.CharField(allow_null=True)
    version = serializers.IntegerField(allow_null=True, help_text="The published one.")
    published_at = serializers.DateTimeField(allow_null=True)
    draft = serializers.BooleanField(help_text="Whether a newer version is being written.")


class TemplatePageSerializer(PageSerializer):
    """A page of templates."""

    results = TemplateSerializer(many=True)


class TemplateList(APIView):
    """The templates."""

    required_scopes = "catalog:read"

    @extend_schema(
        operation_id="templates_list",
        parameters=[PageQuery],
        responses=TemplatePageSerializer,
        summary="List templates",
    )
    def get(self, request: Request) -> Response:
        """List templates with the version that is published."""
        cursor, size = paging.asked(request)
        found, more = paging.turn(_templates(), by="id", cursor=cursor, size=size)
        rows = [_template(template) for template in found]
        return paging.answer(request, rows, more=more, cursor=cursor)


def _templates() -> Any:
    live = [VersionState.PUBLISHED, VersionState.DRAFT, VersionState.IN_REVIEW]
    versions = TemplateVersion.objects.filter(state__in=live).defer("source", "compiled")
    return Template.objects.select_related("type", "layout").prefetch_related(
        Prefetch("versions", queryset=versions, to_attr="live")
    )


def _template(template: Any) -> dict[str, Any]:
    published = [one for one in template.live if one.state == VersionState.PUBLISHED]
    current = published[0] if published else None
    return {
        "id": template.id,
        "type": template.type.key,
        "channel": channels.written(template.channel).key,
        "locale": template.locale,
        "layout": template.layout.key if template.layout else None,
        "version": current.number if current else None,
        "published_at": current.published_at if current else None,
        "draft": len(template.live) > len(published),
    }
