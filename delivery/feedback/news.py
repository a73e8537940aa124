"""What providers report: each report taken once, about deliveries they were given."""

import hashlib
import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import structlog
from django.db import connection, transaction

from delivery import answers
from delivery.contracts import Report
from delivery.feedback import folding, matching, parking
from delivery.feedback.matching import Matched, Word

log = structlog.get_logger(__name__)

_KEY_LENGTH = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Reported:
    """How many reports of a batch were folded, known before, parked until we have noted the
    provider's id, and refused, because they are about nothing that this provider had from us."""

    taken: int
    repeated: int
    parked: int
    refused: int


def report(provider: str, reports: Sequence[Report]) -> Reported:
    """Take what the provider of an alias says became of messages; all of it, or nothing.

    A constant number of statements in a transaction of its own, joined to the caller's where there
    is one. What is refused leaves no trace but its count.
    """
    with transaction.atomic():
        words = _keyed(provider, reports)
        named, unnamed = _sorted_out(words)
        fresh = remember(provider, [*named, *unnamed])
        told = [named[key] for key in named if key in fresh]
        waiting = [unnamed[key] for key in unnamed if key in fresh]
        folding.fold(told)
        parking.park(waiting)
    refused = len(words) - len(named) - len(unnamed)
    if refused:
        log.warning("news_refused", provider=provider, reports=refused)
    return Reported(
        taken=len(told),
        repeated=len(reports) - refused - len(told) - len(waiting),
        parked=len(waiting),
        refused=refused,
    )


def _keyed(provider: str, reports: Iterable[Report]) -> dict[str, Word]:
    """Each report once, in a form that can be stored."""
    words: dict[str, Word] = {}
    for one in reports:
        words.setdefault(key(provider, one), Word(provider, _storable(one)))
    return words


def _storable(report: Report) -> Report:
    return replace(
        report,
        at=answers.moment(report.at),
        provider_ref=answers.text(report.provider_ref)[:255],
        code=answers.text(report.code)[:80],
        detail=answers.text(report.detail)[:400],
    )


def key(provider: str, report: Report) -> str:
    """By what a repeated report is known: the provider's id of it, or else what it says."""
    if report.event_key:
        return _short(report.event_key)
    at = answers.moment(report.at).isoformat()
    named = [report.provider_ref, str(report.reference or ""), report.kind.name, at]
    return _hashed(provider, *named)


def _short(said: str) -> str:
    """What a provider calls something, in a form that can be stored."""
    key = answers.text(said)
    return key if len(key) <= _KEY_LENGTH else _hashed(key)


def _hashed(*parts: str) -> str:
    return f"sha256:{hashlib.sha256(json.dumps(parts).encode()).hexdigest()}"


def _sorted_out(words: Mapping[str, Word]) -> tuple[dict[str, Matched], dict[str, Word]]:
    """Reports about a delivery, and those about one we may yet learn of; the others are refused.

    A reference we do not know never becomes known: it is another installation's, or of a month
    that was dropped. An id of the provider's own may be noted later, by an attempt under way.
    """
    noted = matching.noted(word for word in words.values() if word.report.reference is None)
    meant = {name: word.report.reference or noted.only(word) for name, word in words.items()}
    rows = matching.lock({id_ for id_ in meant.values() if id_})
    found = {name: matching.matched(word, meant[name], rows) for name, word in words.items()}
    named = {name: one for name, one in found.items() if one}
    unnamed = {
        name: word
        for name, word in words.items()
        if word.report.provider_ref and word.report.reference is None and not noted.knows(word)
    }
    return named, unnamed


# In the order of the keys, so that two that bring the same never wait in a circle.
_REMEMBER = """
    INSERT INTO delivery_news (provider, event_key)
    SELECT %s, key FROM unnest(%s::text[]) AS key ORDER BY key
    ON CONFLICT (provider, event_key) DO NOTHING
    RETURNING event_key
"""


def remember(provider: str, keys: Collection[str]) -> set[str]:
    """Write down, in the caller's transaction, that these were taken; returns those that had not
    been. Who brings the same meanwhile waits for the commit."""
    kept = {_short(key): key for key in keys}
    if not kept:
        return set()
    with connection.cursor() as cursor:
        cursor.execute(_REMEMBER, [provider, sorted(kept)])
        return {kept[name] for (name,) in cursor.fetchall()}
