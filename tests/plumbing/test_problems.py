"""Every error of the API is a problem document with a stable code; pages keep Django's own."""

import json
import logging
import sys
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied, RequestDataTooBig, SuspiciousOperation
from django.db import DatabaseError, InterfaceError, OperationalError, connection, transaction
from django.http import Http404
from django.test import Client, RequestFactory
from django.urls import path
from rest_framework import exceptions, serializers
from rest_framework.permissions import AllowAny
from rest_framework.renderers import JSONRenderer
from rest_framework.test import APIRequestFactory
from rest_framework.views import APIView

from notifysite.plumbing import problems
from notifysite.plumbing.problems import (
    MAX_FAULTS,
    PROBLEMS,
    Fault,
    Problem,
    StrictSerializerMixin,
    exception_handler,
    pointer,
    problem_response,
)


class Window(StrictSerializerMixin, serializers.Serializer):
    start = serializers.TimeField()


class Wish(StrictSerializerMixin, serializers.Serializer):
    id = serializers.IntegerField(read_only=True)
    channel = serializers.CharField()
    windows = Window(many=True, required=False)
    front = Window(required=False)
    tags = serializers.ListField(child=serializers.IntegerField(), required=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if attrs["channel"] == "never":
            raise serializers.ValidationError("Never say never.", code="never")
        return attrs


class Open(APIView):
    authentication_classes = ()
    permission_classes = (AllowAny,)
    renderer_classes = (JSONRenderer,)

    def post(self, request, fault):
        raise FAULTS[fault]


FAULTS: dict[str, Exception] = {}
urlpatterns = [
    path("api/v1/raise/<fault>", Open.as_view()),
    path("api/v1/broken", lambda request: 1 / 0),
    path("broken", lambda request: 1 / 0),
]
handler400 = problems.bad_request
handler403 = problems.permission_denied
handler404 = problems.not_found
handler500 = problems.server_error


def answer_to(exc: Exception, **extra: Any):
    FAULTS["this"] = exc
    request = APIRequestFactory().post("/api/v1/raise/this", {}, format="json", **extra)
    response = Open.as_view()(request, fault="this")
    response.render()
    return response


def faults_from(data: object, **options: Any) -> set[tuple[str, str]]:
    serializer = Wish(data=data, **options)
    with pytest.raises(exceptions.ValidationError) as caught:
        serializer.is_valid(raise_exception=True)
    return {
        (fault["pointer"], fault["code"])
        for fault in json.loads(answer_to(caught.value).content)["errors"]
    }


def test_a_problem_is_a_document_with_every_member():
    response = answer_to(
        Problem(
            409,
            "not_cancellable",
            detail="It was sent at noon.",
            faults=[Fault("/id", "sent", "Sent at noon.")],
            headers={"X-Sent": "noon"},
        )
    )

    assert response.status_code == 409
    assert response["Content-Type"] == "application/problem+json"
    assert response["X-Sent"] == "noon"
    assert json.loads(response.content) == {
        "type": "/api/docs/problems#not_cancellable",
        "title": "Not cancellable",
        "status": 409,
        "detail": "It was sent at noon.",
        "code": "not_cancellable",
        "errors": [{"pointer": "/id", "code": "sent", "detail": "Sent at noon."}],
    }


def test_without_a_detail_a_problem_gives_the_advice_of_its_kind():
    assert Problem.of("not_found").document()["detail"] == PROBLEMS["not_found"].advice


@pytest.mark.parametrize("code", sorted(PROBLEMS))
def test_every_kind_has_an_error_status_a_short_title_and_advice(code):
    kind = PROBLEMS[code]

    assert 400 <= kind.status <= 599
    assert kind.title[0].isupper()
    assert len(kind.title) <= 40
    assert not kind.title.endswith(".")
    assert kind.advice.endswith(".")


def test_titles_are_unlike_each_other_where_callers_act_differently():
    by_title = {kind.title for kind in PROBLEMS.values()}

    assert len(by_title) == len(PROBLEMS)


def test_a_code_outside_the_catalogue_needs_its_status():
    problem = Problem(409, "not_draft", detail="Only a draft can be changed.")

    assert problem.document()["title"] == "Conflict"
    with pytest.raises(KeyError):
        Problem.of("not_draft")


@pytest.mark.parametrize(
    ("exc", "status", "code", "detail"),
    [
        (exceptions.ParseError(), 400, "malformed_json", PROBLEMS["malformed_json"].advice),
        (
            exceptions.ParseError("Half a form."),
            400,
            "malformed_json",
            f"Half a form. {PROBLEMS['malformed_json'].advice}",
        ),
        (
            exceptions.NotAuthenticated(),
            401,
            "not_authenticated",
            PROBLEMS["not_authenticated"].advice,
        ),
        (
            exceptions.AuthenticationFailed("It ended in May.", code="key_expired"),
            401,
            "key_expired",
            f"It ended in May. {PROBLEMS['key_expired'].advice}",
        ),
        (
            exceptions.PermissionDenied(),
            403,
            "permission_denied",
            PROBLEMS["permission_denied"].advice,
        ),
        (
            exceptions.PermissionDenied("Needs send:live.", code="scope_missing"),
            403,
            "scope_missing",
            f"Needs send:live. {PROBLEMS['scope_missing'].advice}",
        ),
        (
            PermissionDenied("secret"),
            403,
            "permission_denied",
            PROBLEMS["permission_denied"].advice,
        ),
        (exceptions.NotFound(), 404, "not_found", PROBLEMS["not_found"].advice),
        (Http404("No Delivery matches"), 404, "not_found", PROBLEMS["not_found"].advice),
        (
            exceptions.MethodNotAllowed("PUT"),
            405,
            "method_not_allowed",
            'Method "PUT" not allowed. Use one of the methods that the Allow header names.',
        ),
        (exceptions.NotAcceptable(), 406, "not_acceptable", None),
        (exceptions.UnsupportedMediaType("text/xml"), 415, "unsupported_media_type", None),
        (exceptions.Throttled(), 429, "rate_limited", None),
        (exceptions.APIException(), 500, "internal_error", None),
        (exceptions.APIException("Half done."), 500, "internal_error", None),
        (OperationalError("server closed"), 503, "database_unavailable", None),
        (InterfaceError("connection already closed"), 503, "database_unavailable", None),
        (DatabaseError("server closed"), 503, "database_unavailable", None),
    ],
)
def test_exceptions_become_problems(exc, status, code, detail):
    response = answer_to(exc)

    document = json.loads(response.content)
    assert (response.status_code, document["status"], document["code"]) == (status, status, code)
    assert response["Content-Type"] == "application/problem+json"
    assert document["errors"] == []
    if detail is not None:
        assert document["detail"] == detail


@pytest.mark.parametrize(
    ("exc", "headers"),
    [
        (exceptions.NotAuthenticated(), {"WWW-Authenticate": "Bearer"}),
        (Problem.of("key_revoked"), {"WWW-Authenticate": "Bearer"}),
        (exceptions.PermissionDenied(), {}),
        (exceptions.Throttled(wait=1.2), {"Retry-After": "2"}),
        (exceptions.Throttled(), {}),
        (OperationalError(), {"Retry-After": "1"}),
        (Problem.of("commit_unknown"), {"Retry-After": "1"}),
        (Problem.of("idempotency_in_flight", headers={"Retry-After": "5"}), {"Retry-After": "5"}),
        (exceptions.ValidationError("no"), {}),
    ],
)
def test_only_the_headers_that_belong_to_the_answer_are_sent(exc, headers):
    response = exception_handler(exc, {})

    assert response is not None
    assert dict(response.headers) == {"Content-Type": "application/problem+json", **headers}


def test_a_lost_database_is_logged_with_its_cause_and_not_told_to_the_caller(caplog):
    with caplog.at_level(logging.ERROR, logger="notifysite.plumbing.problems"):
        response = answer_to(OperationalError("host db-7 is down"))

    assert b"db-7" not in response.content
    assert [record.exc_info[0] for record in caplog.records] == [OperationalError]


def test_what_nobody_expected_is_left_to_the_500_page():
    assert exception_handler(ZeroDivisionError(), {}) is None


@pytest.mark.parametrize("accept", ["text/html", "text/event-stream", "application/json", "*/*"])
def test_a_problem_is_json_whatever_the_caller_accepts(accept):
    response = answer_to(Problem.of("not_found"), HTTP_ACCEPT=accept)

    assert response["Content-Type"] == "application/problem+json"
    assert json.loads(response.content)["code"] in {"not_found", "not_acceptable"}


def test_an_echoed_lone_surrogate_does_not_break_the_answer():
    response = answer_to(Problem(400, "bad_character", detail="\ud800"))

    assert json.loads(response.content)["detail"] == "\ud800"


def test_faults_point_into_the_body():
    assert faults_from(
        {
            "windows": [{"start": "08:00"}, {"start": "late", "end": 1}, {}],
            "front": {"start": 5, "a/b~c": 0},
            "tags": [1, "x"],
            "colour": "red",
        }
    ) == {
        ("/channel", "required"),
        ("/windows/1/start", "invalid"),
        ("/windows/1/end", "unknown_field"),
        ("/windows/2/start", "required"),
        ("/front/start", "invalid"),
        ("/front/a~1b~0c", "unknown_field"),
        ("/tags/1", "invalid"),
        ("/colour", "unknown_field"),
    }


def test_faults_of_a_list_point_at_its_items():
    assert faults_from([{"channel": "sms"}, {"chanel": "sms"}], many=True) == {
        ("/1/channel", "required"),
        ("/1/chanel", "unknown_field"),
    }


def test_a_fault_of_the_whole_body_has_an_empty_pointer():
    assert faults_from({"channel": "never"}) == {("", "never")}
    assert faults_from([]) == {("", "invalid")}


def test_any_tree_of_errors_becomes_faults():
    response = answer_to(exceptions.PermissionDenied({"scope": ["Needs send:live."]}))

    assert json.loads(response.content)["errors"] == [
        {"pointer": "/scope", "code": "permission_denied", "detail": "Needs send:live."}
    ]


def test_an_unknown_field_alone_is_a_fault():
    assert faults_from({"channel": "sms", "x": 1}) == {("/x", "unknown_field")}


def test_a_field_that_is_only_read_may_be_sent_back():
    assert Wish(data={"id": 7, "channel": "sms"}).is_valid()


@pytest.mark.parametrize(
    ("name", "detail"),
    [
        ("chanel", "Unknown field; did you mean 'channel'?"),
        ("zzz", "Unknown field; remove it."),
        ("c" * 100_000, "Unknown field; remove it."),
    ],
)
def test_an_unknown_field_comes_with_advice(name, detail):
    wish = Wish(data={"channel": "sms", name: 1})

    assert not wish.is_valid()
    assert wish.errors[name] == [detail]


def test_faults_are_limited():
    problem = Problem.of(
        "data_invalid", faults=(Fault(pointer(n), "x", "x") for n in range(MAX_FAULTS + 5))
    )

    assert len(problem.document()["errors"]) == MAX_FAULTS


def test_pointers_are_escaped():
    assert pointer() == ""
    assert pointer("to", 3, "a/b", "~1", "") == "/to/3/a~1b/~01/"


@pytest.mark.django_db(transaction=True)
def test_a_handled_error_rolls_back_the_transaction_of_its_request():
    connection.ensure_connection()
    connection.settings_dict["ATOMIC_REQUESTS"] = True
    try:
        with transaction.atomic():
            exception_handler(Problem.of("not_found"), {})
            assert connection.needs_rollback
            connection.set_rollback(False)
            exception_handler(ZeroDivisionError(), {})
            assert not connection.needs_rollback
    finally:
        connection.settings_dict["ATOMIC_REQUESTS"] = False


@pytest.fixture
def site(settings):
    settings.ROOT_URLCONF = sys.modules[__name__]
    settings.MIDDLEWARE = []
    return Client(raise_request_exception=False)


@pytest.mark.parametrize(
    ("address", "status", "kind", "code"),
    [
        ("/api/v1/nowhere", 404, "application/problem+json", "not_found"),
        ("/api/v1/broken", 500, "application/problem+json", "internal_error"),
        ("/nowhere", 404, "text/html; charset=utf-8", None),
        ("/broken", 500, "text/html; charset=utf-8", None),
    ],
)
def test_the_api_gets_problems_and_pages_get_pages(site, address, status, kind, code):
    response = site.get(address)

    assert (response.status_code, response["Content-Type"]) == (status, kind)
    if code is not None:
        assert response.json()["code"] == code


@pytest.mark.parametrize(
    ("view", "exc", "code"),
    [
        (problems.bad_request, SuspiciousOperation("odd"), "bad_request"),
        (problems.bad_request, RequestDataTooBig("big"), "body_too_large"),
        (problems.permission_denied, PermissionDenied("secret"), "permission_denied"),
    ],
)
def test_refusals_before_the_view_are_problems_too(view, exc, code):
    response = view(RequestFactory().get("/api/v1/x"), exc)

    assert response.status_code == PROBLEMS[code].status
    assert json.loads(response.content)["code"] == code
    page = view(RequestFactory().get("/x"), exc)
    assert page["Content-Type"].startswith("text/html")


def test_plain_views_can_answer_a_problem():
    response = problem_response(Problem.of("not_authenticated"))

    assert response.status_code == 401
    assert response["WWW-Authenticate"] == "Bearer"
    assert response["Content-Type"] == "application/problem+json"
