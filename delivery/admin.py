"""Operators' tables of delivery: routes, processes, the outbox, the audit trail."""

from datetime import timedelta
from typing import Any, ClassVar
from uuid import UUID

from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import URLPattern, reverse
from django.utils import timezone
from django.utils.html import format_html
from unfold.widgets import UnfoldAdminSelectWidget

from delivery import channels, prices, registry, sandbox, showing
from delivery.lifecycle import OutcomeKind
from delivery.models import AuditEntry, Heartbeat, MessagePrice, OutboxMessage, Route
from notifysite.plumbing.desk import DeskAdmin, ReadOnlyAdmin, Uncounted, column
from notifysite.plumbing.desk_import import ImportingDesk
from notifysite.plumbing.imports import Outcome
from notifysite.plumbing.sheets import File

SILENT_AFTER = timedelta(minutes=1)


class RouteForm(forms.ModelForm):  # type: ignore[type-arg] # not generic at run time
    """A route names one of the aliases that settings configure."""

    provider = forms.ChoiceField(
        widget=UnfoldAdminSelectWidget, help_text="The aliases of DELIVERY_PROVIDERS."
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["provider"]
        field.choices = _aliases()  # type: ignore[attr-defined]


def _aliases() -> list[tuple[str, str]]:
    carried: dict[str, list[str]] = {}
    for spec in channels.every():
        for alias in registry.aliases(spec):
            carried.setdefault(alias, []).append(spec.label)
    return [(alias, f"{alias} ({', '.join(labels)})") for alias, labels in carried.items()]


@admin.register(Route)
class RouteAdmin(DeskAdmin):
    """Which provider takes a channel, in which order. Without rows the settings hold."""

    form = RouteForm
    list_before_template = "delivery/routes.html"
    list_display = ("name", "provider", "position", "weight", "enabled")
    list_filter = ("channel",)

    @column(description="Channel", ordering="channel")
    def name(self, row: Route) -> str:
        """The channel's label."""
        return channels.by_number(row.channel).label


@admin.register(MessagePrice)
class MessagePriceAdmin(ImportingDesk):
    """What messages roughly cost, by channel and country."""

    import_title = "Import prices"
    import_columns: ClassVar = {
        "channel": "sms, email, …",
        "prefix": "the beginning of numbers, +49 or 49; empty for any, and on other channels",
        "price": "per segment of an SMS, per message else, as 0.075; empty where it is unknown",
        "currency": "EUR, USD, …",
        "as_of": "the day on which it was looked up, 2026-01-31",
    }
    import_words = "An older price does not replace a newer one."
    list_before_template = "delivery/prices.html"
    list_display = ("name", "prefix", "amount", "currency", "as_of")
    list_filter = ("channel",)
    ordering = ("channel", "prefix")

    @column(description="Channel", ordering="channel")
    def name(self, row: MessagePrice) -> str:
        """The channel's label."""
        return channels.by_number(row.channel).label

    def take(self, file: File, *, actor: str) -> Outcome:
        """Set the prices of a file."""
        return prices.take(file, actor=actor)


@admin.register(Heartbeat)
class HeartbeatAdmin(ReadOnlyAdmin):
    """The processes that run, and when each was last heard of."""

    list_display = ("name", "kind", "well", "at", "consumed_at")
    ordering = ("kind", "name")

    @column(description="State", label={"alive": "success", "silent": "danger"})
    def well(self, row: Heartbeat) -> str:
        """Whether it was heard of in the last minute."""
        return "alive" if timezone.now() - row.at < SILENT_AFTER else "silent"


@admin.register(AuditEntry)
class AuditEntryAdmin(ReadOnlyAdmin):
    """Who did what. Rows are only ever added; the database refuses the rest."""

    list_display = ("at", "actor", "action", "target", "subject")
    search_fields = ("target",)
    search_help_text = "A whole target, such as template:12, or a person's subject id."
    ordering = ("-id",)
    paginator = Uncounted

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[AuditEntry], search_term: str
    ) -> tuple[QuerySet[AuditEntry], bool]:
        """Whole words only: both have an index."""
        if not search_term:
            return queryset, False
        try:
            return queryset.filter(subject=UUID(search_term.strip())), False
        except ValueError:
            return queryset.filter(target=search_term.strip()), False


@admin.register(OutboxMessage)
class OutboxAdmin(ReadOnlyAdmin):
    """What the sandbox took instead of a provider, as people would see it."""

    list_display = ("created_at", "name", "to", "about", "outcome_word")
    list_display_links = ("created_at", "about")
    list_filter = ("channel",)
    ordering = ("-id",)
    paginator = Uncounted

    def prepare(self, rows: list[OutboxMessage]) -> None:
        """Read what the page's messages say, with one query for their keys."""
        said = sandbox.read(rows)
        for row in rows:
            row.said = said.get(row.pk, {})  # type: ignore[attr-defined]

    @column(description="Channel", ordering="channel")
    def name(self, row: OutboxMessage) -> str:
        """The channel's label."""
        return channels.by_number(row.channel).label

    @column(description="To")
    def to(self, row: OutboxMessage) -> str:
        """The address, or what a device's is: too long to show."""
        address: str = row.said.get("address", "")  # type: ignore[attr-defined]
        return address if len(address) <= 60 else "a device"

    @column(description="Message")
    def about(self, row: OutboxMessage) -> str:
        """Its first words."""
        said = row.said  # type: ignore[attr-defined]
        words = said.get("subject") or said.get("title") or said.get("text", "")
        return words[:80] or "(can no longer be read)"

    @column(description="Outcome", label={"delivered": "success", "accepted": "info"})
    def outcome_word(self, row: OutboxMessage) -> str:
        """What the simulated provider answered."""
        return OutcomeKind(row.outcome).name.lower().replace("_", " ")

    def get_urls(self) -> list[URLPattern]:
        """Each message has a frame of its own."""
        frame = self.route("<int:pk>/frame/", self.frame_view, "frame")
        return [frame, *super().get_urls()]

    def change_view(
        self, request: HttpRequest, object_id: str, *args: Any, **kwargs: Any
    ) -> HttpResponse:
        """The message with its headers."""
        row = self._row(request, object_id)
        if row is None:
            raise Http404
        spec = channels.by_number(row.channel)
        return self.page(
            request,
            "delivery/outbox_message.html",
            title=f"{spec.label} message",
            row=row,
            said=sandbox.read([row]).get(row.pk),
            outcome=self.outcome_word(row),
            wide=spec == channels.EMAIL,
            frame=reverse("admin:delivery_outboxmessage_frame", args=[row.pk]),
            story=_story_link(row),
        )

    def frame_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """The message alone, held."""
        row = self._row(request, str(pk))
        if row is None:
            raise Http404
        said = sandbox.read([row]).get(row.pk)
        if said is None:
            return showing.sorry("The person was erased, so nobody can read this any more.")
        return showing.frame(row.channel, said)

    def _row(self, request: HttpRequest, id_: str) -> OutboxMessage | None:
        row: OutboxMessage | None = self.get_object(request, id_)
        if not self.has_view_permission(request, row):
            raise PermissionDenied
        return row


def _story_link(row: OutboxMessage) -> str:
    url = reverse("admin:notifications_notification_change", args=[row.notification_id])
    return format_html('<a class="desk-link" href="{}">What became of it</a>', url)
