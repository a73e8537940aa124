"""Providers: how each is on each channel, and what operators do about it."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect
from django.urls import URLPattern, reverse

from delivery import channels, overview, registry, standing, steering
from delivery.channels import ChannelSpec
from delivery.health import Way
from delivery.models import Breaker
from delivery.standing import Standing
from notifications import figures
from notifications.admin import standings, switches
from notifications.admin.deeds import DEEDS, Deed
from notifysite.plumbing.desk import ReadOnlyAdmin, actor

REFRESH_SECONDS = 5
_SHARE = 0.95
STEER = "delivery.steer_provider"


@admin.register(Breaker)
class ProviderAdmin(ReadOnlyAdmin):
    """One page for all of them: there are few, and at night they are looked at together."""

    def get_urls(self) -> list[URLPattern]:
        """A page for each deed."""
        deed = self.route("<slug:channel>/<path:alias>/<slug:key>/", self.deed_view, "deed")
        return [deed, *super().get_urls()]

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        """Every provider on every channel, the troubled channels told first."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        found = overview.read()
        entries = [entry for one in found for entry in one.history]
        shown = standings.by_channel(
            found, quick=figures.answered_within(_SHARE), names=switches.names(entries)
        )
        return self.page(
            request,
            "delivery/providers.html",
            title="Providers",
            at=found[0].standing.at if found else None,
            every=REFRESH_SECONDS,
            channels=shown,
            troubled=sorted((one for one in shown if one.troubled), key=lambda one: one.urgency),
            may_steer=request.user.has_perm(STEER),
            may_see_routes=request.user.has_perm("delivery.view_route"),
        )

    def change_view(
        self, request: HttpRequest, object_id: str, *args: Any, **kwargs: Any
    ) -> HttpResponse:
        """All are on one page."""
        return redirect(_page())

    def deed_view(self, request: HttpRequest, channel: str, alias: str, key: str) -> HttpResponse:
        """What a deed means, and the deed."""
        if not request.user.has_perm(STEER):
            raise PermissionDenied
        spec, way, deed = _asked(channel, alias, key)
        form = deed.form(request.POST or None) if deed.form else None
        if request.method == "POST" and (form is None or form.is_valid()):
            said = form.cleaned_data if form else {}
            if deed.does(way, actor=actor(request), **said):
                messages.success(request, f"{alias} on {spec.label} {deed.done}")
            else:
                messages.info(request, f"{alias} on {spec.label} {deed.undone}")
            return HttpResponseRedirect(f"{_page()}#{channel}")
        return self._ask(request, spec, way, deed, form)

    def _ask(
        self,
        request: HttpRequest,
        spec: ChannelSpec,
        way: Way,
        deed: Deed,
        form: forms.Form | None,
    ) -> HttpResponse:
        route = standing.read(channel=spec.number)
        one = next(one for one in route if one.way == way)
        return self.page(
            request,
            "delivery/provider_deed.html",
            title=f"{deed.label} {way.alias} on {spec.label}",
            status=422 if form and form.errors else 200,
            deed=deed,
            form=_begun(form, one),
            means=list(deed.means(one, route)) if deed.means else [],
            back=f"{_page()}#{spec.key}",
        )


def _begun(form: forms.Form | None, one: Standing) -> forms.Form | None:
    if form is not None and "weight" in form.fields and one.turn:
        form.initial["weight"] = one.turn.weight
    return form


def _asked(channel: str, alias: str, key: str) -> tuple[ChannelSpec, Way, Deed]:
    try:
        spec, deed = channels.by_key(channel), DEEDS[key]
    except (channels.UnknownChannel, KeyError):
        raise Http404 from None
    if alias not in steering.carriers(spec.number) or alias == registry.TEST:
        raise Http404(f"No provider {alias!r} carries {spec.label}.")
    return spec, Way(alias, spec.number), deed


def _page() -> str:
    return reverse("admin:delivery_breaker_changelist")
