"""Where a template is: a type, a channel, a language; and what stands there now."""

from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.http import Http404
from django.shortcuts import get_object_or_404
from django.urls import register_converter, reverse

from delivery import channels
from delivery.channels import ChannelSpec
from notifications.admin.matrix import asked, editor_url
from notifications.catalog import publish
from notifications.models import (
    Layout,
    NotificationType,
    Template,
    TemplateVersion,
    VersionState,
)


class LocaleConverter:
    """A language tag such as en, pt-BR or zh-Hant-TW."""

    regex = "[A-Za-z]{2,3}(?:-[A-Za-z0-9]{2,8}){0,2}"

    def to_python(self, value: str) -> str:
        """As it stands."""
        return value

    def to_url(self, value: str) -> str:
        """As it stands."""
        return value


register_converter(LocaleConverter, "locale")


@dataclass(frozen=True, slots=True)
class Place:
    """Which template: a type, a channel, a language. The row may not be there yet."""

    kind: NotificationType
    channel: ChannelSpec
    template: Template

    @classmethod
    def find(cls, type_id: int, channel: str, locale: str) -> "Place":
        """Raise Http404 for what cannot be."""
        kind = get_object_or_404(NotificationType.objects.select_related("category"), pk=type_id)
        try:
            spec = channels.written_by_key(channel)
        except channels.UnknownChannel as error:
            raise Http404 from error
        known = Template.objects.filter(type=kind, channel=spec.number, locale=locale).first()
        template = known or Template(type=kind, channel=spec.number, locale=locale)
        template.type = kind
        return cls(kind, spec, template)

    def shown_on(self) -> list[ChannelSpec]:
        """Where the words can be looked at: on their channel; those for every channel on each that
        the type's steps ask for, or on all of them while there are none."""
        if self.channel != channels.GENERAL:
            return [self.channel]
        return asked(self.kind) or channels.every()

    def on(self, key: str) -> ChannelSpec:
        """The one of these that was asked for, else the first."""
        there = self.shown_on()
        return next((spec for spec in there if spec.key == key), there[0])

    def url(self, page: str = "words") -> str:
        """The address of one of its pages."""
        return editor_url(self.kind.pk, self.channel.key, self.template.locale, page)

    def version(self, source: dict[str, Any], layout: Layout | None) -> TemplateVersion:
        """A version that is nowhere but here."""
        here = Template(
            pk=self.template.pk,
            type=self.kind,
            channel=self.channel.number,
            locale=self.template.locale,
            layout=layout,
        )
        return TemplateVersion(template=here, source=source)

    def draft(self) -> TemplateVersion | None:
        """What is being written, if anything is."""
        if self.template._state.adding:
            return None
        found = self.template.versions.filter(state__in=publish.DRAFTS).select_related("author")
        draft = found.first()
        if draft:
            draft.template = self.template
        return draft

    def source(self) -> dict[str, Any]:
        """The text as it is saved: the draft's, else the published one's."""
        draft = self.draft()
        if draft:
            return dict(draft.source)
        if self.template._state.adding:
            return {}
        published = self.template.versions.filter(state=VersionState.PUBLISHED)
        return dict(published.values_list("source", flat=True).first() or {})

    def frame(self, on: ChannelSpec) -> str:
        """The latest saved version alone: what the page shows until something is typed."""
        if self.template._state.adding:
            return ""
        saved = self.template.versions.exclude(state=VersionState.RETIRED)
        number = saved.order_by("-number").values_list("number", flat=True).first()
        if number is None:
            return ""
        args = [self.kind.pk, self.channel.key, self.template.locale, number]
        frame = reverse("admin:notifications_notificationtype_version_frame", args=args)
        return f"{frame}?on={on.key}"


@dataclass(frozen=True, slots=True)
class Other:
    """A template beside this one."""

    label: str
    url: str
    here: bool


def others(place: Place) -> dict[str, list[Other]]:
    """The same in other languages, and on other channels."""
    here = place.template.locale
    there = Template.objects.filter(type=place.kind).values_list("locale", flat=True)
    every = {here, *there, *(tag for tag, _ in settings.LANGUAGES)}
    locales = sorted(every, key=lambda tag: (tag != settings.LANGUAGE_CODE, tag))
    return {
        "locales": [
            Other(tag, editor_url(place.kind.pk, place.channel.key, tag), tag == here)
            for tag in locales
        ],
        "channels": [
            Other(spec.label, editor_url(place.kind.pk, spec.key, here), spec == place.channel)
            for spec in channels.writable()
        ],
    }
