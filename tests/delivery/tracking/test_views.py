"""The addresses that mails lead to: fast, forged by nobody, and without a look at the database.

No test here may use the database, so each that passes proves that a reader gets on without it.
"""

import re
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import pytest
from django.test import Client

from delivery.tracking import places
from delivery.tracking.hits import collector
from notifysite.plumbing import opaque
from preferences import links

DELIVERY = UUID("0192f0c1-2345-7abc-8def-0123456789ab")
SHOP = "https://shop.example/orders?number=A-17&x=%C3%BC#parcel"


def path(url: str | None) -> str:
    assert url is not None
    return urlsplit(url).path


def click_path(target: str = SHOP) -> str:
    return path(places.click_url(DELIVERY, target))


def test_a_link_leads_on(browser: Client) -> None:
    answer = browser.get(click_path())

    assert answer.status_code == 302
    assert answer["Location"] == SHOP
    assert answer["Referrer-Policy"] == "no-referrer"
    assert answer["Cache-Control"] == "no-store"
    assert answer["X-Robots-Tag"] == "noindex"
    assert not answer.cookies


def test_the_picture_is_a_dot_that_no_cache_keeps(browser: Client) -> None:
    answer = browser.get(path(places.open_url(DELIVERY)))

    assert answer.status_code == 200
    assert answer["Content-Type"] == "image/gif"
    assert answer["Cache-Control"] == "no-store"
    assert len(answer.content) == 43
    assert answer.content.startswith(b"GIF89a\x01\x00\x01\x00")


def test_no_parameter_changes_where_it_leads(browser: Client) -> None:
    evil = "https://evil.example/"
    answer = browser.get(click_path(), {"url": evil, "next": evil, "to": evil, "u": evil})

    assert answer["Location"] == SHOP


@pytest.mark.parametrize("method", ["post", "put", "patch", "delete"])
@pytest.mark.parametrize("strict", [False, True])
def test_links_are_only_followed(method: str, strict: bool) -> None:
    browser = Client(enforce_csrf_checks=strict)

    assert getattr(browser, method)(click_path()).status_code == 405


def _tamperings() -> dict[str, str]:
    token = click_path().split("/")[3]
    other = path(places.click_url(DELIVERY, "https://evil.example/")).split("/")[3]
    picture = path(places.open_url(DELIVERY)).split("/")[3].removesuffix(".gif")
    raw = opaque.decode(token)
    subject = UUID(int=7)
    forged = {
        "one character less": token[:-1],
        "four characters less": token[:-4],
        "one character more": f"{token}A",
        "the first changed": f"{'B' if token[0] == 'A' else 'A'}{token[1:]}",
        "the last changed": f"{token[:-1]}{'A' if token[-1] != 'A' else 'Q'}",
        "in capitals": token.upper(),
        "in small letters": token.lower(),
        "reversed": token[::-1],
        "twice": token + token,
        "padded": f"{token}=",
        "the other alphabet": token.replace("-", "+").replace("_", "+") + "+",
        "a blank after it": f"{token}%20",
        "a zero byte after it": f"{token}%00",
        "a line break after it": f"{token}%0d%0aLocation:%20https://evil.example",
        "another's tag": other[:22] + token[22:],
        "another's content": token[:22] + other[22:],
        "without its tag": opaque.encode(raw[16:]),
        "its tag alone": opaque.encode(raw[:16]),
        "a bit of the delivery": opaque.encode(raw[:16] + bytes([raw[16] ^ 1]) + raw[17:]),
        "a bit of the target": opaque.encode(raw[:40] + bytes([raw[40] ^ 1]) + raw[41:]),
        "in clear": opaque.encode(DELIVERY.bytes + b"https://evil.example/"),
        "a plain address": "https:%2F%2Fevil.example%2F",
        "a host": "evil.example",
        "a picture's": picture,
        "a preference link's": path(links.preferences_url(subject)).split("/")[2],
        "sealed for something else": opaque.seal("tracking", raw),
        "a script": opaque.seal("tracking.click", DELIVERY.bytes + b"javascript:alert(1)"),
        "a relative address": opaque.seal("tracking.click", DELIVERY.bytes + b"//evil.example/"),
        "too long": "A" * 5_000,
        "zeros": "A" * len(token),
        "two dots": "..%2f..%2fadmin",
        "digits": "1",
        "no UTF-8": opaque.seal("tracking.click", DELIVERY.bytes + b"https://x.example/\xff"),
        "no delivery": opaque.seal("tracking.click", b"https://evil.example/"),
        "nothing in it": opaque.seal("tracking.click", DELIVERY.bytes[:4]),
    }
    return {name: f"/t/c/{wrong}/" for name, wrong in forged.items()}


@pytest.mark.parametrize("address", _tamperings().values(), ids=_tamperings().keys())
def test_what_was_tampered_with_leads_nowhere(browser: Client, address: str) -> None:
    answer = browser.get(address)

    assert answer.status_code == 404
    assert "Location" not in answer
    assert not re.search(rb"evil\.example", answer.content)
    assert collector.waiting() == 0


def test_there_are_enough_tamperings() -> None:
    assert len(_tamperings()) >= 30


@pytest.mark.parametrize("token", ["A", "A" * 43, "A" * 5_000, "..%2f"])
def test_no_picture_of_ours_is_a_picture_of_nobody(browser: Client, token: str) -> None:
    assert browser.get(f"/t/o/{token}.gif").status_code == 404


def test_another_hosts_name_changes_nothing(browser: Client, settings: Any) -> None:
    address = click_path()
    settings.ALLOWED_HOSTS = ["testserver", "elsewhere.test"]

    answer = browser.get(address, headers={"Host": "elsewhere.test"})

    assert answer["Location"] == SHOP


def test_head_is_answered_and_never_counts(browser: Client) -> None:
    answers = [browser.head(click_path()), browser.head(path(places.open_url(DELIVERY)))]

    assert [answer.status_code for answer in answers] == [302, 200]
    assert collector.waiting() == 0


def test_a_loop_on_one_link_is_one_hit(browser: Client) -> None:
    for _ in range(50):
        browser.get(click_path())

    assert collector.waiting() == 1
