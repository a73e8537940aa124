"""All templates in one list; each is written below its type."""

from typing import Any

from django.contrib import admin
from django.db.models import Exists, OuterRef
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect

from delivery import channels
from notifications.admin.matrix import editor_url
from notifications.catalog import publish
from notifications.models import Template, TemplateVersion, VersionState
from notifysite.plumbing.desk import ReadOnlyAdmin, column


@admin.register(Template)
class TemplateAdmin(ReadOnlyAdmin):
    """What each type says on which channel in which language, and how that stands."""

    list_display = ("kind", "channel_label", "locale", "standing", "layout")
    list_filter = ("channel", "locale", "type__category")
    list_select_related = ("type", "layout")
    search_fields = ("type__key", "type__name")
    ordering = ("type__key", "channel", "locale")

    def get_queryset(self, request: HttpRequest) -> Any:
        """With how each stands, in the same query."""
        versions = TemplateVersion.objects.filter(template=OuterRef("pk"))
        return (
            super()
            .get_queryset(request)
            .annotate(
                published=Exists(versions.filter(state=VersionState.PUBLISHED)),
                drafted=Exists(versions.filter(state__in=publish.DRAFTS)),
            )
        )

    @column(description="Type", ordering="type__name")
    def kind(self, row: Template) -> str:
        """The type's name."""
        return row.type.name

    @column(description="Channel", ordering="channel")
    def channel_label(self, row: Template) -> str:
        """The channel's label."""
        return channels.written(row.channel).label

    @column(
        description="State",
        label={"published": "success", "published + draft": "info", "draft": "warning"},
    )
    def standing(self, row: Any) -> str:
        """Published, draft, or both."""
        words = [
            word for word, is_so in (("published", row.published), ("draft", row.drafted)) if is_so
        ]
        return " + ".join(words) or "empty"

    def change_view(
        self, request: HttpRequest, object_id: str, *args: Any, **kwargs: Any
    ) -> HttpResponse:
        """To where it is written."""
        row = self.get_object(request, object_id)
        if row is None:
            raise Http404
        return redirect(editor_url(row.type_id, channels.written(row.channel).key, row.locale))
