"""Layouts: the frame around emails, in versions. Templates take one up when next published."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import Max
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import URLPattern, reverse
from django.views.decorators.http import require_POST
from unfold.widgets import UnfoldAdminTextareaWidget

from delivery import showing
from notifications.admin import previews
from notifications.catalog import publish
from notifications.models import Layout, LayoutVersion, Template, VersionState
from notifications.rendering import checks, compile
from notifications.rendering.email import BARE_LAYOUT
from notifications.rendering.errors import Problem, RenderError, TemplateRejected
from notifications.rendering.render import render
from notifysite.plumbing.desk import DeskAdmin, actor, column

SAMPLE = {
    "subject": "A sample",
    "preheader": "What follows the subject.",
    "body": "<h1>A heading</h1><p>Dear {{ recipient.name | default: 'you' }}, this is the body of"
    ' a message. It has <a href="https://example.com/">a link</a>.</p>',
}


class SourceForm(forms.Form):
    """MJML with {{ content }} where the body goes."""

    source = forms.CharField(
        strip=False,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 26, "class": "desk-mono"}),
        help_text="MJML. {{ content }} is where the body goes, {{ preheader }} the preheader; "
        "brand.* and links.* may be used.",
    )

    def text(self) -> str:
        """What was typed, with plain line ends."""
        source: str = self.cleaned_data.get("source") or ""
        return source.replace("\r\n", "\n")


@admin.register(Layout)
class LayoutAdmin(DeskAdmin):
    """A key and a name; the MJML is written on a page of its own."""

    list_display = ("name", "key", "standing")
    search_fields = ("key", "name")
    fields = ("key", "name")
    change_form_outer_after_template = "notifications/layout_link.html"

    def get_queryset(self, request: HttpRequest) -> Any:
        """With when each was last published."""
        return super().get_queryset(request).annotate(latest=Max("versions__published_at"))

    @column(description="Published")
    def standing(self, row: Any) -> Any:
        """When it was last published."""
        return row.latest

    def get_readonly_fields(self, request: HttpRequest, obj: Layout | None = None) -> list[str]:
        """The key is a name in files."""
        return ["key"] if obj else []

    def has_delete_permission(self, request: HttpRequest, obj: Layout | None = None) -> bool:
        """Only what no template uses."""
        may = super().has_delete_permission(request, obj)
        return bool(may and obj and not Template.objects.filter(layout=obj).exists())

    def response_add(self, request: HttpRequest, obj: Layout, post_url_continue: Any = None) -> Any:
        """From its name on to its source."""
        return HttpResponseRedirect(_url(obj))

    def get_urls(self) -> list[URLPattern]:
        """The editor of the source, and its preview."""
        preview = require_POST(self.preview_view)
        return [
            self.route("<int:pk>/source/", self.source_view, "source"),
            self.route("<int:pk>/preview/", preview, "preview"),
            *super().get_urls(),
        ]

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> Any:
        """With a link to the source."""
        link = {"source_url": reverse("admin:notifications_layout_source", args=[object_id])}
        return super().change_view(request, object_id, form_url, {**(extra_context or {}), **link})

    def source_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Write, check, save a draft, publish."""
        layout = self._layout(request, pk)
        if request.method != "POST":
            return self._page(request, layout, SourceForm(initial={"source": _latest(layout)}))
        if not request.user.has_perm("notifications.change_layout"):
            raise PermissionDenied
        form = SourceForm(request.POST)
        if not form.is_valid():
            return self._page(request, layout, form, status=422)
        found = problems(form.text())
        if "_publish" not in request.POST:
            _save_draft(layout, form.text(), request.user)
            messages.success(request, "The draft is saved.")
            return HttpResponseRedirect(_url(layout))
        return self._publish(request, layout, form, found)

    def _publish(
        self, request: HttpRequest, layout: Layout, form: SourceForm, found: list[Problem]
    ) -> HttpResponse:
        if not request.user.has_perm("notifications.change_layoutversion"):
            raise PermissionDenied
        errors = [problem for problem in found if problem.level == "error"]
        if errors:
            _save_draft(layout, form.text(), request.user)
            messages.error(request, "The draft is saved, but cannot be published yet:")
            for problem in errors:
                messages.error(request, previews.say(problem))
            return HttpResponseRedirect(_url(layout))
        with transaction.atomic():
            _drafts(layout).delete()
            version = publish.publish_layout(
                layout, form.text(), actor=actor(request), author=request.user
            )
        messages.success(
            request,
            f"Version {version.number} is published. Templates take it up when next published.",
        )
        return HttpResponseRedirect(_url(layout))

    def preview_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """A sample email in this frame, held; nothing is saved."""
        self._layout(request, pk)
        form = SourceForm(request.POST)
        form.is_valid()
        try:
            form_ = compile.publish(SAMPLE, channels=["email"], layout=form.text(), locale="en")
            made = render(form_, previews.variables(Template(locale="en"), {}), channel="email")
        except TemplateRejected as error:
            return showing.sorry(f"There is nothing to see yet. {previews.say(error.problems[0])}")
        except RenderError as error:
            return showing.sorry(f"There is nothing to see yet. {error}")
        return showing.framed(made.html)

    def _layout(self, request: HttpRequest, pk: int) -> Layout:
        if not self.has_view_permission(request):
            raise PermissionDenied
        return get_object_or_404(Layout, pk=pk)

    def _page(
        self, request: HttpRequest, layout: Layout, form: SourceForm, *, status: int = 200
    ) -> HttpResponse:
        form.is_valid()
        text = form.text() if form.is_bound else form.initial["source"]
        return self.page(
            request,
            "notifications/layout.html",
            title=f"Layout {layout.name}",
            status=status,
            layout=layout,
            form=form,
            shown={"problems": problems(text)},
            versions=layout.versions.select_related("author")[:50],
            preview=reverse("admin:notifications_layout_preview", args=[layout.pk]),
            may_write=request.user.has_perm("notifications.change_layout"),
            may_publish=request.user.has_perm("notifications.change_layoutversion"),
        )


def problems(source: str) -> list[Problem]:
    """What is wrong with a layout, seen with a sample body."""
    if not source.strip():
        return [Problem(level="error", where="layout", message="This is empty.")]
    return checks.problems("email", SAMPLE, layout=source)


def _latest(layout: Layout) -> str:
    """The draft, else what is published, else the built-in frame to begin with."""
    for rows in (_drafts(layout), layout.versions.filter(state=VersionState.PUBLISHED)):
        if (source := rows.values_list("source", flat=True).first()) is not None:
            return str(source)
    return BARE_LAYOUT


def _drafts(layout: Layout) -> Any:
    return layout.versions.filter(state__in=publish.DRAFTS)


def _save_draft(layout: Layout, source: str, author: Any) -> None:
    with transaction.atomic():
        Layout.objects.select_for_update(no_key=True).get(pk=layout.pk)
        last = layout.versions.aggregate(last=Max("number"))["last"] or 0
        if not _drafts(layout).update(source=source, author=author):
            LayoutVersion.objects.create(
                layout=layout, number=last + 1, source=source, author=author
            )


def _url(layout: Layout) -> str:
    return reverse("admin:notifications_layout_source", args=[layout.pk])
