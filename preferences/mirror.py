"""Keeps django-webpush's tables in step with the browsers of people who have a Django account.

Messages go by our own, encrypted addresses. These rows are for other code of the host site that
asks django-webpush which browsers an account has.
"""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from webpush.models import PushInformation, SubscriptionInfo

from delivery import channels
from notifysite.plumbing import crypto
from preferences import addresses
from preferences.models import Address, Recipient

MARK = "notifysite/"  # in the user agent: a row is ours, and of which address
LONGEST_ENDPOINT = 500  # what django-webpush's column takes


def keep(recipient_ids: Iterable[int]) -> None:
    """Make these people's rows what their browsers are; in the transaction of the change."""
    linked = Recipient.objects.filter(
        pk__in=set(recipient_ids), account__isnull=False, data_key__isnull=False
    )
    for person in linked.order_by("pk"):
        _keep(person)


def erase(recipient_id: int, user_id: str) -> None:
    """Remove a person's rows; called while they are being erased."""
    person = Recipient.objects.filter(pk=recipient_id, account__isnull=False).first()
    if person is not None:
        _remove(_rows(person).values())


def _keep(person: Recipient) -> None:
    wanted, there = _wanted(person), _rows(person)
    _remove(id for mark, id in there.items() if mark not in wanted)
    for mark in wanted.keys() - there.keys():
        subscription = wanted[mark]
        row = SubscriptionInfo.objects.create(
            endpoint=subscription["endpoint"], user_agent=mark, **subscription["keys"]
        )
        PushInformation.objects.create(user_id=person.account_id, subscription=row)


def _wanted(person: Recipient) -> Mapping[str, Any]:
    key = crypto.unwrap(bytes(person.data_key or b""))
    rows = Address.objects.filter(
        recipient=person, channel=channels.WEB_PUSH.number, retired_at__isnull=True
    )
    found = {f"{MARK}{row.pk}": json.loads(addresses.decrypt(row.value, key)) for row in rows}
    return {mark: one for mark, one in found.items() if len(one["endpoint"]) <= LONGEST_ENDPOINT}


def _rows(person: Recipient) -> Mapping[str, int]:
    ours = PushInformation.objects.filter(
        user_id=person.account_id, subscription__user_agent__startswith=MARK
    )
    return dict(ours.values_list("subscription__user_agent", "subscription_id"))


def _remove(ids: Iterable[int]) -> None:
    SubscriptionInfo.objects.filter(pk__in=list(ids)).delete()
