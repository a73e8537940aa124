"""Errors as the caller sees them: RFC 9457 problem documents with stable codes."""

import json
import logging
import math
from collections.abc import Iterable, Mapping
from http import HTTPStatus
from itertools import islice
from typing import Any, Self

from django.core.exceptions import PermissionDenied, RequestDataTooBig
from django.db import DatabaseError, InterfaceError, connections
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.views import defaults
from rest_framework import exceptions
from rest_framework.renderers import BaseRenderer
from rest_framework.response import Response

from notifysite.plumbing.faults import Fault, StrictSerializerMixin, faults_of, pointer
from notifysite.plumbing.outages import is_outage
from notifysite.plumbing.problem_kinds import PROBLEMS, ProblemKind

__all__ = [
    "PROBLEMS",
    "Fault",
    "Problem",
    "ProblemKind",
    "ProblemRenderer",
    "StrictSerializerMixin",
    "bad_request",
    "exception_handler",
    "not_found",
    "permission_denied",
    "pointer",
    "problem_response",
    "server_error",
]

logger = logging.getLogger(__name__)

MEDIA_TYPE = "application/problem+json"
DOCS = "/api/docs/problems"
MAX_FAULTS = 100

_CODE_OF_STATUS = {
    400: "malformed_json",
    401: "not_authenticated",
    403: "permission_denied",
    404: "not_found",
    405: "method_not_allowed",
    406: "not_acceptable",
    415: "unsupported_media_type",
    422: "validation_failed",
    429: "rate_limited",
}


class Problem(Exception):
    """An answer that is an error; what is left out comes from the catalogue entry of `code`."""

    def __init__(
        self,
        status: int,
        code: str,
        *,
        title: str = "",
        detail: str = "",
        faults: Iterable[Fault] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        kind = PROBLEMS.get(code) or ProblemKind(status, HTTPStatus(status).phrase, "")
        self.status = status
        self.code = code
        self.title = title or kind.title
        self.detail = detail or kind.advice
        self.faults = tuple(islice(faults, MAX_FAULTS))
        self.headers = _default_headers(status, kind) | dict(headers or {})
        super().__init__(f"{status} {code}: {self.detail}")

    @classmethod
    def of(
        cls,
        code: str,
        detail: str = "",
        *,
        faults: Iterable[Fault] = (),
        headers: Mapping[str, str] | None = None,
    ) -> Self:
        """Make the problem that the catalogue knows by `code`; KeyError when it knows none."""
        return cls(PROBLEMS[code].status, code, detail=detail, faults=faults, headers=headers)

    def document(self) -> dict[str, Any]:
        """Return the problem document: type, title, status, detail, code and errors."""
        return {
            "type": f"{DOCS}#{self.code}",
            "title": self.title,
            "status": self.status,
            "detail": self.detail,
            "code": self.code,
            "errors": [
                {"pointer": fault.pointer, "code": fault.code, "detail": fault.detail}
                for fault in self.faults
            ],
        }


def _default_headers(status: int, kind: ProblemKind) -> dict[str, str]:
    headers = {}
    if status == HTTPStatus.UNAUTHORIZED:
        headers["WWW-Authenticate"] = "Bearer"
    if kind.retry_after is not None:
        headers["Retry-After"] = str(kind.retry_after)
    return headers


class ProblemRenderer(BaseRenderer):
    """Renders a problem document; used for errors only, whatever the caller accepts."""

    media_type = MEDIA_TYPE
    format = "problem"
    charset = None

    def render(
        self,
        data: Any,
        accepted_media_type: str | None = None,
        renderer_context: Mapping[str, Any] | None = None,
    ) -> bytes:
        """Return `data` as compact JSON; lone surrogates stay escaped, so it cannot fail."""
        return json.dumps(data, separators=(",", ":")).encode()


class ProblemResponse(Response):
    """A response of the REST framework that stays a problem after content negotiation."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(
            problem.document(),
            status=problem.status,
            headers=problem.headers,
            content_type=MEDIA_TYPE,
        )
        self["Content-Type"] = MEDIA_TYPE

    @property
    def rendered_content(self) -> Any:
        """Return the document, rendered by the problem renderer."""
        return ProblemRenderer().render(self.data)


def exception_handler(exc: Exception, context: Mapping[str, Any]) -> Response | None:
    """Answer an exception of a REST view with a problem; None leaves it to `server_error`."""
    problem = _problem_of(exc)
    if problem is None:
        return None
    _roll_back()
    return ProblemResponse(problem)


def _roll_back() -> None:
    # The same as rest_framework.views.set_rollback; importing that module from here would be a
    # cycle, for it loads the default parser, which raises the problems of this module.
    for connection in connections.all(initialized_only=True):
        if connection.settings_dict["ATOMIC_REQUESTS"] and connection.in_atomic_block:
            connection.set_rollback(True)


def _problem_of(exc: Exception) -> Problem | None:
    match exc:
        case Problem():
            return exc
        case Http404():
            return Problem.of("not_found")
        case PermissionDenied():
            return Problem.of("permission_denied")
        case DatabaseError() | InterfaceError() if is_outage(exc):
            logger.error("database unavailable", exc_info=exc)
            return Problem.of("database_unavailable")
        case exceptions.ValidationError():
            return Problem.of("validation_failed", faults=faults_of(exc.detail))
        case exceptions.APIException():
            return _translate(exc)
    return None


def _translate(exc: exceptions.APIException) -> Problem:
    # The framework turns 401 into 403 where the first authenticator has no challenge; ours has.
    anonymous = isinstance(exc, (exceptions.NotAuthenticated, exceptions.AuthenticationFailed))
    status = HTTPStatus.UNAUTHORIZED if anonymous else HTTPStatus(exc.status_code)
    code = _code_of(exc, status)
    wait = getattr(exc, "wait", None)
    headers = {"Retry-After": str(math.ceil(wait))} if wait is not None else {}
    if not isinstance(exc.detail, str):
        return Problem(status, code, faults=faults_of(exc.detail), headers=headers)
    return Problem(status, code, detail=_detail_of(exc, code), headers=headers)


def _code_of(exc: exceptions.APIException, status: int) -> str:
    own = getattr(exc.detail, "code", "")
    if own in PROBLEMS and PROBLEMS[own].status == status:
        return own
    return _CODE_OF_STATUS.get(status, "internal_error")


def _detail_of(exc: exceptions.APIException, code: str) -> str:
    advice = PROBLEMS[code].advice
    said = str(exc.detail)
    return advice if said == str(exc.default_detail) else f"{said} {advice}"


def problem_response(problem: Problem) -> HttpResponse:
    """Answer a problem from outside the REST framework: middleware and plain views."""
    content = ProblemRenderer().render(problem.document())
    return HttpResponse(
        content, status=problem.status, headers=problem.headers, content_type=MEDIA_TYPE
    )


def _is_api(request: HttpRequest) -> bool:
    return request.path_info.startswith("/api/")


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponseBase:
    """handler400: a problem for the API, Django's page elsewhere."""
    if not _is_api(request):
        return defaults.bad_request(request, exception)
    too_big = isinstance(exception, RequestDataTooBig)
    return problem_response(Problem.of("body_too_large" if too_big else "bad_request"))


def permission_denied(request: HttpRequest, exception: Exception) -> HttpResponseBase:
    """handler403: a problem for the API, Django's page elsewhere."""
    if not _is_api(request):
        return defaults.permission_denied(request, exception)
    return problem_response(Problem.of("permission_denied"))


def not_found(request: HttpRequest, exception: Exception) -> HttpResponseBase:
    """handler404: a problem for the API, Django's page elsewhere."""
    if not _is_api(request):
        return defaults.page_not_found(request, exception)
    return problem_response(Problem.of("not_found"))


def server_error(request: HttpRequest) -> HttpResponseBase:
    """handler500: a problem for the API, Django's page elsewhere."""
    if not _is_api(request):
        return defaults.server_error(request)
    return problem_response(Problem.of("internal_error"))
