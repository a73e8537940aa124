"""Read people back: their profile and addresses in the clear, for who may see them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import Prefetch, QuerySet

from delivery import channels
from notifysite.plumbing import crypto
from notifysite.plumbing.crypto import DataKey
from preferences import addresses, profile
from preferences.models import Address, Recipient


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """A person, the key to what is theirs, and their addresses in use, oldest first."""

    recipient: Recipient
    key: DataKey
    addresses: Sequence[Address]

    def current(self, channel: int) -> str | None:
        """The newest address in use on a channel."""
        found = [row for row in self.addresses if row.channel == channel]
        return addresses.decrypt(found[-1].value, self.key) if found else None

    @property
    def devices(self) -> list[Address]:
        """The addresses that are not one of a kind: browsers, phones, webhooks, chats."""
        return [row for row in self.addresses if row.channel not in ONE_OF_A_KIND]


ONE_OF_A_KIND = (channels.EMAIL.number, channels.SMS.number)


def find(user_ids: Iterable[str]) -> dict[str, Listed]:
    """People by user id, in two queries; the unknown and the erased are missing."""
    found = _listed(Recipient.objects.filter(user_id__in=list(user_ids)))
    return {str(listed.recipient.user_id): listed for listed in found}


def find_one(**known: Any) -> Listed | None:
    """One person by what names them (`pk`, `user_id`); None for the unknown and the erased."""
    return next(iter(_listed(Recipient.objects.filter(**known))), None)


def _listed(recipients: QuerySet[Recipient]) -> list[Listed]:
    in_use = Address.objects.filter(retired_at__isnull=True).order_by("id")
    rows = recipients.filter(data_key__isnull=False).prefetch_related(
        Prefetch("addresses", queryset=in_use, to_attr="in_use")
    )
    return [
        Listed(
            recipient=row,
            key=crypto.unwrap(bytes(row.data_key or b"")),
            addresses=row.in_use,
        )
        for row in rows
    ]


def user_body(listed: Listed) -> dict[str, Any]:
    """A person as the API shows them, addresses in full; devices without their tokens."""
    recipient = listed.recipient
    about = profile.decrypt(recipient.profile, listed.key)
    return {
        "user_id": recipient.user_id,
        "name": about.name or None,
        "email": listed.current(channels.EMAIL.number),
        "phone": listed.current(channels.SMS.number),
        "locale": recipient.locale or None,
        "timezone": recipient.timezone or None,
        "attributes": dict(about.attributes),
        "paused_until": recipient.paused_until,
        "created_at": recipient.created_at,
        "updated_at": recipient.changed_at,
        "devices": [device_body(row) for row in listed.devices],
    }


def device_body(row: Address) -> dict[str, Any]:
    """A device as the API shows it: never its token, endpoint or keys."""
    return {
        "id": str(row.pk),
        "channel": channels.by_number(row.channel).key,
        "kind": row.kind or None,
        "label": row.label or None,
        "created_at": row.created_at,
        "last_ok_at": row.last_ok_at,
    }
