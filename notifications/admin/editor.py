"""The editor of a template: write, see what is wrong, see what it looks like, publish.

What was typed is never lost: a draft takes any text, and an answer that is refused brings it back.
"""

from collections.abc import Callable
from dataclasses import asdict
from functools import wraps
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.urls import URLPattern
from django.views.decorators.http import require_POST

from delivery import showing
from delivery.channels import ChannelSpec
from notifications.admin import previews, versions
from notifications.admin.places import Place, others
from notifications.admin.samples import check_sample
from notifications.admin.words import WordsForm, fingerprint, written
from notifications.catalog import publish
from notifications.models import NotificationType, Template, TemplateVersion
from notifications.rendering.errors import TemplateRejected
from notifysite.plumbing.desk import DeskAdmin, actor

SEE, WRITE, PUBLISH = "view_template", "change_template", "change_templateversion"


def needs(permission: str) -> Callable[[Callable[..., HttpResponse]], Callable[..., HttpResponse]]:
    """Refuse who lacks a permission of ours, before anything is read."""

    def decorate(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
        @wraps(view)
        def checked(self: Any, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            if not request.user.has_perm(f"notifications.{permission}"):
                raise PermissionDenied
            return view(self, request, *args, **kwargs)

        return checked

    return decorate


class Editor:
    """The pages of a template, below its type."""

    def __init__(self, desk: DeskAdmin) -> None:
        self._desk = desk

    def urls(self) -> list[URLPattern]:
        """What is mounted below `notificationtype/`."""
        base = "<int:type_id>/words/<slug:channel>/<locale:locale>/"
        safe = [("words", "", self.words), ("check", "check/", require_POST(self.check))]
        safe += [
            ("preview", "preview/", require_POST(self.preview)),
            ("publish", "publish/", require_POST(self.publish)),
        ]
        pages = versions.Versions(self._desk).urls(base)
        return [self._desk.route(base + path, view, name) for name, path, view in safe] + pages

    @needs(SEE)
    def words(self, request: HttpRequest, **where: Any) -> HttpResponse:
        """The page itself; POST saves the draft, and publishes it if that was pressed."""
        place = Place.find(**where)
        if request.method != "POST":
            return self._page(request, place, self._form(place))
        if not request.user.has_perm(f"notifications.{WRITE}"):
            raise PermissionDenied
        return self._save(request, place)

    @needs(SEE)
    def check(self, request: HttpRequest, **where: Any) -> HttpResponse:
        """What is wrong with the text as it stands, and how it begins."""
        place = Place.find(**where)
        shown = self._shown(place, self._form(place, request.POST), on=_on(request, place))
        return JsonResponse(
            {
                "problems": [asdict(one) | {"said": previews.say(one)} for one in shown.problems],
                "failure": shown.failure,
                **{name: shown.content.get(name, "") for name in ("subject", "preheader", "text")},
            }
        )

    @needs(SEE)
    def preview(self, request: HttpRequest, **where: Any) -> HttpResponse:
        """The message alone, held, from the text as it stands; nothing is saved."""
        place = Place.find(**where)
        on = _on(request, place)
        shown = self._shown(place, self._form(place, request.POST), on=on)
        if shown.rendered is None:
            return showing.sorry(f"There is nothing to see yet. {shown.why_not}")
        return showing.frame(on.number, shown.content)

    @needs(PUBLISH)
    def publish(self, request: HttpRequest, **where: Any) -> HttpResponse:
        """Publish the draft that is saved."""
        place = Place.find(**where)
        draft = place.draft()
        if draft is None:
            messages.warning(request, "There is no draft to publish.")
        else:
            _publish(request, draft)
        return HttpResponseRedirect(place.url())

    def _form(self, place: Place, data: Any = None) -> WordsForm:
        draft = place.draft()
        source = place.source()
        return WordsForm(
            data,
            channel=place.channel,
            initial={
                **written(source),
                "layout": place.template.layout_id,
                "note": draft.note if draft else "",
                "sample_data": place.kind.sample_data,
                "base": fingerprint(source),
            },
        )

    def _shown(self, place: Place, form: WordsForm, *, on: ChannelSpec) -> previews.Preview:
        """What the form would say; what of it cannot be read is left as it is saved."""
        if not form.is_bound:
            version = place.version(place.source(), place.template.layout)
            return previews.of(version, place.kind.sample_data, on=on)
        form.is_valid()
        version = place.version(form.source(), form.cleaned_data.get("layout"))
        return previews.of(version, _sample(form, place), on=on)

    def _save(self, request: HttpRequest, place: Place) -> HttpResponse:
        form = self._form(place, request.POST)
        if not (form.is_valid() and self._sample_is_good(request, place, form)):
            messages.error(request, "Not saved yet: see below. Your text is still here.")
            return self._page(request, place, form, status=422)
        if _overtaken(place, form):
            return self._overtaken_page(request, place, form)
        draft = _write(request, place, form)
        if "_publish" in request.POST:
            if not request.user.has_perm(f"notifications.{PUBLISH}"):
                raise PermissionDenied
            _publish(request, draft)
        else:
            messages.success(request, "The draft is saved.")
        return HttpResponseRedirect(place.url())

    def _sample_is_good(self, request: HttpRequest, place: Place, form: WordsForm) -> bool:
        sample = form.cleaned_data["sample_data"] or {}
        if sample == place.kind.sample_data:
            return True
        try:
            check_sample(sample, place.kind.data_schema)
        except ValidationError as error:
            form.add_error("sample_data", error)
            return False
        if not request.user.has_perm("notifications.change_notificationtype"):
            form.add_error("sample_data", "You may not change the type's sample data.")
            return False
        return True

    def _overtaken_page(self, request: HttpRequest, place: Place, form: WordsForm) -> HttpResponse:
        draft = place.draft()
        who = draft.author if draft and draft.author else "somebody"
        messages.warning(
            request,
            f"{who} saved this template while you were writing. Below is your text; "
            "save again to put it in place of theirs.",
        )
        data = request.POST.copy()
        data["base"] = fingerprint(place.source())
        return self._page(request, place, self._form(place, data), status=409)

    def _page(
        self, request: HttpRequest, place: Place, form: WordsForm, *, status: int = 200
    ) -> HttpResponse:
        may, on = request.user.has_perm, _on(request, place)
        return self._desk.page(
            request,
            "notifications/words.html",
            title=f"{place.kind.name}: {place.channel.label}, {place.template.locale}",
            status=status,
            place=place,
            form=form,
            shown=self._shown(place, form, on=on),
            on=on,
            say=previews.say,
            names=previews.names(place.kind.data_schema),
            draft=place.draft(),
            versions=versions.of(place.template),
            may_write=may(f"notifications.{WRITE}"),
            may_publish=may(f"notifications.{PUBLISH}"),
            urls={name: place.url(name) for name in ("check", "preview", "publish")},
            others=others(place),
            frame=place.frame(on),
            is_email=place.channel.key == "email",
        )


def _on(request: HttpRequest, place: Place) -> ChannelSpec:
    """The channel on which the words are looked at."""
    return place.on(request.POST.get("_on", ""))


def _overtaken(place: Place, form: WordsForm) -> bool:
    """Whether another text than the one that was begun with stands there now."""
    there = fingerprint(place.source())
    return form.cleaned_data["base"] not in ("", there, fingerprint(form.source()))


def _write(request: HttpRequest, place: Place, form: WordsForm) -> TemplateVersion:
    """Save the draft, its layout and the sample, together."""
    with transaction.atomic():
        template, _ = Template.objects.update_or_create(
            type=place.kind,
            channel=place.channel.number,
            locale=place.template.locale,
            defaults={"layout": form.cleaned_data.get("layout")},
        )
        draft = publish.draft(template, form.source(), author=request.user)
        TemplateVersion.objects.filter(pk=draft.pk).update(note=form.cleaned_data["note"])
        sample = form.cleaned_data["sample_data"] or {}
        if sample != place.kind.sample_data:
            NotificationType.objects.filter(pk=place.kind.pk).update(sample_data=sample)
    template.type = place.kind
    draft.template = template
    return draft


def _publish(request: HttpRequest, draft: TemplateVersion) -> None:
    """Publish, or say what must be mended, line by line."""
    try:
        publish.publish(draft, actor=actor(request))
    except TemplateRejected as error:
        messages.error(request, "The draft is saved, but cannot be published yet:")
        for problem in error.problems:
            if problem.level == "error":
                messages.error(request, previews.say(problem))
    else:
        messages.success(request, f"Version {draft.number} is published.")


def _sample(form: WordsForm, place: Place) -> dict[str, Any]:
    """The sample that was typed where it can be read; else the one that is saved."""
    sample = form.cleaned_data.get("sample_data")
    return sample if isinstance(sample, dict) else place.kind.sample_data
