"""What carries messages: how providers are, the routes of channels, and steering both."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from django.conf import settings
from django.db import transaction
from django.http import Http404
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from delivery import channels, overview, registry, routing, standing, steering
from delivery.health import Way
from notifications.api import standings
from notifications.api.standings import (
    DrillBody,
    ProviderPageSerializer,
    ProviderSerializer,
    RouteBody,
    RoutePageSerializer,
    RouteSerializer,
    SteerBody,
)
from notifications.services.authentication import operator_of
from notifysite.plumbing.faults import Fault, checked
from notifysite.plumbing.problems import Problem


class ProviderList(APIView):
    """The providers of this installation."""

    required_scopes = "ops:read"

    @extend_schema(
        operation_id="providers_list", responses=ProviderPageSerializer, summary="List providers"
    )
    def get(self, request: Request) -> Response:
        """List configured providers, and how each is on each of its channels."""
        return Response({"results": _providers(), "next": None, "previous": None})


class ProviderDetail(APIView):
    """One provider."""

    required_scopes = "ops:read"

    @extend_schema(
        operation_id="providers_get", responses=ProviderSerializer, summary="Look at a provider"
    )
    def get(self, request: Request, alias: str) -> Response:
        """Say how it is on each of its channels."""
        return _provider(alias)


class ProviderDrain(APIView):
    """Give a provider no new message."""

    required_scopes = "ops:write"

    @extend_schema(
        operation_id="providers_drain",
        request=SteerBody,
        responses=ProviderSerializer,
        summary="Drain a provider",
    )
    def post(self, request: Request, alias: str) -> Response:
        """Give it no new message: other providers of the route take them, or they wait for it.
        Repeating changes nothing."""
        return _steered(request, alias, SteerBody, [steering.drain])


class ProviderResume(APIView):
    """Give a provider messages again."""

    required_scopes = "ops:write"

    @extend_schema(
        operation_id="providers_resume",
        request=SteerBody,
        responses=ProviderSerializer,
        summary="Resume a provider",
    )
    def post(self, request: Request, alias: str) -> Response:
        """End a drain, and a drill. Repeating changes nothing."""
        return _steered(request, alias, SteerBody, [steering.resume, steering.end_drill])


class ProviderDrill(APIView):
    """Rehearse the failure of a provider."""

    required_scopes = "ops:write"

    @extend_schema(
        operation_id="providers_drill",
        request=DrillBody,
        responses=ProviderSerializer,
        summary="Drill the failure of a provider",
    )
    def post(self, request: Request, alias: str) -> Response:
        """Fail every call to it, without making one, for some seconds; `resume` ends it early. A
        drill that runs goes on as it is."""
        return _steered(request, alias, DrillBody, [steering.drill])


class ProviderTry(APIView):
    """Try a provider that is open."""

    required_scopes = "ops:write"

    @extend_schema(
        operation_id="providers_try",
        request=SteerBody,
        responses=ProviderSerializer,
        summary="Try an open provider now",
    )
    def post(self, request: Request, alias: str) -> Response:
        """Let the next message probe it; if that goes through, it gets messages again."""
        return _steered(request, alias, SteerBody, [steering.try_now])


class RouteList(APIView):
    """Which providers carry which channel."""

    required_scopes = "ops:read"

    @extend_schema(operation_id="routes_list", responses=RoutePageSerializer, summary="List routes")
    def get(self, request: Request) -> Response:
        """List the routes that hold now, from the admin or else from the settings."""
        return Response({"results": standings.routes(), "next": None, "previous": None})


class RouteDetail(APIView):
    """The route of one channel."""

    required_scopes = {"GET": "ops:read", "PATCH": "ops:write"}

    @extend_schema(
        operation_id="routes_get", responses=RouteSerializer, summary="Look at a channel's route"
    )
    def get(self, request: Request, channel: str) -> Response:
        """Its providers in the order in which they are tried."""
        return Response(_route(_number(channel)))

    @extend_schema(
        operation_id="routes_change",
        request=RouteBody,
        responses=RouteSerializer,
        summary="Change a channel's route",
    )
    def patch(self, request: Request, channel: str) -> Response:
        """Change weights, take providers out or put them in (last); those not named stay as they
        are. Without any left, messages are skipped as `no_provider`."""
        number, actor = _number(channel), operator_of(request)
        said = checked(RouteBody(data=request.data))
        with transaction.atomic():
            for place, entry in enumerate(said["entries"]):
                _change(Way(entry["provider"], number), entry, place, actor, said["reason"])
        routing.forget()
        return Response(_route(number))


def _change(way: Way, entry: Mapping[str, Any], place: int, actor: str, reason: str) -> None:
    by: dict[str, str] = {"actor": actor, "reason": reason}
    try:
        steering.check(way)
        if entry.get("enabled"):
            steering.enable(way, **by)
        if "weight" in entry:
            steering.weigh(way, entry["weight"], **by)
        if entry.get("enabled") is False:
            steering.disable(way, **by)
    except steering.NotCarried as unknown:
        raise _invalid(f"/entries/{place}/provider", str(unknown)) from unknown


def _steered(
    request: Request, alias: str, body: type[SteerBody], deeds: Iterable[Callable[..., bool]]
) -> Response:
    """Do it on the channel that was named, or on all that the provider carries."""
    if alias not in settings.DELIVERY_PROVIDERS:
        raise Http404
    actor = operator_of(request)
    said = checked(body(data=request.data))
    number = said.pop("channel", None)
    try:
        for way in _ways(alias, number):
            for deed in deeds:
                deed(way, actor=actor, **said)
    except steering.NotCarried as unknown:
        raise _invalid("/channel", str(unknown)) from unknown
    return _provider(alias)


def _ways(alias: str, channel: int | None) -> list[Way]:
    if channel is not None:
        return [Way(alias, channel)]
    return [
        Way(alias, spec.number)
        for spec in channels.every()
        if registry.carries(alias, spec.number)
    ]  # fmt: skip


def _providers(only: str | None = None) -> list[dict[str, Any]]:
    found = overview.read()
    return [
        {
            "alias": alias,
            "backend": entry["BACKEND"],
            "channels": [standings.way(one) for one in found if one.standing.way.alias == alias],
        }
        for alias, entry in settings.DELIVERY_PROVIDERS.items()
        if only in (None, alias)
    ]


def _provider(alias: str) -> Response:
    for found in _providers(alias):
        return Response(found)
    raise Http404


def _route(number: int) -> dict[str, Any]:
    return standings.route(number, standing.read(channel=number))


def _number(channel: str) -> int:
    try:
        return channels.by_key(channel).number
    except channels.UnknownChannel:
        raise Http404 from None


def _invalid(pointer: str, detail: str) -> Problem:
    return Problem.of("validation_failed", faults=[Fault(pointer, "not_carried", detail)])
