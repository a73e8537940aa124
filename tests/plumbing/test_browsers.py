"""Who brings credentials to the API has no session; everybody else has what browsers need."""

import pytest
from asgiref.sync import async_to_sync
from django.http import HttpResponse
from django.test import Client
from django.urls import path
from django.utils import translation

pytestmark = [pytest.mark.django_db, pytest.mark.urls(__name__)]


def has(request):
    names = [name for name in ("session", "user", "_messages") if hasattr(request, name)]
    return HttpResponse(" ".join(names))


async def has_later(request):
    return has(request)


def speak(request):
    return HttpResponse(f"{request.LANGUAGE_CODE} {translation.get_language()}")


async def speak_later(request):
    return speak(request)


urlpatterns = [
    path("api/v1/speak", speak),
    path("api/v1/speak_later", speak_later),
    path("speak", speak),
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


KEY = {"authorization": "Bearer x"}
GERMAN = {"accept-language": "de-CH,de;q=0.9"}


@pytest.mark.parametrize("asked", ["/api/v1/speak", "/api/v1/speak_later", "/speak"])
@pytest.mark.parametrize(
    ("headers", "language"),
    [(KEY, "en"), (KEY | GERMAN, "de"), (GERMAN, "de"), ({}, "en")],
)
def test_who_asks_for_a_language_gets_it_and_programs_that_do_not_the_sites(
    asked, headers, language
):
    with translation.override("de"):  # what the thread spoke before does not matter
        answer = Client().get(asked, headers=headers)

    assert answer.content.decode() == f"{language} {language}"
    assert answer["Content-Language"] == language
    assert answer["Vary"] == "Accept-Language"
