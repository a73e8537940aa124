"""People as support sees them: with what was sent to them lately, and the way to erase them."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import URLPattern, reverse
from django.utils import timezone

from notifications import reading
from notifysite.plumbing.desk import actor
from preferences import privacy
from preferences.admin.people import RecipientAdmin
from preferences.models import Recipient

SINCE = timedelta(days=30)
SHOWN = 10


@admin.register(Recipient)
class PersonAdmin(RecipientAdmin):
    """A recipient with the notifications they got."""

    def get_urls(self) -> list[URLPattern]:
        """Erasure has a page of its own."""
        erase = self.route("<int:pk>/erase/", self.erase_view, "erase")
        return [erase, *super().get_urls()]

    def around(self, request: HttpRequest, recipient: Recipient) -> Mapping[str, Any]:
        """The latest notifications, and what else may be done."""
        may = request.user.has_perm
        more: dict[str, Any] = {
            "may_erase": may("preferences.delete_recipient") and not recipient.erased_at
        }
        if not may("notifications.view_notification") or not recipient.user_id:
            return more
        wanted = reading.Wanted(
            service_id=None, since=timezone.now() - SINCE, user_id=recipient.user_id
        )
        every = reverse("admin:notifications_notification_changelist")
        return {
            **more,
            "recent": reading.page(wanted, size=SHOWN).rows,
            "all_url": f"{every}?person={recipient.pk}",
        }

    def erase_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Ask once, then erase: nobody can bring them back."""
        if not request.user.has_perm("preferences.delete_recipient"):
            raise PermissionDenied
        recipient = get_object_or_404(Recipient, pk=pk, user_id__isnull=False)
        user_id = str(recipient.user_id)
        if request.method == "POST" and request.POST.get("confirm") == user_id:
            privacy.erase(user_id, actor=actor(request), now=timezone.now())
            messages.success(request, "The person is erased.")
            url = reverse("admin:preferences_recipient_change", args=[pk])
            return HttpResponseRedirect(url)
        return self.page(
            request,
            "preferences/erase.html",
            title=f"Erase {recipient}",
            recipient=recipient,
            wrong=request.method == "POST",
        )
