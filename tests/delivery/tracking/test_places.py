"""Addresses of tracking: opaque, short, and of what may be tracked only."""

from typing import Any
from uuid import UUID

import pytest

from delivery.tracking import places
from delivery.tracking.places import Click, NotOurs

DELIVERY = UUID("0192f0c1-2345-7abc-8def-0123456789ab")
SHOP = "https://shop.example/orders/A-17?utm_source=mail&x=%20#parcel"


def token_of(url: str | None) -> str:
    assert url is not None
    return url.removesuffix(".gif").strip("/").rpartition("/")[2]


def test_a_link_knows_its_delivery_and_where_it_leads() -> None:
    url = places.click_url(DELIVERY, SHOP)

    assert places.read_click(token_of(url)) == Click(DELIVERY, SHOP)


def test_a_picture_knows_its_delivery() -> None:
    assert places.read_open(token_of(places.open_url(DELIVERY))) == DELIVERY


def test_nothing_of_where_it_leads_can_be_seen() -> None:
    url = places.click_url(DELIVERY, SHOP)

    assert url is not None
    assert url.startswith("http://testserver/t/c/")
    assert "shop" not in url
    assert "?" not in url
    assert str(DELIVERY) not in url


@pytest.mark.parametrize(
    "target",
    [
        "",
        "#top",
        "/orders",
        "mailto:help@acme.test",
        "tel:+15551234",
        "javascript:alert(1)",
        "data:text/html,x",
        "ftp://shop.example/",
        "//shop.example/",
        "https:///orders",
        "https://ann:secret@shop.example/",
        "https://shop.example\\@evil.example/",
        "https://shop.example/a b",
        "https://sh\u00f6p.example/",
        "https://shop.example/\r\nSet-Cookie: a=b",
        "https://[shop.example/",
        "http://testserver",
        "http://testserver/preferences/abc/",
        "http://testserver/u/abc/",
    ],
)
def test_what_is_no_web_address_of_others_stays_as_it_is(target: str) -> None:
    assert places.click_url(DELIVERY, target) is None


def test_a_neighbour_whose_name_begins_like_ours_is_not_us() -> None:
    assert places.click_url(DELIVERY, "http://testserver.example/") is not None


def test_no_tracked_link_is_longer_than_a_thousand_characters() -> None:
    fits = [
        url
        for length in range(600, 900)
        if (url := places.click_url(DELIVERY, "https://shop.example/".ljust(length, "x")))
    ]

    assert max(len(url) for url in fits) in range(places.LONGEST - 4, places.LONGEST + 1)
    assert places.click_url(DELIVERY, "https://shop.example/".ljust(2_000, "x")) is None


def test_a_click_is_no_open_and_an_open_is_no_click() -> None:
    with pytest.raises(NotOurs):
        places.read_open(token_of(places.click_url(DELIVERY, SHOP)))
    with pytest.raises(NotOurs):
        places.read_click(token_of(places.open_url(DELIVERY)))


def test_the_address_of_the_site_may_have_a_path(settings: Any) -> None:
    settings.PUBLIC_URL = "https://example.org/notify/"

    assert str(places.open_url(DELIVERY)).startswith("https://example.org/notify/t/o/")
    assert places.click_url(DELIVERY, "https://example.org/notify/u/abc/") is None
    assert places.click_url(DELIVERY, "https://example.org/shop/") is not None
