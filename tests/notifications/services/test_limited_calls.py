"""What callers see of the limit: headers on every answer, and when to come back."""

import socket
from collections.abc import Iterator

import pytest
from django.db import connection
from django.test import Client
from django.urls import path
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from notifications.services import limits
from notifications.services.authentication import keyring
from tests.factories import make_key

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.urls(__name__),
    pytest.mark.usefixtures("_fresh_limiter"),
]


class Ping(APIView):
    required_scopes = {"GET": "notifications:read"}

    def get(self, request: Request) -> Response:
        return Response({"results": []})


class Missing(APIView):
    required_scopes = "users:read"

    def get(self, request: Request) -> Response:
        return Response({}, 404)


class Public(Ping):
    permission_classes = (AllowAny,)


urlpatterns = [
    path("api/v1/ping", Ping.as_view()),
    path("api/v1/missing", Missing.as_view()),
    path("api/v1/public", Public.as_view()),
]


@pytest.fixture
def _fresh_limiter() -> Iterator[None]:
    limits.limiter.cache_clear()
    keyring.forget()
    yield
    limits.limiter.cache_clear()
    keyring.forget()


@pytest.fixture
def frozen() -> Iterator[socket.socket]:
    """A server that takes connections and never says a word."""
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen(64)
        yield server


def callers_of(server: socket.socket) -> int:
    """How many connections were made to the server."""
    server.setblocking(False)
    count = 0
    while True:
        try:
            connection, _ = server.accept()
        except BlockingIOError:
            return count
        connection.close()
        count += 1


@pytest.fixture
def get():
    secret = make_key().secret

    def get(at: str = "ping", *, key: str = secret):
        client = Client(raise_request_exception=False)
        return client.get(f"/api/v1/{at}", headers={"authorization": f"Bearer {key}"})

    return get


def test_every_answer_to_a_key_carries_the_headers(get, settings):
    settings.API_REQUESTS_PER_MINUTE = 7

    answers = [get(), get("missing")]

    assert [answer.status_code for answer in answers] == [200, 404]
    assert [answer["RateLimit-Policy"] for answer in answers] == ['"key";q=7;w=60'] * 2
    assert [answer["RateLimit"].split(";t=")[0] for answer in answers] == [
        '"key";r=6',
        '"key";r=5',
    ]


def test_one_call_too_many_is_told_when_to_come_back(get, settings):
    settings.API_REQUESTS_PER_MINUTE = 2
    assert [get().status_code for _ in range(2)] == [200, 200]

    answer = get()

    assert (answer.status_code, answer.json()["code"]) == (429, "rate_limited")
    assert answer["Content-Type"] == "application/problem+json"
    assert 1 <= int(answer["Retry-After"]) <= 60
    assert answer["RateLimit"] == f'"key";r=0;t={answer["Retry-After"]}'


def test_another_key_has_a_count_of_its_own(get, settings):
    settings.API_REQUESTS_PER_MINUTE = 1
    assert [get().status_code for _ in range(2)] == [200, 429]

    assert get(key=make_key().secret).status_code == 200


def test_without_a_key_there_is_no_limit_of_a_key(settings):
    settings.API_REQUESTS_PER_MINUTE = 1

    answers = [Client().get("/api/v1/public") for _ in range(3)]

    assert [answer.status_code for answer in answers] == [200, 200, 200]
    assert not any(answer.has_header("RateLimit") for answer in answers)


def test_a_frozen_redis_is_asked_once_and_every_call_answered(get, settings, frozen):
    settings.REDIS_URL = f"redis://127.0.0.1:{frozen.getsockname()[1]}/0"
    settings.API_REQUESTS_PER_MINUTE = 3
    limits.limiter.cache_clear()
    limits.limiter(settings.REDIS_URL).outage.clock = lambda: 0.0

    answers = [get() for _ in range(4)]

    assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
    assert answers[0]["RateLimit-Policy"] == '"key";q=3;w=60'
    assert callers_of(frozen) == 1


@pytest.fixture
def _locked(transactional_db: None) -> Iterator[None]:
    """Somebody else has the table of counts, and we are not patient."""
    other = connection.copy()
    with other.cursor() as theirs, connection.cursor() as ours:
        theirs.execute("BEGIN")
        theirs.execute("LOCK TABLE api_call_count")
        ours.execute("SET lock_timeout = '20ms'")
        yield
        theirs.execute("ROLLBACK")
        ours.execute("RESET lock_timeout")
    other.close()


@pytest.mark.usefixtures("_locked")
def test_where_redis_and_the_database_fail_the_call_is_told_to_come_again(get, settings, frozen):
    settings.REDIS_URL = f"redis://127.0.0.1:{frozen.getsockname()[1]}/0"
    limits.limiter.cache_clear()

    answer = get()

    assert (answer.status_code, answer.json()["code"]) == (503, "database_unavailable")
    assert "Retry-After" in answer
