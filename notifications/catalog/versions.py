"""Published words: which version a person reads, and its compiled form."""

from collections.abc import Iterable, Mapping
from typing import Any

from django.conf import settings

from delivery import channels
from notifications.models import TemplateVersion


def pick(versions: Mapping[tuple[int, str], int], channel: int, locale: str) -> int | None:
    """The version for a channel in the nearest locale: the very one, its language, the site's
    language, then any."""
    there = {
        tag.lower(): version for (number, tag), version in versions.items() if number == channel
    }
    for tag in _nearest(locale):
        if tag in there:
            return there[tag]
    return next(iter(there.values()), None)


def on_channels(
    own: Mapping[tuple[int, str], int], general: Mapping[str, tuple[int, Iterable[int]]]
) -> dict[tuple[int, str], int]:
    """What is said on each channel in each locale: a channel's own words, else those for every
    channel. `general` maps a locale to its version and the channels it was compiled for.

    A language comes before a channel: `pick` goes from one language to the next, and takes in each
    what the channel has of its own, or the general words. Nobody reads a foreign language because
    their channel was given better words in it. Own words stand first, for whoever reads any.
    """
    taken = {(channel, locale.lower()) for channel, locale in own}
    shared = {
        (channel, locale): version
        for locale, (version, spoken) in general.items()
        for channel in spoken
        if (channel, locale.lower()) not in taken
    }
    return {**own, **shared}


def _nearest(locale: str) -> list[str]:
    tags = [locale, settings.LANGUAGE_CODE]
    return [form for tag in tags for form in (tag.lower(), tag.lower().partition("-")[0]) if form]


def compiled(version_ids: Iterable[int]) -> dict[int, dict[str, Any]]:
    """The compiled forms of versions; published ones never change, so they are kept."""
    wanted = set(version_ids)
    found = {id_: _kept[id_] for id_ in wanted if id_ in _kept}
    if missing := wanted - found.keys():
        rows = TemplateVersion.objects.filter(id__in=missing, published_at__isnull=False)
        fresh = {id_: form for id_, form in rows.values_list("id", "compiled") if form is not None}
        _keep(fresh)
        found |= fresh
    return found


def place(version_id: int) -> dict[str, Any]:
    """Of which template a version is: its channel (`general` for every channel), locale, number."""
    version = TemplateVersion.objects.select_related("template").get(pk=version_id)
    return {
        "channel": channels.written(version.template.channel).key,
        "locale": version.template.locale,
        "number": version.number,
    }


_MOST_KEPT = 1000
_kept: dict[int, dict[str, Any]] = {}


def _keep(fresh: Mapping[int, dict[str, Any]]) -> None:
    if len(_kept) + len(fresh) > _MOST_KEPT:
        _kept.clear()
    _kept.update(fresh)


def forget() -> None:
    """Drop what is kept: tests reuse ids."""
    _kept.clear()
