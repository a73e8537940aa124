"""The HTML of a mail: its links lead through us, and nothing else is changed."""

import re
from html import unescape
from uuid import UUID

from delivery.tracking import places, rewriting

DELIVERY = UUID("0192f0c1-2345-7abc-8def-0123456789ab")


def tracked(html: str) -> str:
    return rewriting.tracked(html, delivery=DELIVERY)


def targets(html: str) -> list[str]:
    """Where the links lead, tracked or not."""
    found = []
    for href in re.findall(r'<a(?:rea)?\s[^>]*?href="([^"]*)"', html):
        url = unescape(href)
        token = url.strip("/").rpartition("/")[2]
        found.append(places.read_click(token).target if "/t/c/" in url else url)
    return found


def test_links_lead_through_us_and_on_to_where_they_led() -> None:
    html = (
        '<p><a class="b" href="https://shop.example/?a=1&amp;b=2" style="x">A</a> '
        '<area\nhref="https://other.example/#c" alt="B"></p>'
    )

    changed = tracked(html)

    assert "shop.example" not in changed
    assert "other.example" not in changed
    assert targets(changed) == [
        "https://shop.example/?a=1&b=2",
        "https://other.example/#c",
    ]
    assert ' style="x">A</a>' in changed


def test_what_is_no_link_to_the_web_stays_as_it_is() -> None:
    html = (
        '<a href="mailto:help@acme.test">M</a><a href="#top">T</a><a name="href="x">N</a>'
        '<a href="http://testserver/u/abc/">U</a><a data-href="https://shop.example/">D</a>'
        '<abbr href="https://shop.example/">A</abbr><link href="https://shop.example/x.css">'
        '<img src="https://shop.example/x.png"><p>https://shop.example/</p>'
    )

    assert rewriting.without_picture(tracked(html)) == html


def test_the_picture_stands_at_the_end_of_the_body() -> None:
    changed = tracked("<html><body><p>Hi</p></body></html>")

    assert changed == (
        f'<html><body><p>Hi</p><img src="{places.open_url(DELIVERY)}" width="1" height="1" alt=""'
        ' style="border:0;width:1px;height:1px"></body></html>'
    )
    assert tracked("<p>Hi</p>").startswith("<p>Hi</p><img ")


def test_a_retry_is_the_same_byte_for_byte() -> None:
    html = '<body><a href="https://shop.example/">A</a></body>'

    assert tracked(html) == tracked(html)


def test_who_only_looks_loads_no_picture() -> None:
    html = '<body><a href="https://shop.example/">A</a></body>'

    looked_at = rewriting.without_picture(tracked(html))

    assert "<img" not in looked_at
    assert "/t/c/" in looked_at


def test_more_than_a_hundred_links_are_left_alone() -> None:
    html = "".join(f'<a href="https://shop.example/{n}">x</a>' for n in range(150))

    changed = tracked(html)

    assert changed.count("/t/c/") == rewriting.MOST_LINKS
    assert targets(changed) == [f"https://shop.example/{n}" for n in range(150)]


def test_html_that_never_ends_a_tag_is_read_in_no_time() -> None:
    html = "<a " * 50_000

    assert rewriting.without_picture(tracked(html)) == html
