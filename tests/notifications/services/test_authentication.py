"""The header opens the door and nothing else does; what is refused is told apart and explained."""

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import path
from django.utils import timezone
from drf_spectacular.generators import SchemaGenerator
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from notifications.models import ApiKey, Service
from notifications.services import keys
from notifications.services.authentication import keyring
from notifications.words import Mode
from tests.factories import make_key, make_service

pytestmark = [pytest.mark.django_db, pytest.mark.urls(__name__)]


class Things(APIView):
    required_scopes = {"GET": "notifications:read", "POST": "notifications:send"}

    def get(self, request: Request) -> Response:
        caller = request.auth
        return Response({"service": caller.service_key, "mode": caller.mode.name.lower()})

    def post(self, request: Request) -> Response:
        return Response({}, 202)

    def put(self, request: Request) -> Response:
        return Response({})


class OneScope(APIView):
    required_scopes = "ops:read"

    def get(self, request: Request) -> Response:
        return Response({"user": str(request.user), "known": request.user.is_authenticated})


class NoScope(APIView):
    def get(self, request: Request) -> Response:
        return Response({})


class Public(NoScope):
    permission_classes = (AllowAny,)


urlpatterns = [
    path("api/v1/things", Things.as_view()),
    path("api/v1/one", OneScope.as_view()),
    path("api/v1/none", NoScope.as_view()),
    path("api/v1/public", Public.as_view()),
]


@pytest.fixture(autouse=True)
def _fresh_keyring():
    keyring.forget()
    yield
    keyring.forget()


def call(key: str = "", *, at: str = "things", method: str = "GET", **more: Any):
    header = {"authorization": f"Bearer {key}"} if key else {}
    return Client().generic(method, f"/api/v1/{at}", headers=header, **more)


def answer(response) -> tuple[int, str]:
    return response.status_code, response.json()["code"]


def test_a_key_in_the_header_opens_the_door():
    issued = make_key(make_service("shop"), mode=Mode.TEST)

    response = call(issued.secret)

    assert (response.status_code, response.json()) == (200, {"service": "shop", "mode": "test"})


def test_the_word_bearer_may_be_written_in_any_case():
    issued = make_key()

    response = Client().get(
        "/api/v1/things", headers={"authorization": f"bEARER  {issued.secret} "}
    )

    assert response.status_code == 200


def test_a_call_costs_one_query_and_the_next_none(django_assert_num_queries):
    issued = make_key()

    with django_assert_num_queries(1):
        assert call(issued.secret).status_code == 200
    with django_assert_num_queries(0):
        assert call(issued.secret).status_code == 200


def test_the_user_of_the_call_is_the_service():
    issued = make_key(make_service("shop"), scopes=["ops:read"])

    assert call(issued.secret, at="one").json() == {"user": "service:shop", "known": True}


@pytest.mark.parametrize(
    "header",
    ["", "Bearer", "Bearer ", "Basic bnRmOm50Zg==", "Token x", "Bearer eyJhbGciOi", "Bearer ntf_x"],
)
def test_without_a_key_the_door_is_shut(header):
    response = Client().get("/api/v1/things", headers={"authorization": header})

    assert answer(response) == (401, "not_authenticated")
    assert response["WWW-Authenticate"] == "Bearer"
    assert response["Content-Type"] == "application/problem+json"


def test_a_session_does_not_open_the_door(admin_user: User):
    client = Client()
    client.force_login(admin_user)

    assert answer(client.get("/api/v1/things")) == (401, "not_authenticated")
    assert client.get("/api/v1/public").status_code == 200


@pytest.mark.parametrize("beside", [False, True])
def test_a_key_in_the_query_string_is_refused_with_advice(beside):
    secret = make_key().secret

    response = call(secret if beside else "", at=f"things?api_key={secret}")

    assert answer(response) == (401, "not_authenticated")
    assert "query string" in response.json()["detail"]
    assert secret not in response.content.decode()


def test_a_user_id_that_looks_a_little_like_a_key_is_no_key():
    assert call(make_key().secret, at="things?user_id=ntf_live_me").status_code == 200


def test_an_unknown_prefix_and_a_wrong_secret_get_the_same_answer():
    head, _, secret = make_key().secret.rpartition("_")

    wrong = call(f"{head}_{secret[::-1]}")
    unknown = call(f"ntf_live_abcdefghijkl_{secret}")

    assert answer(wrong) == (401, "not_authenticated")
    assert wrong.headers.pop("X-Request-Id") != unknown.headers.pop("X-Request-Id")
    assert wrong.content == unknown.content
    own = "X-Request-Id"  # each answer has its own
    assert [pair for pair in wrong.items() if pair[0] != own] == [
        pair for pair in unknown.items() if pair[0] != own
    ]


@pytest.mark.parametrize("change", ["revoked_at", "expires_at"])
def test_only_the_right_secret_learns_that_a_key_is_over(change):
    issued = make_key()
    ApiKey.objects.update(**{change: timezone.now() - timedelta(seconds=1)})
    head, _, secret = issued.secret.rpartition("_")

    code = {"revoked_at": "key_revoked", "expires_at": "key_expired"}[change]
    assert answer(call(issued.secret)) == (401, code)
    assert answer(call(f"{head}_{secret[::-1]}")) == (401, "not_authenticated")


def test_a_key_expires_while_it_is_remembered(django_assert_num_queries, monkeypatch):
    end = timezone.now() + timedelta(days=1)
    issued = make_key(expires_at=end)
    assert call(issued.secret).status_code == 200

    # Only the clock of the wall moves; the key is remembered by the other one.
    monkeypatch.setattr(timezone, "now", lambda: end)

    with django_assert_num_queries(0):
        assert answer(call(issued.secret)) == (401, "key_expired")


def test_the_keys_of_a_service_that_is_switched_off_open_nothing():
    issued = make_key()
    Service.objects.update(active=False)

    response = call(issued.secret)

    assert answer(response) == (401, "key_revoked")
    assert "switched off" in response.json()["detail"]


def test_a_missing_scope_is_named():
    issued = make_key(scopes=["notifications:read"])

    response = call(issued.secret, method="POST")

    assert answer(response) == (403, "scope_missing")
    assert "`notifications:send`" in response.json()["detail"]


def test_each_method_asks_for_its_own_scope():
    issued = make_key(scopes=["notifications:send"])

    assert call(issued.secret, method="POST").status_code == 202
    assert answer(call(issued.secret)) == (403, "scope_missing")


def test_head_asks_for_the_scope_of_get():
    assert call(make_key(scopes=["notifications:read"]).secret, method="HEAD").status_code == 200
    assert call(make_key(scopes=["ops:read"]).secret, method="HEAD").status_code == 403


def test_a_view_that_names_no_scope_lets_nobody_in(caplog):
    issued = make_key(scopes=keys.SCOPES)

    assert answer(call(issued.secret, at="none")) == (403, "permission_denied")
    assert answer(call(issued.secret, method="PUT")) == (403, "permission_denied")
    assert [record.message for record in caplog.records if record.levelname == "ERROR"] == [
        "view without required_scopes"
    ] * 2


@pytest.mark.parametrize("method", ["DELETE", "OPTIONS", "PATCH"])
def test_a_method_that_no_view_has_is_405_for_callers_only(method):
    assert answer(call(make_key().secret, method=method)) == (405, "method_not_allowed")
    assert answer(call(method=method)) == (401, "not_authenticated")


def test_a_view_may_open_itself_to_everybody():
    assert call(at="public").status_code == 200


def test_the_schema_tells_of_bearer_keys_and_the_scope_of_each_call():
    schema = SchemaGenerator(patterns=urlpatterns[:1]).get_schema(request=None, public=True)

    scheme = schema["components"]["securitySchemes"]["ApiKey"]
    assert (scheme["type"], scheme["scheme"]) == ("http", "bearer")
    assert all(f"`{scope}`" in scheme["description"] for scope in keys.SCOPES)
    things = schema["paths"]["/api/v1/things"]
    assert things["get"]["security"] == [{"ApiKey": ["notifications:read"]}]
    assert things["post"]["security"] == [{"ApiKey": ["notifications:send"]}]
