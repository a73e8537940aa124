"""Dead letters: deliveries that were given up, or whose fate nobody knows; replayed from here."""

from collections import Counter
from collections.abc import Iterable
from typing import Any
from uuid import UUID

from django.conf import settings
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import URLPattern, reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.timezone import localtime
from django.views.decorators.http import require_POST

from delivery import channels
from delivery.lifecycle import OutcomeKind, Reason, State
from delivery.models import Attempt, Delivery
from notifications.admin import acts, replays
from notifications.admin.filters import (
    ChannelFilter,
    DeadFilter,
    DeadTimeFilter,
    DeadTypeFilter,
    ProviderFilter,
    ReasonFilter,
)
from notifications.models import Callback, Notification, NotificationType
from notifications.reasons import ANSWER_LOST, CODES, OUTCOMES, REASONS, STATES, poison
from notifications.replaying import MOST
from notifications.words import CALLBACK
from notifysite.plumbing.desk import ReadOnlyAdmin, Uncounted, column
from notifysite.plumbing.partitions import within
from preferences.models import Recipient


@admin.register(Delivery)
class DeadLetterAdmin(ReadOnlyAdmin):
    """Those that are dead or uncertain; the rest are on their notifications' pages."""

    list_display = (
        "accepted", "kind", "user_id", "channel_label", "standing", "tries", "last_answer",
    )  # fmt: skip
    list_filter = (
        DeadFilter, ChannelFilter, ProviderFilter, ReasonFilter, DeadTypeFilter, DeadTimeFilter,
    )  # fmt: skip
    list_before_template = "delivery/dead_letters.html"
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
        """People, types and tries of the page, in five queries."""
        people = Recipient.objects.in_bulk({row.recipient_id for row in rows})
        kinds = dict(
            Notification.objects.filter(pk__in={row.notification_id for row in rows}).values_list(
                "id", "type_id"
            )
        )
        names = dict(
            NotificationType.objects.filter(pk__in=set(kinds.values())).values_list("id", "key")
        )
        last, lost = _last_tries(rows), _lost(rows)
        for row in rows:
            row.last = last.get(row.id)  # type: ignore[attr-defined]
            row.lost = lost[row.id]  # type: ignore[attr-defined]
            person = people.get(row.recipient_id)
            row.user_id = str(person) if person else ""  # type: ignore[attr-defined]
            key = "a callback" if row.step == CALLBACK else ""
            row.kind = names.get(kinds.get(row.notification_id, 0), key)  # type: ignore[attr-defined]

    @column(description="Accepted")
    def accepted(self, row: Delivery) -> str:
        """When it was first queued."""
        moment = date_format(localtime(row.created_at), "j M Y, H:i")
        return format_html('<span class="desk-nowrap">{}</span>', moment)

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

    @column(description="State")
    def standing(self, row: Any) -> str:
        """Given up or perhaps sent, and why; and whether processes ended over it."""
        word = STATES[State(row.state)]
        why = REASONS[Reason(row.reason)] if row.reason else ""
        html = format_html('<b>{}</b><br><span class="desk-quiet">{}</span>', word, why)
        if deadly := poison(row.lost):
            html += format_html('<br><span class="desk-error">{}</span>', deadly)
        return format_html('<div class="desk-cell">{}</div>', html)

    @column(description="Tries")
    def tries(self, row: Delivery) -> str:
        """How often, and with whom last."""
        return f"{row.attempts} ({row.provider})" if row.provider else str(row.attempts)

    @column(description="Last answer")
    def last_answer(self, row: Any) -> str:
        """Of the last try: what it came to, the provider's code, and what it said."""
        if row.last is None:
            return "none"
        return format_html(
            '<div class="desk-cell">{} <span class="desk-mono">{}</span><br>'
            '<span class="desk-quiet">{}</span></div>',
            OUTCOMES[OutcomeKind(row.last.outcome)],
            row.last.code,
            row.last.detail or CODES.get(row.last.code, ""),
        )

    def has_replay_permission(self, request: HttpRequest) -> bool:
        """Who may send again."""
        return bool(request.user.has_perm("delivery.change_delivery"))

    @admin.action(description="Send again", permissions=["replay"])
    def replay(self, request: HttpRequest, queryset: QuerySet[Delivery]) -> None:
        """Queue the selected ones; an uncertain one may then arrive twice."""
        chosen: list[UUID] = list(queryset.values_list("pk", flat=True)[: self.list_per_page])
        replays.tell(request, acts.replay(request, chosen))

    def get_urls(self) -> list[URLPattern]:
        """Send one again; and all that the filters of the list match."""
        return [
            self.route("replay/", self.replay_view, "replay"),
            self.route("<uuid:pk>/replay/", require_POST(self.replay_one_view), "replay_one"),
            *super().get_urls(),
        ]

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> Any:
        """Newest first, with the way to send all again that the filters match."""
        url = f"{reverse('admin:delivery_delivery_replay')}?{_filters(request)}"
        shown = {"replay_url": url if self.has_replay_permission(request) else ""}
        return super().changelist_view(request, {**(extra_context or {}), **shown})

    def replay_view(self, request: HttpRequest) -> HttpResponse:
        """How many the filters match, and once more yes: all of them are queued again."""
        if not self.has_replay_permission(request):
            raise PermissionDenied
        every = f"{reverse('admin:delivery_delivery_changelist')}?{_filters(request)}"
        try:
            wanted = replays.wanted(request.GET.dict(), now=timezone.now())
        except ValueError:
            messages.warning(request, "The filters make no sense, so nothing was sent again.")
            return redirect("admin:delivery_delivery_changelist")
        if request.method == "POST":
            done, more = acts.replay_matching(request, wanted)
            replays.tell(request, done, more=more)
            return redirect(every)
        found = acts.dead(request, wanted)
        return self.page(
            request,
            "delivery/replay.html",
            title="Send again what was given up",
            wanted=list(replays.words(wanted)),
            found=replays.found(found),
            most=f"{MOST:,}",
            many=found > MOST,
            pace=f"{settings.REPLAY_PER_SECOND:,}",
            takes=replays.takes(found),
            any_state="state" not in request.GET,
            back=every,
        )

    def replay_one_view(self, request: HttpRequest, pk: UUID) -> HttpResponse:
        """Queue one again, and back to its story."""
        if not self.has_replay_permission(request):
            raise PermissionDenied
        row = get_object_or_404(Delivery, pk=pk)
        replays.tell(request, acts.replay(request, [row.id]))
        return _story_of(row)

    def change_view(
        self, request: HttpRequest, object_id: str, *args: Any, **kwargs: Any
    ) -> HttpResponse:
        """To the story it is part of."""
        id_ = _uuid(object_id)
        found = Delivery.objects.filter(pk=id_).first() if id_ else None
        if found is None:
            return redirect("admin:delivery_delivery_changelist")
        return _story_of(found)


def _story_of(row: Delivery) -> HttpResponse:
    """Where it is shown: its notification, or the endpoint that it was to tell."""
    if row.step != CALLBACK:
        return redirect("admin:notifications_notification_change", row.notification_id)
    told = get_object_or_404(Callback, pk=row.id)
    return redirect("admin:notifications_callbackendpoint_change", told.endpoint_id)


def _last_tries(rows: Iterable[Delivery]) -> dict[UUID, Attempt]:
    ids = [row.id for row in rows]
    found = Attempt.objects.filter(delivery_id__in=ids, **within(ids))
    newest = found.order_by("delivery_id", "-created_at", "-id").distinct("delivery_id")
    return {one.delivery_id: one for one in newest}


def _lost(rows: Iterable[Delivery]) -> Counter[UUID]:
    """How many tries ended with the process that made them."""
    ids = [row.id for row in rows]
    found = Attempt.objects.filter(delivery_id__in=ids, code=ANSWER_LOST, **within(ids))
    return Counter(found.values_list("delivery_id", flat=True))


def _filters(request: HttpRequest) -> str:
    """What of the address chooses rows."""
    kept = request.GET.copy()
    for name in set(kept) - set(replays.NAMES):
        del kept[name]
    return kept.urlencode()


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
