"""Who brings credentials to the API has no session; everybody else has what browsers need."""

import pytest
from asgiref.sync import async_to_sync
from django.http import HttpResponse
from django.test import Client
from django.urls import path

pytestmark = [pytest.mark.django_db, pytest.mark.urls(__name__)]


def has(request):
    names = [name for name in ("session", "user", "_messages") if hasattr(request, name)]
    return HttpResponse(" ".join(names))


async def has_later(request):
    return has(request)


urlpatterns = [
    path("api/v1/has", has),
    path("api/v1/has_later", has_later),
    path("has", has),
]

ALL = b"session user _messages"


@pytest.mark.parametrize(
    ("asked", "headers", "found"),
    [
        ("/api/v1/has", {"authorization": "Bearer x"}, b""),
        ("/api/v1/has_later", {"authorization": "Bearer x"}, b""),
        ("/api/v1/has", {}, ALL),
        ("/api/v1/has_later", {}, ALL),
        ("/has", {"authorization": "Bearer x"}, ALL),
    ],
)
def test_only_credentials_for_the_api_do_without(asked, headers, found):
    assert Client().get(asked, headers=headers).content == found


@pytest.mark.parametrize("asked", ["/api/v1/has", "/api/v1/has_later"])
def test_it_is_so_in_an_event_loop_too(asked, async_client):
    answer = async_to_sync(async_client.get)(asked, headers={"authorization": "Bearer x"})

    assert answer.content == b""
