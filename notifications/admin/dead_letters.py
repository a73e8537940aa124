"""Dead letters: deliveries that were given up, or whose fate nobody knows; replayed from here."""

from typing import Any
from uuid import UUID

from django.contrib import admin, messages
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from delivery import channels
from delivery.lifecycle import Reason, State
from delivery.models import Delivery
from delivery.replay import Replayed
from notifications.admin import acts
from notifications.admin.filters import ChannelFilter, DeadFilter, ReasonFilter
from notifications.models import Notification, NotificationType
from notifications.reasons import REASONS, STATES
from notifysite.plumbing.desk import ReadOnlyAdmin, Uncounted, column
from preferences.models import Recipient


@admin.register(Delivery)
class DeadLetterAdmin(ReadOnlyAdmin):
    """Those that are dead or uncertain; the rest are on their notifications' pages."""

    list_display = ("created_at", "kind", "user_id", "channel_label", "standing", "why", "tries")
    list_filter = (DeadFilter, ChannelFilter, ReasonFilter)
    list_disable_select_all = True
    ordering = ("-id",)
    sortable_by = ()
    paginator = Uncounted
    actions = ("replay",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Delivery]:
        """Two conditions, so that each finds its partial index."""
        dead, uncertain = Q(state=State.DEAD), Q(state=State.UNCERTAIN)
        found: QuerySet[Delivery] = super().get_queryset(request).filter(dead | uncertain)
        return found

    def prepare(self, rows: list[Delivery]) -> None:
        """People and types of the page, in three queries."""
        people = Recipient.objects.in_bulk({row.recipient_id for row in rows})
        kinds = dict(
            Notification.objects.filter(pk__in={row.notification_id for row in rows}).values_list(
                "id", "type_id"
            )
        )
        names = dict(
            NotificationType.objects.filter(pk__in=set(kinds.values())).values_list("id", "key")
        )
        for row in rows:
            person = people.get(row.recipient_id)
            row.user_id = str(person) if person else ""  # type: ignore[attr-defined]
            row.kind = names.get(kinds.get(row.notification_id, 0), "")  # type: ignore[attr-defined]

    @column(description="Type")
    def kind(self, row: Any) -> str:
        """The type's key."""
        return str(row.kind)

    @column(description="Person")
    def user_id(self, row: Any) -> str:
        """The caller's own id of the person."""
        return str(row.user_id)

    @column(description="Channel")
    def channel_label(self, row: Delivery) -> str:
        """The channel's label."""
        return channels.by_number(row.channel).label

    @column(
        description="State",
        label={STATES[State.DEAD]: "danger", STATES[State.UNCERTAIN]: "warning"},
    )
    def standing(self, row: Delivery) -> str:
        """Given up, or perhaps sent."""
        return STATES[State(row.state)]

    @column(description="Because")
    def why(self, row: Delivery) -> str:
        """The reason in words."""
        return REASONS[Reason(row.reason)] if row.reason else ""

    @column(description="Tries")
    def tries(self, row: Delivery) -> str:
        """How often, and with whom last."""
        return f"{row.attempts} ({row.provider})" if row.provider else str(row.attempts)

    def has_replay_permission(self, request: HttpRequest) -> bool:
        """Who may send again."""
        return bool(request.user.has_perm("delivery.change_delivery"))

    @admin.action(description="Send again", permissions=["replay"])
    def replay(self, request: HttpRequest, queryset: QuerySet[Delivery]) -> None:
        """Queue the selected ones; an uncertain one may then arrive twice."""
        chosen: list[UUID] = list(queryset.values_list("pk", flat=True)[: self.list_per_page])
        _tell(request, acts.replay(request, chosen))

    def change_view(
        self, request: HttpRequest, object_id: str, *args: Any, **kwargs: Any
    ) -> HttpResponse:
        """To the story it is part of."""
        id_ = _uuid(object_id)
        found = Delivery.objects.filter(pk=id_).first() if id_ else None
        if found is None:
            return redirect("admin:delivery_delivery_changelist")
        return redirect("admin:notifications_notification_change", found.notification_id)


def _tell(request: HttpRequest, done: Replayed) -> None:
    if done.queued:
        messages.success(request, f"{len(done.queued)} are queued again.")
    if done.under_way:
        messages.info(request, f"{len(done.under_way)} were on their way already.")
    for reason in sorted({REASONS[why] for why in done.refused.values() if why}):
        messages.warning(request, f"Some were not sent again, because {reason}.")


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
