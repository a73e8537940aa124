"""A person's browsers, phones, webhooks and chats. A token belongs to one person at a time."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from django.conf import settings
from django.db import connection, transaction
from django.db.models import QuerySet
from django.utils.module_loading import import_string

from delivery import channels
from notifysite.plumbing import audit, crypto, hooksigning
from notifysite.plumbing.crypto import DataKey
from preferences import addresses, mirror
from preferences.addresses import Reach
from preferences.directory import ONE_OF_A_KIND
from preferences.models import Address, Recipient
from preferences.models.recipient import CHANGED
from preferences.wishes import RecipientGone

WEBHOOK = channels.WEBHOOK.number
MOST = 20  # of a channel; beyond that the oldest goes, for apps register again and again

# Two people who register one token at the same time take turns.
_TAKE_TURNS = "SELECT pg_advisory_xact_lock(%s)"
_BUMP = f"""
    UPDATE recipient
    SET {CHANGED}
    WHERE id = ANY(%s::bigint[])
"""  # noqa: S608


@dataclass(frozen=True, slots=True)
class Registered:
    """A device, and whether it was not there before; this once, what a webhook is signed with."""

    device: Address
    is_new: bool
    secret: str | None = field(default=None, repr=False)


def register(
    recipient_id: int, reach: Reach, *, label: str = "", actor: str, now: datetime
) -> Registered:
    """Give a person a device. Registered again it stays; from whoever else had it, it goes.

    Raises RecipientGone.
    """
    with transaction.atomic():
        elsewhere = _elsewhere(recipient_id, reach)
        key = _lock(recipient_id, [row.recipient_id for row in elsewhere])
        was_dead = _back(reach, actor=actor)
        mine = list(_in_use().filter(recipient_id=recipient_id, channel=reach.channel))
        same = next((row for row in mine if bytes(row.hash) == reach.hash), None)
        if same is not None and _is_complete(same, reach, key):
            since = now if was_dead else same.created_at
            return Registered(_again(same, label=label, since=since), is_new=False)
        _retire([*_surplus(mine, same, reach), *elsewhere], actor=actor, now=now)
        secret = hooksigning.new_secret() if reach.channel == WEBHOOK else None
        device = Address.objects.create(
            recipient_id=recipient_id,
            channel=reach.channel,
            kind=reach.kind,
            value=addresses.encrypt(reach, key),
            hash=reach.hash,
            secret=addresses.encrypt_secret(secret, key) if secret else None,
            label=label or (same.label if same else ""),
        )
        _changed([device], "device.registered", actor=actor)
        return Registered(device, is_new=same is None, secret=secret)


def retire(recipient_id: int, device_id: int, *, actor: str, now: datetime) -> bool:
    """Take a device from a person; False when they have none of that id. Raises RecipientGone."""
    with transaction.atomic():
        _lock(recipient_id, [])
        found = _in_use().filter(recipient_id=recipient_id, pk=device_id)
        devices = list(found.exclude(channel__in=ONE_OF_A_KIND))
        _retire(devices, actor=actor, now=now)
        return bool(devices)


def _is_complete(there: Address, reach: Reach, key: DataKey) -> bool:
    """Whether it is the same device in full, with what it is signed with."""
    if reach.channel == WEBHOOK and there.secret is None:
        return False
    return addresses.decrypt(there.value, key) == reach.value


def _in_use() -> QuerySet[Address]:
    return Address.objects.filter(retired_at__isnull=True).order_by("id")


def _elsewhere(recipient_id: int, reach: Reach) -> list[Address]:
    """The same device at other people: whoever logs in on it now is who reads it."""
    if reach.shared or not channels.by_number(reach.channel).every_address:
        return []
    with connection.cursor() as cursor:
        cursor.execute(_TAKE_TURNS, [int.from_bytes(reach.hash[:8], "big", signed=True)])
    found = _in_use().filter(channel=reach.channel, hash=reach.hash)
    return list(found.exclude(recipient_id=recipient_id))


def _lock(recipient_id: int, others: Iterable[int]) -> DataKey:
    """Lock people in id order and return the key of the first one named."""
    ids = {recipient_id, *others}
    locked = Recipient.objects.filter(pk__in=ids).order_by("pk").select_for_update(no_key=True)
    person = {row.pk: row for row in locked}.get(recipient_id)
    if person is None or person.data_key is None:
        raise RecipientGone(f"recipient {recipient_id}")
    return crypto.unwrap(bytes(person.data_key))


def _surplus(mine: Sequence[Address], same: Address | None, reach: Reach) -> list[Address]:
    """Which of a person's own addresses a new one replaces."""
    if not channels.by_number(reach.channel).every_address:
        return list(mine)
    others = [row for row in mine if row is not same]
    oldest = others[: max(0, len(others) - MOST + 1)]
    return [*oldest, same] if same else oldest


def _back(reach: Reach, *, actor: str) -> bool:
    """Tell delivery, of which preferences knows only the channels, that a device is there; whether
    it was thought dead."""
    tell: Callable[..., bool] = import_string(settings.DEVICE_REGISTERED)
    return tell(reach.channel, reach.hash, actor=actor)


def _again(device: Address, *, label: str, since: datetime) -> Address:
    """The same device: older news of its death is no news any more."""
    label = label or device.label
    if (label, since) != (device.label, device.created_at):
        device.label, device.created_at = label, since
        device.save(update_fields=["label", "created_at"])
    return device


def _retire(devices: Sequence[Address], *, actor: str, now: datetime) -> None:
    if devices:
        Address.objects.filter(pk__in=[row.pk for row in devices]).update(retired_at=now)
        _changed(devices, "device.retired", actor=actor)


def _changed(devices: Sequence[Address], action: str, *, actor: str) -> None:
    ids = {row.recipient_id for row in devices}
    with connection.cursor() as cursor:
        cursor.execute(_BUMP, [list(ids)])
    mirror.keep(ids)
    subjects = dict(Recipient.objects.filter(pk__in=ids).values_list("pk", "subject"))
    for row in devices:
        audit.record(
            actor=actor,
            action=action,
            target=f"device:{row.pk}",
            subject=subjects[row.recipient_id],
            detail={"channel": channels.by_number(row.channel).key, "kind": row.kind},
        )
