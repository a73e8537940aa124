"""Support's view of people."""

from collections.abc import Mapping
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern, reverse
from django.utils import timezone
from django.views.decorators.http import require_POST

from delivery import channels
from notifysite.plumbing import audit
from notifysite.plumbing.crypto import DataKey
from notifysite.plumbing.desk import ReadOnlyAdmin, Uncounted, actor, column
from preferences import addresses, categories, directory, profile, wishes
from preferences.models import Address, Recipient


class RecipientAdmin(ReadOnlyAdmin):
    """People: masked until somebody with the right asks, and that is written down.

    Addresses are looked up by POST, so that none of them ends in a log of requests.
    """

    list_display = ("name", "locale", "timezone", "created_at", "changed_at", "standing")
    list_before_template = "admin/find.html"
    ordering = ("-id",)
    paginator = Uncounted
    find_label = "User id, email address or phone number"

    @column(description="User id")
    def name(self, row: Recipient) -> str:
        """The caller's own id of the person."""
        return str(row)

    @column(description="State", label={"erased": "danger", "paused": "warning"})
    def standing(self, row: Recipient) -> str:
        """Erased or paused, if so."""
        if row.erased_at:
            return "erased"
        return "paused" if row.paused_until and row.paused_until > timezone.now() else ""

    def get_urls(self) -> list[URLPattern]:
        """Look up and reveal, both by POST."""
        own = [
            self.route("find/", require_POST(self.find_view), "find"),
            self.route("<int:pk>/reveal/", require_POST(self.reveal_view), "reveal"),
        ]
        return [*own, *super().get_urls()]

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> Any:
        """Newest first, with the form to look somebody up."""
        find = {"url": reverse("admin:preferences_recipient_find"), "label": self.find_label}
        return super().changelist_view(request, {**(extra_context or {}), "find": find})

    def find_view(self, request: HttpRequest) -> HttpResponse:
        """To the person's page, if there is one."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        found = find_people(request.POST.get("term", "").strip())
        if len(found) == 1:
            return redirect("admin:preferences_recipient_change", found[0].pk)
        if not found:
            messages.warning(request, "Nobody is known by that.")
            return redirect("admin:preferences_recipient_changelist")
        return self.page(request, "preferences/several.html", title="Several people", people=found)

    def change_view(
        self, request: HttpRequest, object_id: str, *args: Any, **kwargs: Any
    ) -> HttpResponse:
        """The person, masked."""
        return self._person_page(request, self.found(request, object_id), reveal=False)

    def reveal_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """The same page in clear, this once; the audit trail remembers who asked."""
        if not self._may_reveal(request):
            raise PermissionDenied
        recipient = self.found(request, str(pk))
        audit.record(
            actor=actor(request),
            action="recipient.revealed",
            target=f"recipient:{recipient.pk}",
            subject=recipient.subject,
        )
        response = self._person_page(request, recipient, reveal=True)
        response.headers["Cache-Control"] = "no-store"
        return response

    def around(self, request: HttpRequest, recipient: Recipient) -> Mapping[str, Any]:
        """What rooms above know about the person."""
        return {}

    def _person_page(
        self, request: HttpRequest, recipient: Recipient, *, reveal: bool
    ) -> HttpResponse:
        listed = directory.find_one(pk=recipient.pk)
        return self.page(
            request,
            "preferences/recipient.html",
            title=str(recipient),
            recipient=recipient,
            revealed=reveal,
            may_reveal=self._may_reveal(request) and listed is not None,
            person=_person(listed, reveal=reveal) if listed else None,
            matrix=_matrix(recipient),
            channels=[spec.label for spec in channels.every()],
            **self.around(request, recipient),
        )

    @staticmethod
    def _may_reveal(request: HttpRequest) -> bool:
        return request.user.has_perm("preferences.view_address")


def find_people(term: str) -> list[Recipient]:
    """Who has this user id, or this address in use: by hash, so no address is read."""
    by_address = Address.objects.filter(hash__in=_hashes(term), retired_at__isnull=True)
    found = {row.pk: row for row in Recipient.objects.filter(user_id=term)}
    for row in Recipient.objects.filter(pk__in=by_address.values("recipient_id"))[:50]:
        found[row.pk] = row
    return list(found.values())


def _hashes(term: str) -> list[bytes]:
    found = []
    for read in (addresses.email, addresses.phone):
        try:
            found.append(read(term).hash)
        except addresses.AddressInvalid:
            continue
    return found


MASK = "•••"


def _person(listed: directory.Listed, *, reveal: bool) -> dict[str, Any]:
    about = profile.decrypt(listed.recipient.profile, listed.key)
    rows = Address.objects.filter(recipient=listed.recipient).order_by("-id")[:50]
    return {
        "name": about.name if reveal or not about.name else about.name[:1] + MASK,
        "attributes": {
            name: value if reveal else MASK for name, value in sorted(about.attributes.items())
        },
        "addresses": [
            {
                "row": row,
                "channel": channels.by_number(row.channel).label,
                "value": _shown(row, listed.key, reveal=reveal),
            }
            for row in rows
        ],
    }


def _shown(row: Address, key: DataKey, *, reveal: bool) -> str:
    """Enough to recognise; a device's token is nobody's business at all."""
    if row.channel not in (channels.EMAIL.number, channels.SMS.number, channels.WEBHOOK.number):
        return "a device"
    value = addresses.decrypt(row.value, key)
    if reveal:
        return value
    if row.channel == channels.EMAIL.number:
        return f"{value[:1]}{MASK}@{MASK}.{value.rpartition('.')[2]}"
    return f"{value[:3]}{MASK}{value[-2:]}" if row.channel == channels.SMS.number else MASK


def _matrix(recipient: Recipient) -> list[dict[str, Any]]:
    """Category by channel: what holds, and whose word it is."""
    known = categories.every()
    said = wishes.load([recipient.pk])[recipient.pk]
    shown = wishes.effective(said, known, now=timezone.now())["categories"]
    return [
        {"category": key, "cells": list(one["channels"].values()), "until": one["snoozed_until"]}
        for key, one in shown.items()
    ]
