"""The consent ledger: entries are only ever added, the latest of a category counts."""

from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

from preferences.models import Consent

# How the source of a choice is called where it is the way a consent was given or withdrawn.
_WAYS = {"person": "preference_centre"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """Consent given or withdrawn: by what way, and the text that was shown, in its language."""

    category_id: int
    given: bool
    source: str
    text: str = ""
    locale: str = ""


def record(subject: UUID, said: Iterable[Said]) -> None:
    """Add entries about one person, in the caller's transaction."""
    Consent.objects.bulk_create(
        Consent(
            subject=subject,
            category_id=one.category_id,
            given=one.given,
            way=_WAYS.get(one.source, one.source),
            text=one.text,
            locale=one.locale,
        )
        for one in said
    )


def current(subject: UUID) -> dict[int, Consent]:
    """The entry that counts, by category id."""
    latest = Consent.objects.filter(subject=subject).order_by("category_id", "-id")
    return {entry.category_id: entry for entry in latest.distinct("category_id")}


def history(subject: UUID) -> list[Consent]:
    """All entries about a person, oldest first."""
    return list(Consent.objects.filter(subject=subject).select_related("category").order_by("id"))
