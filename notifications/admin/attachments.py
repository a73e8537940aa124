"""Files that services uploaded: what there is, whose it is, and until when."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.defaultfilters import filesizeformat

from notifications.attachments import store
from notifications.models import Attachment
from notifysite.plumbing.crypto import CryptoError
from notifysite.plumbing.desk import ReadOnlyAdmin, Uncounted, column


@admin.register(Attachment)
class AttachmentAdmin(ReadOnlyAdmin):
    """A file of a service."""

    list_display = ("created_at", "called", "kind", "large", "service", "person", "expires_at")
    list_filter = ("service",)
    list_select_related = ("service",)
    ordering = ("-id",)
    sortable_by = ()
    paginator = Uncounted

    def get_queryset(self, request: HttpRequest) -> QuerySet[Attachment]:
        """Without the bytes, which nobody looks at here."""
        found: QuerySet[Attachment] = super().get_queryset(request)
        return found.defer("content", "data_key", "name")

    def prepare(self, rows: list[Attachment]) -> None:
        """Names and people: one query for any number of rows."""
        shown = store.by_rows([row.pk for row in rows])
        for row in rows:
            row.shown = told(shown.get(row.uuid))  # type: ignore[attr-defined]

    @column(description="Name")
    def called(self, row: Any) -> str:
        """Its name in clear."""
        return row.shown.get("name") or "(can no longer be read)"

    @column(description="Type")
    def kind(self, row: Attachment) -> str:
        """The content type."""
        return row.content_type

    @column(description="Size")
    def large(self, row: Attachment) -> str:
        """In words."""
        return filesizeformat(row.size)

    @column(description="For")
    def person(self, row: Any) -> str:
        """Whose it is."""
        if row.recipient_id is None:
            return "anybody"
        return row.shown.get("user_id") or "an erased person"

    def change_view(
        self, request: HttpRequest, object_id: str, *args: Any, **kwargs: Any
    ) -> HttpResponse:
        """What it is; not what is in it."""
        row = self.found(request, object_id)
        self.prepare([row])
        return self.page(
            request,
            "notifications/attachment.html",
            title=self.called(row),
            row=row,
            shown=row.shown,
            person=self.person(row),
        )


def told(one: store.Shown | None) -> dict[str, Any]:
    """What the API says of it; nothing where that cannot be read."""
    try:
        return {} if one is None else one.plain()
    except CryptoError:
        return {}
