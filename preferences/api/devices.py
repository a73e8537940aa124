"""`…/devices`: browsers, phones, webhooks and chats, for services and for the person."""

from django.utils import timezone
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from preferences import devices
from preferences.addresses import Reach
from preferences.api import bodies, shapes
from preferences.api.doors import MyView, actor, faults_answered, listed, me, page, recipient_id
from preferences.directory import device_body, find_one

_ADDED = {200: shapes.DeviceAdded, 201: shapes.DeviceAdded}
_REMOVED = {204: OpenApiResponse(description="Removed.")}


class DevicesView(APIView):
    """The devices of one person."""

    required_scopes = {"GET": "users:read", "POST": "users:write"}

    @extend_schema(operation_id="devices_list", tags=["users"], responses=shapes.DevicePage)
    def get(self, request: Request, user_id: str) -> Response:
        """List a person's devices, oldest first."""
        return Response(page([device_body(row) for row in listed(user_id).devices]))

    @extend_schema(
        operation_id="devices_add", tags=["users"], request=shapes.DeviceBody, responses=_ADDED
    )
    def post(self, request: Request, user_id: str) -> Response:
        """Give a person a device; one that is there already stays as it is."""
        return _added(recipient_id(user_id), bodies.device(request.data), request)


class DeviceView(APIView):
    """One device of one person."""

    required_scopes = {"DELETE": "users:write"}

    @extend_schema(operation_id="devices_remove", tags=["users"], responses=_REMOVED)
    def delete(self, request: Request, user_id: str, device_id: int) -> Response:
        """Take a device from a person."""
        return _removed(recipient_id(user_id), device_id, request)


class MyDevicesView(MyView):
    """The devices of the caller."""

    @extend_schema(operation_id="me_devices_list", tags=["me"], responses=shapes.DevicePage)
    def get(self, request: Request) -> Response:
        """List my devices, oldest first."""
        found = find_one(pk=me(request).recipient_id)
        return Response(page([device_body(row) for row in found.devices] if found else []))

    @extend_schema(
        operation_id="me_devices_add", tags=["me"], request=shapes.DeviceBody, responses=_ADDED
    )
    def post(self, request: Request) -> Response:
        """Add a device of mine; one that is there already stays as it is."""
        return _added(me(request).recipient_id, bodies.own_device(request.data), request)


class MyDeviceView(MyView):
    """One device of the caller."""

    @extend_schema(operation_id="me_devices_remove", tags=["me"], responses=_REMOVED)
    def delete(self, request: Request, device_id: int) -> Response:
        """Remove a device of mine."""
        return _removed(me(request).recipient_id, device_id, request)


def _added(id: int, read: tuple[Reach, str], request: Request) -> Response:
    reach, label = read
    with faults_answered():
        made = devices.register(id, reach, label=label, actor=actor(request), now=timezone.now())
    body = device_body(made.device) | ({"secret": made.secret} if made.secret else {})
    return Response(body, status=201 if made.is_new else 200)


def _removed(id: int, device_id: int, request: Request) -> Response:
    with faults_answered():
        if not devices.retire(id, device_id, actor=actor(request), now=timezone.now()):
            raise NotFound
    return Response(status=204)
