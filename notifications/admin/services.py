"""Services, their API keys and guests. A secret is on one page, once, and nowhere else."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import URLPattern, reverse
from django.utils import timezone
from django.utils.html import format_html
from django.views.decorators.http import require_POST
from unfold.admin import TabularInline
from unfold.widgets import (
    UnfoldAdminCheckboxSelectMultipleWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextInputWidget,
)

from notifications.models import ApiKey, Guest, Service
from notifications.services import keys
from notifications.words import Mode
from notifysite.plumbing.desk import DeskAdmin, actor, column
from notifysite.plumbing.problems import Problem


class GuestInline(TabularInline):  # type: ignore[misc] # unfold has no types
    """People whom team keys may reach."""

    model = Guest
    extra = 0
    hide_title = True


class KeyInline(TabularInline):  # type: ignore[misc] # unfold has no types
    """The keys there are; their secrets are not."""

    model = ApiKey
    extra = 0
    hide_title = True
    can_delete = False
    fields = readonly_fields = (
        "label",
        "name",
        "scope_list",
        "created_at",
        "last_used_at",
        "expires_at",
        "standing",
    )
    verbose_name_plural = "API keys"

    def label(self, row: ApiKey) -> str:
        """What people call it."""
        return keys.label(row)

    @column(description="Scopes")
    def scope_list(self, row: ApiKey) -> str:
        """What it may do."""
        return ", ".join(row.scopes)

    @column(description="State")
    def standing(self, row: ApiKey) -> str:
        """Live, with a way to end it; or how it ended."""
        if row.revoked_at:
            return f"revoked {row.revoked_at:%Y-%m-%d}"
        if row.expires_at and row.expires_at <= timezone.now():
            return "expired"
        url = reverse("admin:notifications_service_key", args=[row.service_id, row.pk])
        return format_html('live · <a class="desk-link" href="{}">rotate or revoke</a>', url)

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Keys are issued on a page of their own."""
        return False


class KeyForm(forms.Form):
    """A key to be."""

    name = forms.CharField(
        max_length=120, widget=UnfoldAdminTextInputWidget, help_text="Where it is used."
    )
    mode = forms.TypedChoiceField(
        coerce=int,
        choices=[
            (int(Mode.LIVE), "live: reaches everybody"),
            (int(Mode.TEAM), "team: reaches only the guests of the service"),
            (int(Mode.TEST), "test: reaches nobody, outcomes are simulated"),
        ],
        widget=UnfoldAdminSelectWidget,
    )
    scopes = forms.MultipleChoiceField(
        choices=[(scope, f"{scope}: {about}") for scope, about in keys.SCOPES.items()],
        initial=list(keys.DEFAULT_SCOPES),
        widget=UnfoldAdminCheckboxSelectMultipleWidget,
    )
    expires_at = forms.DateTimeField(
        required=False,
        widget=forms.DateInput(attrs={"type": "date", "class": "desk-input"}),
        label="Expires",
        help_text="A day; leave empty for a key that does not expire.",
    )


@admin.register(Service)
class ServiceAdmin(DeskAdmin):
    """A system that calls the API."""

    list_display = ("name", "key", "active", "created_at")
    search_fields = ("key", "name")
    fields = ("key", "name", "active")
    inlines = (KeyInline, GuestInline)
    change_form_outer_before_template = "notifications/service_keys.html"

    def get_readonly_fields(self, request: HttpRequest, obj: Service | None = None) -> list[str]:
        """The key is in audit trails and figures."""
        return ["key"] if obj else []

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """A service is switched off, never deleted: what it sent names it."""
        return False

    def get_urls(self) -> list[URLPattern]:
        """Issue, look at, rotate and revoke keys."""
        return [
            self.route("<int:pk>/keys/issue/", self.issue_view, "issue"),
            self.route("<int:pk>/keys/<int:key_id>/", self.key_view, "key"),
            self.route(
                "<int:pk>/keys/<int:key_id>/rotate/", require_POST(self.rotate_view), "rotate"
            ),
            self.route(
                "<int:pk>/keys/<int:key_id>/revoke/", require_POST(self.revoke_view), "revoke"
            ),
            *super().get_urls(),
        ]

    def issue_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """A form; then the secret, this once."""
        service = _service(request, pk, "add_apikey")
        form = KeyForm(request.POST or None)
        if request.method == "POST" and form.is_valid():
            said = form.cleaned_data
            try:
                issued = keys.issue(
                    service,
                    mode=Mode(said["mode"]),
                    name=said["name"],
                    scopes=said["scopes"],
                    expires_at=said["expires_at"],
                    actor=actor(request),
                )
            except Problem as problem:
                form.add_error(None, problem.detail)
            else:
                return self._secret_page(request, service, issued)
        return self.page(
            request,
            "notifications/key_form.html",
            title=f"Issue a key for {service.name}",
            service=service,
            form=form,
        )

    def key_view(self, request: HttpRequest, pk: int, key_id: int) -> HttpResponse:
        """One key, and what can be done with it."""
        service = _service(request, pk, "view_apikey")
        key = get_object_or_404(ApiKey, pk=key_id, service=service)
        return self.page(
            request,
            "notifications/key.html",
            title=keys.label(key),
            service=service,
            key=key,
            mode=Mode(key.mode).name.lower(),
            may_rotate=request.user.has_perm("notifications.add_apikey"),
            may_revoke=request.user.has_perm("notifications.change_apikey"),
        )

    def rotate_view(self, request: HttpRequest, pk: int, key_id: int) -> HttpResponse:
        """The successor's secret, this once; the old key lives until it is revoked."""
        service = _service(request, pk, "add_apikey")
        key = get_object_or_404(ApiKey, pk=key_id, service=service)
        try:
            issued = keys.rotate(key, actor=actor(request))
        except Problem as problem:
            messages.error(request, problem.detail)
            return HttpResponseRedirect(_service_url(service))
        return self._secret_page(request, service, issued)

    def revoke_view(self, request: HttpRequest, pk: int, key_id: int) -> HttpResponse:
        """End a key."""
        service = _service(request, pk, "change_apikey")
        key = get_object_or_404(ApiKey, pk=key_id, service=service)
        keys.revoke(key, actor=actor(request))
        messages.success(request, f"{keys.label(key)} ends within five seconds everywhere.")
        return HttpResponseRedirect(_service_url(service))

    def _secret_page(
        self, request: HttpRequest, service: Service, issued: keys.IssuedKey
    ) -> HttpResponse:
        """On the answer itself: not in a message, a session or a log."""
        response = self.page(
            request,
            "notifications/secret.html",
            title="The new key",
            service=service,
            secret=issued.secret,
            label=keys.label(issued.key),
        )
        response.headers["Cache-Control"] = "no-store"
        return response


def _service(request: HttpRequest, pk: int, permission: str) -> Service:
    if not request.user.has_perm(f"notifications.{permission}"):
        raise PermissionDenied
    return get_object_or_404(Service, pk=pk)


def _service_url(service: Service) -> str:
    return reverse("admin:notifications_service_change", args=[service.pk])
