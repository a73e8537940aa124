"""Publish: a draft becomes the words people read, and stays as it is from then on."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from django.db import transaction
from django.db.models import Max

from delivery import channels
from notifications.models import (
    Layout,
    LayoutVersion,
    NotificationType,
    Template,
    TemplateVersion,
    VersionState,
)
from notifications.rendering import checks, compile, general
from notifications.rendering.errors import Problem, TemplateRejected
from notifysite.plumbing import audit
from preferences.models import CategoryKind

DRAFTS = (VersionState.DRAFT, VersionState.IN_REVIEW)


def draft(template: Template, source: Mapping[str, Any], *, author: Any = None) -> TemplateVersion:
    """Write the template's draft, the one there is or a new one."""
    with transaction.atomic():
        Template.objects.select_for_update(no_key=True).get(pk=template.pk)
        version, _ = TemplateVersion.objects.update_or_create(
            template=template,
            state__in=DRAFTS,
            defaults={"source": dict(source), "author": author},
            create_defaults={
                "source": dict(source),
                "author": author,
                "number": _next_number(TemplateVersion.objects.filter(template=template)),
                "state": VersionState.DRAFT,
            },
        )
    return version


def problems(version: TemplateVersion) -> list[Problem]:
    """What an editor should know before publishing; errors stop it."""
    template, layout = version.template, _layout_source(version.template)
    marketing = template.type.category.kind == CategoryKind.MARKETING
    if template.channel == channels.GENERAL.number:
        return general.problems(version.source, layout=layout, marketing=marketing)
    key = channels.by_number(template.channel).key
    return checks.problems(key, version.source, layout=layout, marketing=marketing)


def compiled(template: Template, source: Mapping[str, Any], *, layout: str) -> compile.Compiled:
    """What publishing makes of a text in a template's place: a form of its channel, or of every
    channel there is. Raises TemplateRejected."""
    one = template.channel != channels.GENERAL.number
    keys = [channels.by_number(template.channel).key] if one else None
    return compile.publish(source, channels=keys, layout=layout, locale=template.locale)


def publish(version: TemplateVersion, *, actor: str) -> TemplateVersion:
    """Make a draft the published version, and retire the one before.

    Raises TemplateRejected with what must be mended first.
    """
    found = problems(version)
    if any(problem.level == "error" for problem in found):
        raise TemplateRejected(tuple(found))
    template = version.template
    form = compiled(template, version.source, layout=_layout_source(template))
    with transaction.atomic():
        locked = Template.objects.select_for_update(no_key=True).get(pk=template.pk)
        TemplateVersion.objects.filter(template=locked, state=VersionState.PUBLISHED).update(
            state=VersionState.RETIRED
        )
        version.state = VersionState.PUBLISHED
        version.compiled = form
        version.layout_version = _layout_version(template)
        version.published_at = datetime.now(UTC)
        version.save(update_fields=["state", "compiled", "layout_version", "published_at"])
        audit.record(
            actor=actor,
            action="template.publish",
            target=f"template:{template.pk}",
            detail={"version": version.number},
        )
    return version


def publish_layout(layout: Layout, source: str, *, actor: str, author: Any = None) -> LayoutVersion:
    """Publish a new version of a layout. Templates take it up when they are next published."""
    with transaction.atomic():
        Layout.objects.select_for_update(no_key=True).get(pk=layout.pk)
        LayoutVersion.objects.filter(layout=layout, state=VersionState.PUBLISHED).update(
            state=VersionState.RETIRED
        )
        version = LayoutVersion.objects.create(
            layout=layout,
            number=_next_number(LayoutVersion.objects.filter(layout=layout)),
            state=VersionState.PUBLISHED,
            source=source,
            author=author,
            published_at=datetime.now(UTC),
        )
        audit.record(
            actor=actor,
            action="layout.publish",
            target=f"layout:{layout.pk}",
            detail={"version": version.number},
        )
    return version


def say(
    kind: NotificationType,
    channel: str,
    locale: str,
    source: Mapping[str, Any],
    *,
    actor: str,
    layout: Layout | None = None,
) -> TemplateVersion:
    """Draft and publish what a type says on a channel, or on every one (`general`), in a locale,
    unless it says so already."""
    template, _ = Template.objects.update_or_create(
        type=kind,
        channel=channels.written_by_key(channel).number,
        locale=locale,
        defaults={"layout": layout},
    )
    current = template.versions.filter(state=VersionState.PUBLISHED).first()
    if current and current.source == dict(source):
        return current
    return publish(draft(template, source), actor=actor)


def _layout_version(template: Template) -> LayoutVersion | None:
    if template.layout is None:
        return None
    return template.layout.versions.filter(state=VersionState.PUBLISHED).first()


def _layout_source(template: Template) -> str:
    version = _layout_version(template)
    return version.source if version else ""


def _next_number(versions: Any) -> int:
    return (versions.aggregate(last=Max("number"))["last"] or 0) + 1
