"""The terms of a request: what holds for all its recipients, refused here or nowhere."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from delivery import channels
from notifications.catalog import checks
from notifications.catalog.types import CatalogType
from notifications.intake.request import Addressee, SendRequest
from notifications.words import Lane, Priority
from notifysite.plumbing.compactjson import compact
from notifysite.plumbing.faults import Fault
from notifysite.plumbing.problems import Problem

MOST_DATA_BYTES = 64 * 1024


def _known_type(key: str, kinds: Mapping[str, CatalogType]) -> CatalogType:
    kind = kinds.get(key)
    if kind is None:
        raise Problem.of(
            "unknown_type", faults=[Fault("/type", "unknown_type", f"No type {key!r}.")]
        )
    return kind


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What is the same for every recipient of a request."""

    kind: CatalogType
    priority: Priority
    lane: Lane
    asked: frozenset[int]
    only: frozenset[int] | None
    send_at: datetime | None
    asked_expiry: datetime | None  # the request's own; its type's runs by the database's clock
    expires_at: datetime | None
    locale: str
    cancellation_key: str | None
    attachments: tuple[UUID, ...]
    needs: checks.Needs

    @classmethod
    def of(
        cls, request: SendRequest, *, kinds: Mapping[str, CatalogType], now: datetime
    ) -> "Terms":
        """`kinds` are the types there are, by key. Raises Problem for what the type does not
        allow."""
        kind = _known_type(request.type, kinds)
        priority = _priority(request, kind)
        start = max(request.send_at or now, now)
        asked = _channels(request, kind)
        return cls(
            kind=kind,
            priority=priority,
            lane=lane_of(priority, marketing=kind.marketing),
            asked=asked,
            only=request.channels,
            send_at=request.send_at,
            asked_expiry=request.expires_at,
            expires_at=_expiry(request, kind, start=start),
            locale=request.locale,
            cancellation_key=request.cancellation_key,
            attachments=request.attachments,
            needs=checks.Needs.of(kind, asked),
        )

    def data_for(self, one: Addressee, request: SendRequest) -> bytes:
        """The data of one recipient as JSON, checked against the type and its words."""
        return self.checked({**request.data, **one.data})

    def checked(self, data: Mapping[str, Any]) -> bytes:
        """Data as JSON, checked in the same way."""
        plain = compact(data).encode()
        if len(plain) > MOST_DATA_BYTES:
            detail = f"{len(plain):,} bytes; at most {MOST_DATA_BYTES:,}."
            raise Problem.of("data_invalid", faults=[Fault("/data", "too_large", detail)])
        self.needs.check(data)
        return plain


def lane_of(priority: Priority, *, marketing: bool) -> Lane:
    """Marketing never rides the critical lane."""
    if marketing or priority is Priority.LOW:
        return Lane.BULK
    return Lane.CRITICAL if priority is Priority.CRITICAL else Lane.DEFAULT


def _priority(request: SendRequest, kind: CatalogType) -> Priority:
    asked = request.priority or kind.priority
    if asked < kind.priority:
        detail = (
            f"{kind.key} has priority {kind.priority.name.lower()}; a request may only lower it."
        )
        raise Problem.of("priority_raised", faults=[Fault("/priority", "priority_raised", detail)])
    return asked


def _channels(request: SendRequest, kind: CatalogType) -> frozenset[int]:
    there = kind.channels()
    if request.channels is None:
        return there
    if beyond := request.channels - there:
        detail = (
            f"{kind.key} has no step for {', '.join(channels.keys(sorted(beyond)))}; "
            f"it has: {', '.join(channels.keys(sorted(there))) or 'none'}."
        )
        fault = Fault("/channels", "channel_without_step", detail)
        raise Problem.of("channel_without_step", faults=[fault])
    return request.channels


def _expiry(request: SendRequest, kind: CatalogType, *, start: datetime) -> datetime | None:
    by_type = start + timedelta(seconds=kind.ttl_seconds) if kind.ttl_seconds else None
    expires_at = min(filter(None, (request.expires_at, by_type)), default=None)
    if expires_at and expires_at <= start:
        detail = (
            "It would expire before it may leave; give a later expires_at or an earlier send_at."
        )
        raise Problem.of(
            "expired_already", faults=[Fault("/expires_at", "expired_already", detail)]
        )
    return expires_at
