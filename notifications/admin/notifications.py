"""What was asked for, what was decided, and what became of it."""

from typing import Any
from uuid import UUID

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import URLPattern, reverse
from django.views.decorators.http import require_POST

from delivery import channels, showing
from delivery.lifecycle import REPLAYABLE, EventKind, OutcomeKind, Reason, State
from delivery.models import Attempt, Delivery, Event
from notifications import reading, sent, story
from notifications.admin import acts, attachments
from notifications.admin.filters import (
    ModeFilter,
    PersonFilter,
    RequestFilter,
    StatusFilter,
    TimeFilter,
    TypeFilter,
)
from notifications.attachments import store
from notifications.models import ApiKey, Notification
from notifications.reasons import (
    ANSWER_LOST,
    CODES,
    EVENTS,
    OUTCOMES,
    SOURCES,
    because,
    poison,
)
from notifications.services import keys
from notifications.words import OPEN, Mode, Priority
from notifysite.plumbing.desk import ReadOnlyAdmin, Uncounted, column
from notifysite.plumbing.partitions import within
from preferences.models import Recipient

_DOES = {"send": "Sent", "hold": "Held", "digest": "Into the digest", "skip": "Skipped"}
_STATE_LABELS = {
    "accepted": "info",
    "planned": "info",
    "done": "success",
    "cancelled": "warning",
    "expired": "warning",
}


@admin.register(Notification)
class NotificationAdmin(ReadOnlyAdmin):
    """One accepted request for one recipient."""

    list_display = ("created_at", "kind", "user_id", "state", "ways", "mode_word")
    list_filter = (
        TypeFilter,
        StatusFilter,
        ModeFilter,
        TimeFilter,
        PersonFilter,
        RequestFilter,
    )
    search_fields = ("id",)
    search_help_text = "A notification's id, or a whole user id."
    ordering = ("-id",)
    sortable_by = ()
    paginator = Uncounted

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Notification], search_term: str
    ) -> tuple[QuerySet[Notification], bool]:
        """Whole words only: both have an index."""
        term = search_term.strip()
        if not term:
            return queryset, False
        try:
            return queryset.filter(pk=UUID(term)), False
        except ValueError:
            people = Recipient.objects.filter(user_id=term).values_list("pk", flat=True)
            return queryset.filter(recipient_id__in=list(people)), False

    def prepare(self, rows: list[Notification]) -> None:
        """Types, people and deliveries of the page: two queries for any number of rows."""
        shown = {
            one["id"]: one for one in reading.several([row.id for row in rows], service_id=None)
        }
        for row in rows:
            row.shown = shown.get(row.id, {})  # type: ignore[attr-defined]

    @column(description="Type")
    def kind(self, row: Any) -> str:
        """The type's key."""
        return str(row.shown.get("type", ""))

    @column(description="Person")
    def user_id(self, row: Any) -> str:
        """The caller's own id of the person."""
        return row.shown.get("user_id") or "erased"

    @column(description="Status", label=_STATE_LABELS)
    def state(self, row: Any) -> str:
        """The status in a word."""
        return str(row.shown.get("status", ""))

    @column(description="Deliveries")
    def ways(self, row: Any) -> str:
        """Each channel and how it stands."""
        found = [f"{one['channel']}: {one['status']}" for one in row.shown.get("deliveries", ())]
        return ", ".join(found) or "nothing yet"

    @column(description="Key")
    def mode_word(self, row: Notification) -> str:
        """live, team or test."""
        return Mode(row.mode).name.lower()

    def get_urls(self) -> list[URLPattern]:
        """Cancel; and each delivery's message in a frame of its own."""
        cancel = require_POST(self.cancel_view)
        return [
            self.route("<uuid:pk>/cancel/", cancel, "cancel"),
            self.route("<uuid:pk>/sent/<uuid:delivery_id>/", self.sent_view, "sent"),
            *super().get_urls(),
        ]

    def change_view(
        self, request: HttpRequest, object_id: str, *args: Any, **kwargs: Any
    ) -> HttpResponse:
        """The whole story on one page."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        row = self.get_object(request, object_id)
        shown = reading.one(row.id, service_id=None) if row else None
        if row is None or shown is None:
            raise Http404
        key = ApiKey.objects.select_related("service").filter(pk=row.key_id).first()
        return self.page(
            request,
            "notifications/notification.html",
            title=f"{shown['type']} for {shown['user_id'] or 'an erased person'}",
            row=row,
            shown=shown,
            priority=Priority(row.priority).name.lower(),
            mode=Mode(row.mode).name.lower(),
            key=keys.label(key) if key else "",
            service=key.service if key else None,
            steps=[_step(step) for step in shown["decision"]],
            deliveries=_deliveries(row.id, shown["deliveries"]),
            attachments=_attachments(row) if self._may_read(request) else (),
            story=story.tell(row.id),
            may_cancel=row.status in OPEN and self._may_cancel(request),
            may_replay=request.user.has_perm("delivery.change_delivery"),
        )

    def cancel_view(self, request: HttpRequest, pk: UUID) -> HttpResponse:
        """Take back what has not left yet."""
        if not self._may_cancel(request):
            raise PermissionDenied
        row = get_object_or_404(Notification, pk=pk)
        if acts.cancel(request, row.id, service_id=row.service_id):
            messages.success(request, "Cancelled. What had left already stays sent.")
        else:
            messages.warning(request, "It is too late: nothing of it can be taken back any more.")
        url = reverse("admin:notifications_notification_change", args=[pk])
        return HttpResponseRedirect(url)

    def sent_view(self, request: HttpRequest, pk: UUID, delivery_id: UUID) -> HttpResponse:
        """One delivery's message as it was sent, held."""
        if not self._may_read(request):
            raise PermissionDenied
        row = get_object_or_404(Delivery, pk=delivery_id, notification_id=pk)
        try:
            return showing.frame(row.channel, sent.content(row))
        except sent.NotShown as reason:
            return showing.sorry(str(reason))

    @staticmethod
    def _may_cancel(request: HttpRequest) -> bool:
        return request.user.has_perm("notifications.change_notification")

    @staticmethod
    def _may_read(request: HttpRequest) -> bool:
        """What was said to a person is for those who may see renders."""
        return request.user.has_perm("notifications.view_render")


def _attachments(row: Notification) -> list[dict[str, Any]]:
    """The files it names, in their order; of one that is gone, only the id."""
    uuids = row.attachments or ()
    there = store.several(uuids, service_id=None)
    return [
        {"id": uuid, **(attachments.told(there[uuid]) if uuid in there else {})} for uuid in uuids
    ]


def _step(step: dict[str, Any]) -> dict[str, Any]:
    """A recorded decision in plain words."""
    reason = Reason[step["reason"].upper()] if step["reason"] else None
    label = "Preferred channel"
    if step["channel"] != channels.PREFERRED_KEY:
        label = channels.by_key(step["channel"]).label
    return {
        **step,
        "label": label,
        "said": f"{_DOES[step['outcome']]}{because(reason)}.",
        "whose": SOURCES.get(step["source"], step["source"]),
    }


def _deliveries(notification: UUID, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Each delivery with its tries and its news; three queries."""
    shown = {one["id"]: one for one in rows}
    of_them = {"delivery_id__in": list(shown), **within([notification])}
    tries: dict[UUID, list[dict[str, Any]]] = {}
    for one in Attempt.objects.filter(**of_them).order_by("created_at", "id"):
        tries.setdefault(one.delivery_id, []).append(
            {
                "row": one,
                "said": OUTCOMES[OutcomeKind(one.outcome)],
                "detail": one.detail or CODES.get(one.code, ""),
                "timed": one.code != ANSWER_LOST,
            }
        )
    news: dict[UUID, list[dict[str, Any]]] = {}
    for event in Event.objects.filter(**of_them).order_by("at", "id"):
        news.setdefault(event.delivery_id, []).append(
            {"row": event, "said": EVENTS[EventKind(event.kind)]}
        )
    rendered = sent.rendered(shown)
    return [
        {
            **one,
            "label": channels.by_key(one["channel"]).label,
            "because": because(Reason[one["reason"].upper()]) if one["reason"] else "",
            "tries": tries.get(id_, []),
            "poison": poison(sum(it["row"].code == ANSWER_LOST for it in tries.get(id_, []))),
            "replayable": State[one["status"].upper()] in REPLAYABLE,
            "news": news.get(id_, []),
            "rendered": id_ in rendered,
            "wide": one["channel"] == "email",
            "url": reverse("admin:notifications_notification_sent", args=[notification, id_]),
        }
        for id_, one in shown.items()
    ]
