"""Filters of the big tables: each is a bound on the id or a column, never a count or a DISTINCT."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.contrib import admin
from django.db.models import OuterRef, QuerySet, Subquery
from django.http import HttpRequest
from django.utils import timezone

from delivery import channels
from delivery.lifecycle import Reason, State
from notifications.models import Notification, NotificationType
from notifications.reasons import STATES
from notifications.words import AudienceStatus, Mode, Status
from notifysite.plumbing import ids

Choices = list[tuple[str, str]]


class NumberFilter(admin.SimpleListFilter):
    """A smallint column by its words."""

    column = ""

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Those of the chosen word; what is no number finds nothing."""
        value = self.value()
        if value is None:
            return queryset
        if not value.isdigit() or len(value) > 15:
            return queryset.none()
        return queryset.filter(**{self.column: int(value)})


class TypeFilter(NumberFilter):
    """By notification type."""

    title, parameter_name, column = "type", "type", "type_id"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Choices:
        """All types there are."""
        return [
            (str(id_), name) for id_, name in NotificationType.objects.values_list("id", "name")
        ]


class StatusFilter(NumberFilter):
    """By status."""

    title, parameter_name, column = "status", "status", "status"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Choices:
        """The statuses."""
        return [(str(int(one)), one.name.capitalize()) for one in Status]


class AudienceStatusFilter(NumberFilter):
    """By status of an audience."""

    title, parameter_name, column = "status", "status", "status"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Choices:
        """The statuses."""
        return [(str(int(one)), one.name.capitalize()) for one in AudienceStatus]


class RequestFilter(admin.SimpleListFilter):
    """By request: set by links, it offers nothing to choose from."""

    title, parameter_name = "request", "request"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Choices:
        """The one that is asked for."""
        asked = request.GET.get(self.parameter_name)
        return [(asked, asked)] if asked else []

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Those of the request, which are of its millisecond; what is no id finds nothing."""
        value = self.value()
        if value is None:
            return queryset
        try:
            asked = UUID(value)
        except ValueError:
            return queryset.none()
        low, high = ids.siblings(asked)
        return queryset.filter(request_id=asked, id__gte=low, id__lte=high)


class ModeFilter(NumberFilter):
    """By the kind of key."""

    title, parameter_name, column = "key", "mode", "mode"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Choices:
        """The modes."""
        return [(str(int(one)), one.name.capitalize()) for one in Mode]


class PersonFilter(NumberFilter):
    """By recipient: set by links, it offers nothing to choose from."""

    title, parameter_name, column = "person", "person", "recipient_id"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Choices:
        """The one that is asked for."""
        asked = request.GET.get(self.parameter_name)
        return [(asked, f"person {asked}")] if asked else []


class ChannelFilter(NumberFilter):
    """By channel."""

    title, parameter_name, column = "channel", "channel", "channel"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Choices:
        """All channels."""
        return [(str(number), label) for number, label in channels.choices()]


class ReasonFilter(NumberFilter):
    """By reason."""

    title, parameter_name, column = "reason", "reason", "reason"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Choices:
        """Those a dead letter may have."""
        known = (Reason.RETRIES_EXHAUSTED, Reason.NO_RECEIPT, Reason.OUTCOME_UNKNOWN)
        return [(str(int(one)), one.name.lower().replace("_", " ")) for one in known]


class DeadFilter(NumberFilter):
    """Dead or uncertain."""

    title, parameter_name, column = "state", "state", "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Choices:
        """The states a dead letter may have."""
        return [(str(int(one)), STATES[one]) for one in (State.DEAD, State.UNCERTAIN)]


class DeadTypeFilter(TypeFilter):
    """By the type of what it is a delivery of."""

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Dead letters are few, so each looks its notification up: a join would read them all."""
        value = self.value()
        if value is None:
            return queryset
        if not value.isdigit() or len(value) > 15:
            return queryset.none()
        said = Notification.objects.filter(pk=OuterRef("notification_id")).values("type_id")[:1]
        found: QuerySet[Any] = queryset.alias(type_id=Subquery(said)).filter(type_id=int(value))
        return found


class ProviderFilter(admin.SimpleListFilter):
    """By the provider that was asked last."""

    title, parameter_name = "provider", "provider"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Choices:
        """Those that are configured, and the one that is asked for."""
        asked = request.GET.get(self.parameter_name)
        known = [*settings.DELIVERY_PROVIDERS, *([asked] if asked else [])]
        return [(alias, alias) for alias in dict.fromkeys(known)]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Those of the chosen alias."""
        value = self.value()
        return queryset if value is None else queryset.filter(provider=value)


class TimeFilter(admin.SimpleListFilter):
    """By the time in the id, so that only the months asked for are read. A month, unless told."""

    title, parameter_name = "time", "since"
    spans = {"hour": timedelta(hours=1), "day": timedelta(days=1), "week": timedelta(days=7)}

    def lookups(self, request: HttpRequest, model_admin: Any) -> Choices:
        """The spans; "all" reads every month there is."""
        return [
            ("hour", "Last hour"), ("day", "Last day"), ("week", "Last week"), ("all", "All of it"),
        ]  # fmt: skip

    def choices(self, changelist: Any) -> Iterator[Any]:
        """With the month as what holds when nothing is chosen."""
        first, *rest = super().choices(changelist)
        yield {**first, "display": "Last 30 days"}
        yield from rest

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Bound the id from below."""
        if self.value() == "all":
            return queryset
        span = self.spans.get(self.value() or "", timedelta(days=30))
        return queryset.filter(id__gte=ids.floor(timezone.now() - span))


class DeadTimeFilter(TimeFilter):
    """The same, and all of it unless told otherwise: no dead letter is forgotten for its age."""

    title = "accepted"
    spans = {**TimeFilter.spans, "month": timedelta(days=30)}

    def lookups(self, request: HttpRequest, model_admin: Any) -> Choices:
        """The spans."""
        return [(name, f"Last {name}") for name in self.spans]

    def choices(self, changelist: Any) -> Iterator[Any]:
        """As every filter has them, beginning with all."""
        return admin.SimpleListFilter.choices(self, changelist)

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Bound the id from below, where a span is chosen."""
        return super().queryset(request, queryset) if self.value() in self.spans else queryset
