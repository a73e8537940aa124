"""`POST /api/v1/users/bulk`: many people in one call, in as many statements as one."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from django.db import transaction
from django.utils import timezone
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework.request import Request
from rest_framework.response import Response

from notifysite.plumbing import audit
from notifysite.plumbing.faults import Fault, pointer
from preferences import people
from preferences.api import bodies, shapes
from preferences.api.doors import actor
from preferences.api.users import UserView
from preferences.people import Person, TooMuchSaid
from preferences.wanted import Wanted, WantedInvalid

_Faults = tuple[Fault, ...]


_ELSEWHERE = extend_schema(exclude=True)  # in the schema at /users/{user_id}


@extend_schema_view(get=_ELSEWHERE, put=_ELSEWHERE, patch=_ELSEWHERE, delete=_ELSEWHERE)
class BulkView(UserView):
    """Many people; and, for all other methods, the one person whose user id is "bulk"."""

    required_scopes = UserView.required_scopes | {"POST": "users:write"}

    @extend_schema(
        operation_id="users_bulk",
        request=shapes.BulkBody,
        responses=shapes.BulkAnswer,
        tags=["users"],
    )
    def post(self, request: Request, user_id: str = "bulk") -> Response:
        """Create or change up to 1,000 people, as by PATCH; a bad one never sinks the rest."""
        asked = bodies.users(request.data)
        wanted, wrong = _read(asked)
        with transaction.atomic():
            found = _upsert(wanted, wrong)
            if found:
                audit.record(
                    actor=actor(request),
                    action="users.changed",
                    target="users",
                    detail={"people": len(found)},
                )
        return Response({"results": [_result(i, one, found, wrong) for i, one in enumerate(asked)]})


def _read(asked: list[Any]) -> tuple[dict[int, Wanted], dict[int, _Faults]]:
    wanted: dict[int, Wanted] = {}
    wrong: dict[int, _Faults] = {}
    for index, body in enumerate(asked):
        try:
            wanted[index] = bodies.user(body, at=pointer("users", index))
        except WantedInvalid as invalid_one:
            wrong[index] = invalid_one.faults
    return wanted, wrong


def _upsert(wanted: dict[int, Wanted], wrong: dict[int, _Faults]) -> dict[int, Person]:
    """Write those that can be; who turns out too large goes over to `wrong`."""
    while wanted:
        try:
            with transaction.atomic():
                found = people.upsert(list(wanted.values()), now=timezone.now())
        except TooMuchSaid as refused:
            for index in [i for i, one in wanted.items() if one.user_id == refused.user_id]:
                del wanted[index]
                wrong[index] = tuple(
                    Fault(pointer("users", index) + fault.pointer, fault.code, fault.detail)
                    for fault in refused.faults
                )
        else:
            return dict(zip(wanted, found, strict=True))
    return {}


def _result(
    index: int, asked: Any, found: Mapping[int, Person], wrong: Mapping[int, _Faults]
) -> dict[str, Any]:
    if index in wrong:
        user_id = asked.get("user_id") if isinstance(asked, Mapping) else None
        return {
            "user_id": user_id if isinstance(user_id, str) else None,
            "status": "invalid",
            "errors": [asdict(fault) for fault in wrong[index]],
        }
    person = found[index]
    return {"user_id": person.user_id, "status": "created" if person.created else "updated"}
