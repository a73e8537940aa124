"""Rows for tests, made through the doors the product uses."""

import itertools
from typing import Any

from django.db import transaction
from django.utils import timezone

from delivery import channels
from preferences import people
from preferences.models import Category, CategoryKind, Recipient
from preferences.wanted import Wanted

_number = itertools.count(1)


def make_recipient(
    user_id: str | None = None, *, email: str | None = None, phone: str | None = None, **said: Any
) -> Recipient:
    """A person as `people.upsert` makes them; columns it does not know are set afterwards."""
    person_said = {"email": email, "phone": phone} | {
        name: said.pop(name)
        for name in ("locale", "timezone", "name", "attributes")
        if name in said
    }
    wanted = Wanted.of(user_id or f"user-{next(_number)}", **person_said)
    with transaction.atomic():
        (person,) = people.upsert([wanted], now=timezone.now())
    if said:
        Recipient.objects.filter(pk=person.id).update(**said)
    return Recipient.objects.get(pk=person.id)


def make_category(key: str | None = None, **values: Any) -> Category:
    """A transactional category that goes by email and in-app unless told otherwise."""
    key = key or f"category_{next(_number)}"
    defaults = {
        "name": key.replace("_", " ").capitalize(),
        "kind": CategoryKind.TRANSACTIONAL,
        "default_channels": [channels.EMAIL.number, channels.IN_APP.number],
    }
    return Category.objects.create(key=key, **(defaults | values))
