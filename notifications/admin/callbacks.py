"""Callback endpoints of services: how each fares, what it was told, and telling it again."""

from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import URLPattern, reverse
from django.utils import timezone
from django.views.decorators.http import require_POST

from delivery.lifecycle import OutcomeKind, Reason, State
from notifications.admin import acts, replays
from notifications.callbacks import endpoints, showing
from notifications.callbacks.showing import Told
from notifications.models import CallbackEndpoint
from notifications.reasons import CODES, OUTCOMES, STATES, because
from notifications.replaying import Filter
from notifications.words import CallbackEvent, Disabled
from notifysite.plumbing.desk import ReadOnlyAdmin, actor, column

WHY = {
    Disabled.FAILING: "it failed for five days",
    Disabled.GONE: "it answered 410, it is gone",
    Disabled.SWITCHED_OFF: "it was switched off by hand",
}
# How far back what was given up is sent again.
SPANS = {"1": ("the last hour", 1), "24": ("the last day", 24), "168": ("the last week", 168)}

_WELL, _FAILING, _DISABLED = "well", "failing", "disabled"
_COLOURS = {_WELL: "success", _FAILING: "warning", _DISABLED: "danger"}
_PILLS = {_WELL: "good", _FAILING: "draft", _DISABLED: "bad"}
_STANDINGS = {
    _WELL: Q(enabled=True, failing_since=None),
    _FAILING: Q(enabled=True, failing_since__isnull=False),
    _DISABLED: Q(enabled=False),
}


class StandingFilter(admin.SimpleListFilter):
    """By how they fare."""

    title, parameter_name = "state", "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """The words of the column."""
        return [(word, word.capitalize()) for word in _STANDINGS]

    def queryset(
        self, request: HttpRequest, queryset: QuerySet[CallbackEndpoint]
    ) -> QuerySet[CallbackEndpoint]:
        """Those of the chosen word."""
        wanted = _STANDINGS.get(self.value() or "")
        return queryset if wanted is None else queryset.filter(wanted)


@admin.register(CallbackEndpoint)
class CallbackEndpointAdmin(ReadOnlyAdmin):
    """Where services are told; they make and change them by the API."""

    list_display = ("url", "service", "mode", "event_keys", "standing", "failing_since")
    list_filter = (StandingFilter, "service")
    list_select_related = ("service",)
    search_fields = ("url", "description")
    ordering = ("-id",)
    sortable_by = ()

    @column(description="Told of what is sent with")
    def mode(self, row: CallbackEndpoint) -> str:
        """Which keys."""
        return "test keys" if row.test else "live keys"

    @column(description="Events")
    def event_keys(self, row: CallbackEndpoint) -> str:
        """Which events."""
        return ", ".join(CallbackEvent(one).name.lower() for one in row.events)

    @column(description="State", label=_COLOURS)
    def standing(self, row: CallbackEndpoint) -> str:
        """How it fares, in a word."""
        return _standing(row)

    def get_urls(self) -> list[URLPattern]:
        """Switch, try, and tell again."""
        return [
            self.route("<int:pk>/switch/", require_POST(self.switch_view), "switch"),
            self.route("<int:pk>/ping/", require_POST(self.ping_view), "ping"),
            self.route("<int:pk>/replay/", require_POST(self.replay_view), "replay"),
            *super().get_urls(),
        ]

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> Any:
        """The list; whoever opens it is told of those that are disabled."""
        ended = self.get_queryset(request).filter(
            disabled_reason__in=[Disabled.FAILING, Disabled.GONE]
        )
        if request.method == "GET" and not request.GET and (count := ended.count()):
            are = "endpoint is" if count == 1 else "endpoints are"
            messages.warning(
                request,
                f"{count} {are} disabled for failing: what became of deliveries is not told there.",
            )
        return super().changelist_view(request, extra_context)

    def change_view(
        self, request: HttpRequest, object_id: str, *args: Any, **kwargs: Any
    ) -> HttpResponse:
        """How it fares, and what it was told last."""
        row = self.found(request, object_id)
        return self.page(
            request,
            "notifications/callback_endpoint.html",
            title=row.url,
            row=row,
            standing=_standing(row),
            pill=_PILLS[_standing(row)],
            why=WHY[Disabled(row.disabled_reason)] if row.disabled_reason else "",
            mode=self.mode(row),
            events=[CallbackEvent(one).key for one in row.events],
            log=list(_log(showing.log(row.pk))),
            logged=showing.LOGGED,
            spans=[(key, label) for key, (label, _) in SPANS.items()],
            may_change=self._may_change(request),
            may_replay=self._may_replay(request),
        )

    def switch_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Enable or disable it."""
        row = self._find(request, pk, may=self._may_change(request))
        endpoints.change(row, {"enabled": not row.enabled}, actor=actor(request))
        said = "It is told of new events again." if row.enabled else "It is told of nothing now."
        messages.success(request, said)
        return _back(row)

    def ping_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Send it a ping."""
        row = self._find(request, pk, may=self._may_change(request))
        endpoints.ping(row, actor=actor(request))
        messages.success(request, "A ping is on its way; what came of it is in the log below.")
        return _back(row)

    def replay_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Send one again, or all that was given up since a time."""
        row = self._find(request, pk, may=self._may_replay(request))
        try:
            wanted = _wanted(row, request.POST.dict())
        except ValueError as error:
            raise Http404 from error
        done, more = acts.replay_matching(request, wanted)
        replays.tell(request, done, more=more)
        return _back(row)

    def _find(self, request: HttpRequest, pk: int, *, may: bool) -> CallbackEndpoint:
        if not may:
            raise PermissionDenied
        return get_object_or_404(CallbackEndpoint, pk=pk)

    @staticmethod
    def _may_change(request: HttpRequest) -> bool:
        return bool(request.user.has_perm("notifications.change_callbackendpoint"))

    @staticmethod
    def _may_replay(request: HttpRequest) -> bool:
        return bool(request.user.has_perm("delivery.change_delivery"))


def _wanted(row: CallbackEndpoint, asked: Mapping[str, str]) -> Filter:
    """What is to be sent again. Raises ValueError for what is no id."""
    if one := asked.get("delivery"):
        return Filter(endpoint=row.pk, ids=[UUID(one)], states=None)
    if span := SPANS.get(asked.get("span", "")):
        return Filter(endpoint=row.pk, since=timezone.now() - timedelta(hours=span[1]))
    return Filter(endpoint=row.pk)


def _standing(row: CallbackEndpoint) -> str:
    if not row.enabled:
        return _DISABLED
    return _FAILING if row.failing_since else _WELL


def _log(told: list[Told]) -> Iterator[dict[str, Any]]:
    for one in told:
        state = State(one.delivery.state)
        reason = Reason(one.delivery.reason) if one.delivery.reason else None
        yield {
            "row": one.row,
            "event": CallbackEvent(one.row.event).key,
            "delivery": one.delivery,
            "state": state.name.lower(),
            "said": f"{STATES[state]}{because(reason)}",
            "waits": state is State.QUEUED,
            "replayable": state in (State.DEAD, State.UNCERTAIN),
            "tries": [
                {
                    "row": attempt,
                    "said": OUTCOMES[OutcomeKind(attempt.outcome)],
                    "detail": attempt.detail or CODES.get(attempt.code, ""),
                }
                for attempt in one.tries
            ],
        }


def _back(row: CallbackEndpoint) -> HttpResponse:
    url = reverse("admin:notifications_callbackendpoint_change", args=[row.pk])
    return HttpResponseRedirect(url)
