"""Addresses that must not be used: found and set by address, lifted with a reason.

The list holds hashes only. An address is typed into a form that is posted, so it is in no log.
"""

from datetime import date, datetime
from typing import Any, ClassVar

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import URLPattern, reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.views.decorators.http import require_POST
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from delivery import channels, suppression
from delivery.models import Suppression
from delivery.models.suppression import SETTABLE, SuppressionReason
from delivery.suppression import Unwanted
from notifications import suppression_files
from notifications.suppression_files import TYPED, end_of
from notifysite.plumbing.desk import ReadOnlyAdmin, Uncounted, actor, column
from notifysite.plumbing.desk_import import ImportingDesk
from notifysite.plumbing.imports import Outcome
from notifysite.plumbing.sheets import File
from preferences import addresses


class FindForm(forms.Form):
    """An address on a channel."""

    channel = forms.TypedChoiceField(
        coerce=int,
        choices=[(spec.number, spec.label) for spec in TYPED],
        widget=UnfoldAdminSelectWidget,
    )
    address = forms.CharField(
        widget=UnfoldAdminTextInputWidget(attrs={"autocomplete": "off"}),
        help_text="Only its keyed hash is kept.",
    )

    def clean(self) -> dict[str, Any]:
        """Bring the address into its normal form."""
        said = super().clean() or self.cleaned_data
        if "channel" in said and "address" in said:
            spec = channels.by_number(said["channel"])
            try:
                said["hash"] = addresses.normalise(spec, said["address"]).hash
            except addresses.AddressInvalid as error:
                self.add_error("address", error.detail)
        return said


class AddressForm(FindForm):
    """An address, why it must not be used, and how long."""

    reason = forms.TypedChoiceField(
        coerce=lambda value: SuppressionReason(int(value)),
        choices=[(reason.value, reason.label) for reason in SETTABLE],
        widget=UnfoldAdminSelectWidget,
        help_text="A complaint and STOP are a person's own word, and weigh more than the others.",
    )
    note = forms.CharField(
        max_length=400, widget=UnfoldAdminTextInputWidget, help_text="Why it must not be used."
    )
    until = forms.DateField(
        required=False,
        widget=UnfoldAdminTextInputWidget(attrs={"type": "date"}),
        help_text="The last day on which it is not used, in UTC. Empty: for good.",
    )

    def clean_until(self) -> date | None:
        """A day that is over is a mistake."""
        day: date | None = self.cleaned_data["until"]
        if day is not None and day < timezone.now().date():
            raise forms.ValidationError("Name today or a later day, or leave it empty.")
        return day


@admin.register(Suppression)
class SuppressionAdmin(ReadOnlyAdmin, ImportingDesk):
    """By channel, reason, source and date."""

    import_title = "Import suppressions"
    import_columns: ClassVar = {
        "email": "an address; or phone; or address, with a channel beside it",
        "channel": "email, sms, webhook or chat; needed beside address only",
        "reason": "manual, hard_bounce, complaint or stop; without it, manual",
        "expires_at": "the last day, 2027-12-31, or a moment; without it, for good",
        "note": "why, in your own words",
    }
    import_words = "Larger files: manage.py import_suppressions."

    list_display = ("since", "channel_label", "why", "source", "note", "until")
    list_filter = ("channel", "reason")
    list_before_template = "delivery/suppressions.html"
    ordering = ("-id",)
    paginator = Uncounted

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """By address, on a form of its own."""
        return bool(request.user.has_perm("delivery.add_suppression"))

    @column(description="Channel", ordering="channel")
    def channel_label(self, row: Suppression) -> str:
        """The channel's label."""
        return channels.by_number(row.channel).label

    @column(description="Reason", ordering="reason")
    def why(self, row: Suppression) -> str:
        """The reason in words."""
        return row.get_reason_display()

    @column(description="Since", ordering="created_at")
    def since(self, row: Suppression) -> datetime:
        """When it was set."""
        return row.created_at

    @column(description="Until", ordering="expires_at")
    def until(self, row: Suppression) -> str:
        """Its end in words."""
        if row.expires_at is None:
            return "for good"
        moment = date_format(row.expires_at, "DATETIME_FORMAT")
        return moment if row.expires_at > timezone.now() else f"expired {moment}"

    def get_urls(self) -> list[URLPattern]:
        """Look up and lift, both by POST."""
        return [
            self.route("find/", require_POST(self.find_view), "find"),
            self.route("<int:pk>/lift/", require_POST(self.lift_view), "lift"),
            *super().get_urls(),
        ]

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> Any:
        """Newest first, with the form to look an address up."""
        find = {
            "url": reverse("admin:delivery_suppression_find"),
            "label": "Address",
            "channels": [(spec.number, spec.label) for spec in TYPED],
        }
        more = {"find": find, "may_import": self.may_import(request)}
        return super().changelist_view(request, {**(extra_context or {}), **more})

    def take(self, file: File, *, actor: str) -> Outcome:
        """Suppress the addresses of a file."""
        return suppression_files.take(file, actor=actor, now=timezone.now())

    def find_view(self, request: HttpRequest) -> HttpResponse:
        """To the suppression of an address, if there is one."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        form = FindForm(
            {"channel": request.POST.get("channel"), "address": request.POST.get("term")}
        )
        every = reverse("admin:delivery_suppression_changelist")
        if not form.is_valid():
            for errors in form.errors.values():
                messages.warning(request, str(errors[0]))
            return HttpResponseRedirect(every)
        row = Suppression.objects.filter(
            channel=form.cleaned_data["channel"], address_hash=form.cleaned_data["hash"]
        ).first()
        if row is None:
            messages.success(request, "That address is not suppressed.")
            return HttpResponseRedirect(every)
        return HttpResponseRedirect(_url(row))

    def add_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Suppress an address by hand."""
        if not self.has_add_permission(request):
            raise PermissionDenied
        form = AddressForm(request.POST or None)
        if request.method == "POST" and form.is_valid():
            said = form.cleaned_data
            row, _ = suppression.suppress(
                Unwanted(
                    channel=said["channel"],
                    address_hash=said["hash"],
                    reason=said["reason"],
                    source=actor(request),
                    note=said["note"],
                    expires_at=said["until"] and end_of(said["until"]),
                ),
                actor=actor(request),
            )
            messages.success(request, "The address is not used any more.")
            return HttpResponseRedirect(_url(row))
        return self.page(
            request, "delivery/suppression_form.html", title="Suppress an address", form=form
        )

    def change_view(
        self, request: HttpRequest, object_id: str, *args: Any, **kwargs: Any
    ) -> HttpResponse:
        """Why an address is not used, and the form to lift that."""
        row = self.found(request, object_id)
        return self._row_page(request, row)

    def lift_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Let an address be used again; the reason stays in the audit trail."""
        if not request.user.has_perm("delivery.delete_suppression"):
            raise PermissionDenied
        note = request.POST.get("note", "").strip()[:400]
        if not note:
            row = get_object_or_404(Suppression, pk=pk)
            return self._row_page(request, row, fault="Say why it may be used again.")
        suppression.lift(pk, actor=actor(request), note=note)
        messages.success(request, "The address may be used again.")
        return HttpResponseRedirect(reverse("admin:delivery_suppression_changelist"))

    def _row_page(self, request: HttpRequest, row: Suppression, *, fault: str = "") -> HttpResponse:
        return self.page(
            request,
            "delivery/suppression.html",
            title=f"{channels.by_number(row.channel).label}: {row.get_reason_display()}",
            status=422 if fault else 200,
            row=row,
            channel=channels.by_number(row.channel).label,
            fault=fault,
            may_lift=request.user.has_perm("delivery.delete_suppression"),
        )


def _url(row: Suppression) -> str:
    return reverse("admin:delivery_suppression_change", args=[row.pk])
