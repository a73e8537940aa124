"""A message as it was sent: rendered again from its version and the variables that were kept."""

import json
from collections.abc import Iterable
from dataclasses import asdict
from typing import Any
from uuid import UUID

from delivery import channels, people
from delivery.contracts import Content
from delivery.models import Delivery
from notifications.catalog import versions
from notifications.models import Render
from notifications.planning.wording import VARIABLES
from notifications.rendering.errors import RenderError
from notifications.rendering.render import render
from notifysite.plumbing.crypto import CryptoError


class NotShown(Exception):
    """The message cannot be shown again; the text says why."""


def content(delivery: Delivery) -> dict[str, Any]:
    """The fields of the message as the person got them. Raises NotShown."""
    return asdict(_again(delivery))


def _again(delivery: Delivery) -> Content:
    key = people.data_keys([delivery.recipient_id]).get(delivery.recipient_id)
    if key is None:
        raise NotShown("The person was erased, so nobody can read this any more.")
    kept = Render.objects.filter(pk=delivery.id).first()
    if kept is None:
        raise NotShown("Nothing was rendered yet.")
    form = versions.compiled([kept.version_id]).get(kept.version_id)
    if form is None:
        raise NotShown("The version it was written in is gone.")
    try:
        said: dict[str, Any] = json.loads(key.decrypt(bytes(kept.variables), context=VARIABLES))
        return render(form, said, channel=channels.by_number(delivery.channel).key)
    except (CryptoError, RenderError) as error:
        raise NotShown(f"It cannot be shown again: {error}") from error


def rendered(deliveries: Iterable[UUID]) -> set[UUID]:
    """Which of these were rendered."""
    return set(Render.objects.filter(pk__in=list(deliveries)).values_list("id", flat=True))
