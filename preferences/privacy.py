"""What a person may ask for: all that is kept about them, and that nothing is."""

import json
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import Any, cast

from django.conf import settings
from django.db import connection, transaction
from django.utils.module_loading import import_string

from delivery import channels
from notifysite.plumbing import audit
from preferences import addresses, consent
from preferences.directory import Listed, find_one, user_body
from preferences.models import Address, CategorySetting, Choice, Recipient, Subscription
from preferences.models.recipient import CHANGED

# Dotted names; an app above adds what it keeps. settings.EXPORT_PARTS: recipient id -> dict of
# parts, whose names must differ. settings.ERASE_PARTS: (recipient id, user id) -> None, called in
# the transaction of the erasure, for what is not under the person's key.
EXPORT_PARTS = ("preferences.privacy.export",)

_ERASE = f"""
    UPDATE recipient
    SET user_id = NULL, data_key = NULL, profile = NULL, account_id = NULL, locale = '',
        timezone = '', quiet_hours = NULL, paused_until = NULL, erased_at = %s,
        {CHANGED}
    WHERE id = %s
"""  # noqa: S608
_AUDITED = """
    SELECT at, actor, action, detail FROM audit_entry WHERE subject = %s ORDER BY id
"""


def erase(user_id: str, *, actor: str, now: datetime) -> bool:
    """Erase a person; False when there is none of that id.

    Without their key nothing of them can be read again, wherever it lies. What stays: the row and
    its counts, the ledger and the audit under the opaque subject id, and suppressed hashes.
    """
    with transaction.atomic():
        person = Recipient.objects.select_for_update().filter(user_id=user_id).first()
        if person is None:
            return False
        for part in _parts("ERASE_PARTS", ()):
            part(person.pk, user_id)
        for model in (Address, Choice, CategorySetting, Subscription):
            model._default_manager.filter(recipient=person).delete()
        with connection.cursor() as cursor:
            cursor.execute(_ERASE, [now, person.pk])
        audit.record(
            actor=actor,
            action="user.erased",
            target=f"user:{person.subject}",
            subject=person.subject,
        )
        return True


def gather(recipient_id: int, *, now: datetime) -> dict[str, Any]:
    """All that every app keeps about a person, as JSON; {} with only a date for the erased."""
    gathered: dict[str, Any] = {"exported_at": now}
    for part in _parts("EXPORT_PARTS", EXPORT_PARTS):
        gathered |= part(recipient_id)
    return gathered


def export(recipient_id: int) -> dict[str, Any]:
    """What preferences keeps about a person."""
    person = find_one(pk=recipient_id)
    if person is None:
        return {}
    return {
        "user": user_body(person),
        "addresses": list(_addresses(person)),
        "choices": list(_choices(person)),
        "settings": list(_settings(person)),
        "topics": list(_topics(person)),
        "quiet_hours": person.recipient.quiet_hours,
        "consents": list(_consents(person)),
        "audit": _audited(person),
    }


def _parts(name: str, default: Sequence[str]) -> Iterator[Callable[..., Any]]:
    for dotted in getattr(settings, name, default):
        yield cast("Callable[..., Any]", import_string(dotted))


def _addresses(person: Listed) -> Iterator[dict[str, Any]]:
    """Those retired too: they are still kept."""
    for row in Address.objects.filter(recipient=person.recipient).order_by("id"):
        yield {
            "channel": channels.by_number(row.channel).key,
            "kind": row.kind or None,
            "value": addresses.decrypt(row.value, person.key),
            "label": row.label or None,
            "created_at": row.created_at,
            "last_ok_at": row.last_ok_at,
            "retired_at": row.retired_at,
        }


def _choices(person: Listed) -> Iterator[dict[str, Any]]:
    rows = Choice.objects.filter(recipient=person.recipient).select_related("category")
    for row in rows.order_by("id"):
        yield {
            "category": row.category.key if row.category else None,
            "channel": channels.by_number(row.channel).key if row.channel else None,
            "enabled": row.enabled,
            "source": row.source,
            "updated_at": row.updated_at,
        }


def _settings(person: Listed) -> Iterator[dict[str, Any]]:
    rows = CategorySetting.objects.filter(recipient=person.recipient).select_related("category")
    for row in rows.order_by("id"):
        preferred = row.preferred_channel
        yield {
            "category": row.category.key,
            "snoozed_until": row.snoozed_until,
            "preferred_channel": channels.by_number(preferred).key if preferred else None,
        }


def _topics(person: Listed) -> Iterator[dict[str, Any]]:
    rows = Subscription.objects.filter(recipient=person.recipient).select_related("topic")
    for row in rows.order_by("id"):
        yield {"topic": row.topic.key, "subscribed_at": row.created_at}


def _consents(person: Listed) -> Iterator[dict[str, Any]]:
    for entry in consent.history(person.recipient.subject):
        yield {
            "category": entry.category.key,
            "given": entry.given,
            "at": entry.at,
            "way": entry.way,
            "text": entry.text,
            "locale": entry.locale,
        }


def _audited(person: Listed) -> list[dict[str, Any]]:
    with connection.cursor() as cursor:
        cursor.execute(_AUDITED, [person.recipient.subject])
        return [
            {"at": at, "actor": actor, "action": action, "detail": json.loads(detail or "null")}
            for at, actor, action, detail in cursor.fetchall()
        ]
