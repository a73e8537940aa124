"""Sends to many: whom they were for, how far they have come, and taking them back."""

from typing import Any
from uuid import UUID

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import URLPattern, reverse
from django.views.decorators.http import require_POST

from notifications.admin import acts
from notifications.admin.filters import AudienceStatusFilter, ModeFilter, TypeFilter
from notifications.audiences import showing
from notifications.models import ApiKey, Audience
from notifications.services import keys
from notifications.words import AudienceStatus, Mode, Priority
from notifysite.plumbing.desk import ReadOnlyAdmin, Uncounted, column

_STATE_LABELS = {
    "accepted": "info",
    "expanding": "info",
    "done": "success",
    "cancelled": "warning",
}


@admin.register(Audience)
class AudienceAdmin(ReadOnlyAdmin):
    """One accepted request for many people."""

    list_display = ("created_at", "kind_key", "whom", "state", "made", "estimated", "mode_word")
    list_filter = (TypeFilter, AudienceStatusFilter, ModeFilter)
    search_fields = ("request_id",)
    search_help_text = "A request's id, or the whole key of a topic."
    ordering = ("-id",)
    sortable_by = ()
    paginator = Uncounted

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Audience], search_term: str
    ) -> tuple[QuerySet[Audience], bool]:
        """Whole words only."""
        term = search_term.strip()
        if not term:
            return queryset, False
        try:
            return queryset.filter(request_id=UUID(term)), False
        except ValueError:
            return queryset.filter(topic_key=term), False

    def prepare(self, rows: list[Audience]) -> None:
        """What the API says of them: one query for any number of rows."""
        said = showing.several([row.request_id for row in rows], service_id=None)
        shown = {one["request_id"]: one for one in said}
        for row in rows:
            row.shown = shown.get(row.request_id, {})  # type: ignore[attr-defined]

    @column(description="Type")
    def kind_key(self, row: Any) -> str:
        """The type's key."""
        return str(row.shown.get("type", ""))

    @column(description="To")
    def whom(self, row: Audience) -> str:
        """The topic's key."""
        return row.topic_key or "a list"

    @column(description="Status", label=_STATE_LABELS)
    def state(self, row: Audience) -> str:
        """The status in a word."""
        return AudienceStatus(row.status).name.lower()

    @column(description="Key")
    def mode_word(self, row: Audience) -> str:
        """live, team or test."""
        return Mode(row.mode).name.lower()

    def get_urls(self) -> list[URLPattern]:
        """Cancel."""
        cancel = require_POST(self.cancel_view)
        return [self.route("<int:pk>/cancel/", cancel, "cancel"), *super().get_urls()]

    def change_view(
        self, request: HttpRequest, object_id: str, *args: Any, **kwargs: Any
    ) -> HttpResponse:
        """How far it has come."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        row = self.get_object(request, object_id)
        shown = showing.one(row.request_id, service_id=None) if row else None
        if row is None or shown is None:
            raise Http404
        key = ApiKey.objects.select_related("service").filter(pk=row.key_id).first()
        every = reverse("admin:notifications_notification_changelist")
        return self.page(
            request,
            "notifications/audience.html",
            title=f"{shown['type']} for {row.topic_key or 'a list'}",
            row=row,
            shown=shown,
            priority=Priority(row.priority).name.lower(),
            key=keys.label(key) if key else "",
            service=key.service if key else None,
            every=f"{every}?request={row.request_id}&since=all",
            may_cancel=row.status != AudienceStatus.CANCELLED and self._may_cancel(request),
        )

    def cancel_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Make no more of it, and take back what has not left yet."""
        if not self._may_cancel(request):
            raise PermissionDenied
        row = get_object_or_404(Audience, pk=pk)
        if acts.cancel_audience(request, row.request_id, service_id=row.service_id):
            messages.success(request, "Cancelled. What had left already stays sent.")
        else:
            messages.warning(request, "It is too late: nothing of it can be taken back any more.")
        return HttpResponseRedirect(reverse("admin:notifications_audience_change", args=[pk]))

    @staticmethod
    def _may_cancel(request: HttpRequest) -> bool:
        return request.user.has_perm("notifications.change_audience")
