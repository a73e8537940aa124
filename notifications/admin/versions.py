"""The versions of a template: read, looked at, and brought back as a draft; never changed."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.contrib import messages
from django.contrib.auth import get_user_model
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import URLPattern, reverse
from django.views.decorators.http import require_POST

from delivery import channels, showing
from delivery.models import AuditEntry
from notifications.admin import previews
from notifications.admin.matrix import editor_url
from notifications.admin.places import Place
from notifications.catalog import publish
from notifications.models import Template, TemplateVersion, VersionState
from notifysite.plumbing.desk import DeskAdmin

SHOWN = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A version in the list; `by` is who published it."""

    version: TemplateVersion
    word: str
    by: str
    at: datetime | None
    url: str


def of(template: Template) -> list[Line]:
    """The latest versions, newest first; four queries."""
    if template._state.adding:
        return []
    rows = list(template.versions.select_related("author").defer("compiled", "source")[:SHOWN])
    published_by = _publishers(f"template:{template.pk}")
    spec = channels.written(template.channel)
    return [
        Line(
            version=row,
            word=VersionState(row.state).label,
            by=published_by.get(row.number, ""),
            at=row.published_at or row.created_at,
            url=_url(template, spec.key, row.number, "version"),
        )
        for row in rows
    ]


def _publishers(target: str) -> dict[int, str]:
    """Who published which number, from the audit trail."""
    rows = AuditEntry.objects.filter(target=target, action="template.publish").order_by("id")
    actors = {row.detail["version"]: row.actor for row in rows if row.detail}
    staff = [
        int(id_) for kind, _, id_ in (one.partition(":") for one in actors.values())
        if kind == "admin" and id_.isdigit()
    ]  # fmt: skip
    names = {
        f"admin:{user.pk}": user.get_username()
        for user in get_user_model().objects.filter(pk__in=staff)
    }
    return {number: names.get(one, one) for number, one in actors.items()}


class Versions:
    """The pages of versions, below those of the template."""

    def __init__(self, desk: DeskAdmin) -> None:
        self._desk = desk

    def urls(self, base: str) -> list[URLPattern]:
        """What is mounted below a template's address."""
        below = f"{base}versions/<int:number>/"
        restore = require_POST(self.restore)
        return [
            self._desk.route(below, self.show, "version"),
            self._desk.route(f"{below}frame/", self.frame, "version_frame"),
            self._desk.route(f"{below}restore/", restore, "version_restore"),
        ]

    def show(self, request: HttpRequest, **where: Any) -> HttpResponse:
        """Its source, and what it says with today's sample."""
        version = _find(request, "view_template", **where)
        template, spec = version.template, channels.written(version.template.channel)
        place, frame = _place(version), _url(template, spec.key, version.number, "version_frame")
        on = place.on(request.GET.get("on", ""))
        return self._desk.page(
            request,
            "notifications/version.html",
            title=f"{template.type.name}: {spec.label}, {template.locale}, v{version.number}",
            version=version,
            word=VersionState(version.state).label,
            by=_publishers(f"template:{template.pk}").get(version.number, ""),
            shown=previews.of(version, template.type.sample_data, on=on),
            place=place,
            on=on,
            frame=f"{frame}?on={on.key}",
            restore=_url(template, spec.key, version.number, "version_restore"),
            words=editor_url(template.type_id, spec.key, template.locale),
            may_write=request.user.has_perm("notifications.change_template"),
            is_draft=version.state in publish.DRAFTS,
            has_draft=template.versions.filter(state__in=publish.DRAFTS).exists(),
        )

    def frame(self, request: HttpRequest, **where: Any) -> HttpResponse:
        """The message alone, held."""
        version = _find(request, "view_template", **where)
        on = _place(version).on(request.GET.get("on", ""))
        shown = previews.of(version, version.template.type.sample_data, on=on)
        if shown.rendered is None:
            return showing.sorry(f"There is nothing to see. {shown.why_not}")
        return showing.frame(on.number, shown.content)

    def restore(self, request: HttpRequest, **where: Any) -> HttpResponse:
        """Its text becomes the draft; the version itself stays as it is."""
        version = _find(request, "change_template", **where)
        publish.draft(version.template, version.source, author=request.user)
        messages.success(request, f"The text of version {version.number} is the draft now.")
        spec = channels.written(version.template.channel)
        template = version.template
        return HttpResponseRedirect(editor_url(template.type_id, spec.key, template.locale))


def _find(
    request: HttpRequest, permission: str, *, type_id: int, channel: str, locale: str, number: int
) -> TemplateVersion:
    if not request.user.has_perm(f"notifications.{permission}"):
        raise PermissionDenied
    rows = TemplateVersion.objects.select_related(
        "template__type__category", "template__layout", "author"
    )
    known = {spec.key: spec.number for spec in channels.writable()}
    return get_object_or_404(
        rows,
        template__type_id=type_id,
        template__channel=known.get(channel, -1),
        template__locale=locale,
        number=number,
    )


def _place(version: TemplateVersion) -> Place:
    template = version.template
    return Place(template.type, channels.written(template.channel), template)


def _url(template: Template, channel: str, number: int, page: str) -> str:
    return reverse(
        f"admin:notifications_notificationtype_{page}",
        args=[template.type_id, channel, template.locale, number],
    )
