"""A seal for tests of delivery alone: every parcel says the same, unless told otherwise."""

from collections.abc import Sequence
from uuid import UUID

from delivery.contracts import Content, Message, Parcel, Sealed

ANSWERS: dict[UUID, Sealed] = {}
SEALED: list[UUID] = []


def seal(parcels: Sequence[Parcel]) -> dict[UUID, Sealed]:
    """What was arranged for a parcel, or a plain message."""
    SEALED.extend(parcel.id for parcel in parcels)
    return {parcel.id: ANSWERS.get(parcel.id) or message(parcel) for parcel in parcels}


def message(parcel: Parcel) -> Message:
    """A plain message for a parcel."""
    return Message(
        reference=parcel.id,
        notification=parcel.notification_id,
        recipient=parcel.recipient_id,
        channel=parcel.channel,
        address="ann@example.com",
        content=Content(subject="Hello", text="Hello"),
    )


OBSERVED: list[object] = []


def observe(changes: Sequence[object]) -> None:
    """Remember what was announced."""
    OBSERVED.extend(changes)
