"""What is written for a type: channel by language, published, draft or missing."""

from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.urls import reverse

from delivery import channels
from delivery.channels import ChannelSpec
from notifications.models import NotificationType, TemplateVersion, VersionState

_WORDS = {
    VersionState.DRAFT: "draft",
    VersionState.IN_REVIEW: "draft",
    VersionState.PUBLISHED: "published",
    VersionState.RETIRED: "retired",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One template; `states` are any of published, draft. Where it has none, `shared` says whether
    the words for every channel are taken."""

    locale: str
    url: str
    states: tuple[str, ...]
    number: int | None
    shared: bool

    @property
    def word(self) -> str:
        """How it stands, in words."""
        return " + ".join(self.states) or ("general" if self.shared else "missing")


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One channel, or every one; `used` says whether a step asks for it."""

    channel: ChannelSpec
    used: bool
    cells: tuple[Cell, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Matrix:
    """All there is to write for a type."""

    locales: tuple[str, ...]
    rows: tuple[Row, ...]


def of(kind: NotificationType, request: HttpRequest) -> Matrix | None:
    """The matrix of a type, for who may see templates; two queries."""
    if not request.user.has_perm("notifications.view_template"):
        return None
    there = _versions(kind)
    every = {locale for _, locale in there} | {tag for tag, _ in settings.LANGUAGES}
    locales = sorted(every, key=lambda tag: (tag != settings.LANGUAGE_CODE, tag))
    used = [channels.GENERAL, *asked(kind)]
    return Matrix(
        locales=tuple(locales),
        rows=tuple(
            Row(
                channel=spec,
                used=spec in used,
                cells=tuple(_cell(kind, spec, locale, there) for locale in locales),
            )
            for spec in channels.writable()
        ),
    )


def _versions(kind: NotificationType) -> dict[tuple[int, str], dict[str, int]]:
    found: dict[tuple[int, str], dict[str, int]] = {}
    rows = TemplateVersion.objects.filter(template__type=kind).exclude(state=VersionState.RETIRED)
    for channel, locale, state, number in rows.order_by("number").values_list(
        "template__channel", "template__locale", "state", "number"
    ):
        found.setdefault((channel, locale), {})[_WORDS[VersionState(state)]] = number
    return found


def asked(kind: NotificationType) -> list[ChannelSpec]:
    """The channels that the steps of a type ask for; a preferred one may turn out to be any."""
    numbers = {step.channel for step in kind.steps.all()}
    return [spec for spec in channels.every() if numbers & {spec.number, channels.PREFERRED}]


def _cell(
    kind: NotificationType,
    spec: ChannelSpec,
    locale: str,
    there: dict[tuple[int, str], dict[str, int]],
) -> Cell:
    own = there.get((spec.number, locale), {})
    return Cell(
        locale=locale,
        url=editor_url(kind.pk, spec.key, locale),
        states=tuple(word for word in ("published", "draft") if word in own),
        number=own.get("published"),
        shared="published" in there.get((channels.GENERAL.number, locale), {}),
    )


def editor_url(type_id: int, channel: str, locale: str, page: str = "words") -> str:
    """Where a template is written."""
    args: list[Any] = [type_id, channel, locale]
    return reverse(f"admin:notifications_notificationtype_{page}", args=args)
