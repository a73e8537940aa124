"""What a browser fetches before it can be sent to."""

import pytest
from django.conf import settings as configured
from django.test import Client
from rest_framework.test import APIClient

from notifysite.plumbing import vapid


def test_anybody_gets_the_public_key_and_only_that() -> None:
    answer = APIClient().get("/api/v1/push/key")
    private = configured.WEBPUSH_SETTINGS["VAPID_PRIVATE_KEY"]
    assert (answer.status_code, answer.json()) == (200, {"public_key": vapid.public(private)})
    assert private not in answer.content.decode()


def test_without_a_key_there_is_none(settings) -> None:
    settings.WEBPUSH_SETTINGS = {**settings.WEBPUSH_SETTINGS, "VAPID_PUBLIC_KEY": ""}
    answer = APIClient().get("/api/v1/push/key")
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


@pytest.mark.parametrize("debug", [False, True])
def test_the_worker_may_serve_the_whole_site_and_is_always_fresh(settings, debug) -> None:
    settings.DEBUG = debug
    answer = Client().get("/sw.js")
    assert answer.status_code == 200
    assert answer["Content-Type"] == "text/javascript; charset=utf-8"
    assert answer["Service-Worker-Allowed"] == "/"
    assert answer["Cache-Control"] == "no-cache"
    assert "connect-src 'self'" in answer["Content-Security-Policy"]
    assert b"showNotification" in answer.content


def test_the_worker_takes_no_post() -> None:
    assert Client().post("/sw.js").status_code == 405
