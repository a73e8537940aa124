"""Requests on behalf of others reach the public internet only, however the URL is spelt."""

import pytest

from notifysite.plumbing.destinations import (
    Origin,
    UnsafeURL,
    is_public,
    origin_of,
    parse_origins,
    place_of,
)
from notifysite.plumbing.http import OutboundClient

NAMES = {
    "example.com": ["93.184.216.34", "2606:2800:21f:cb07:6820:80da:af6b:8b2c"],
    "xn--mnchen-3ya.de": ["93.184.216.34"],
    "localhost": ["127.0.0.1", "::1"],
    "db": ["10.0.0.5"],
    "private.example": ["192.168.1.1"],
    "mixed.example": ["93.184.216.34", "10.0.0.1"],
    "mixed6.example": ["93.184.216.34", "fd00::1"],
    "metadata.google.internal": ["169.254.169.254"],
    "localhost.": ["127.0.0.1"],
    "127.0.0.1.nip.example": ["127.0.0.1"],
    "odd.example": ["not an address"],
    "scoped.example": ["fe80::1%eth0"],
}

REFUSED = [
    # not a URL for us
    "",
    "example.com",
    "//example.com/",
    "ftp://example.com/",
    "file:///etc/passwd",
    "gopher://example.com/",
    "javascript:alert(1)",
    "http://example.com/",
    "https://",
    "https:///path",
    "https://exa mple.com/",
    "https://exa\tmple.com/",
    "https://exa\r\nmple.com/",
    "https://example.com\\@127.0.0.1/",
    "https://user:password@example.com/",
    "https://user@example.com/",
    "https://example.com:99999/",
    "https://example.com:x/",
    "https://example.com/" + "a" * 2048,
    # ports
    "https://example.com:22/",
    "https://example.com:25/",
    "https://example.com:0/",
    "https://example.com:5432/",
    # addresses
    "https://127.0.0.1/",
    "https://127.8.8.8:8443/",
    "https://0.0.0.0/",
    "https://10.1.2.3/",
    "https://172.16.0.1/",
    "https://192.168.0.1/",
    "https://169.254.169.254/latest/meta-data/",
    "https://168.63.129.16/",
    "https://100.64.0.1/",
    "https://100.100.100.200/",
    "https://192.0.0.192/",
    "https://192.0.2.1/",
    "https://192.88.99.1/",
    "https://198.18.0.1/",
    "https://224.0.0.1/",
    "https://240.0.0.1/",
    "https://255.255.255.255/",
    "https://[::]/",
    "https://[::1]/",
    "https://[::127.0.0.1]/",
    "https://[::ffff:127.0.0.1]/",
    "https://[::ffff:8.8.8.8]/",
    "https://[64:ff9b::7f00:1]/",
    "https://[64:ff9b:1::1]/",
    "https://[2002:7f00:1::]/",
    "https://[2001:0:4136:e378:8000:63bf:3fff:fdd2]/",
    "https://[2001:db8::1]/",
    "https://[3fff::1]/",
    "https://[fc00::1]/",
    "https://[fd00:ec2::254]/",
    "https://[fe80::1]/",
    "https://[fe80::1%25eth0]/",
    "https://[fec0::1]/",
    "https://[ff02::1]/",
    # other spellings of addresses
    "https://2130706433/",
    "https://127.1/",
    "https://0x7f000001/",
    "https://0x7f.0.0.1/",
    "https://0177.0.0.1/",
    "https://127.0.0.1./",
    "https://①②⑦.⓪.⓪.①/",
    "https://127。0。0。1/",
    "https://%31%32%37.0.0.1/",
    # names
    "https://localhost/",
    "https://LOCALHOST/",
    "https://localhost./",
    "https://db:443/",
    "https://private.example/",
    "https://mixed.example/",
    "https://mixed6.example/",
    "https://metadata.google.internal/",
    "https://127.0.0.1.nip.example/",
    "https://odd.example/",
    "https://scoped.example/",
]


class Dialled(Exception):
    """A connection was about to be made."""


class NoDialling:
    def connect_tcp(self, host, port, **options):
        raise Dialled(host)


def look_up(host: str, port: int) -> list[str]:
    if host not in NAMES:
        raise OSError("unknown")
    return NAMES[host]


@pytest.fixture(scope="module")
def client():
    client = OutboundClient(resolver=look_up, dialer=NoDialling())
    yield client
    client.close()


@pytest.mark.parametrize("url", REFUSED)
def test_a_url_that_leads_inside_is_refused_when_given_and_when_used(client, url):
    with pytest.raises(UnsafeURL):
        client.check_url(url)
    with pytest.raises(UnsafeURL):
        client.post(url, content=b"", headers={}, deadline=5)


@pytest.mark.parametrize(
    "url",
    [
        "https://example.com/hook?x=1#y",
        "https://EXAMPLE.com:8443",
        "https://example.com:80/",
        "https://münchen.de/",
        "https://8.8.8.8/",
        "https://[2606:4700:4700::1111]/",
    ],
)
def test_a_public_url_passes(client, url):
    client.check_url(url)
    with pytest.raises(Dialled):
        client.post(url, content=b"", headers={}, deadline=5)


def test_a_name_nobody_knows_yet_is_not_unsafe(client):
    client.check_url("https://not-yet.example/")


def test_a_name_is_looked_up_for_every_new_connection(settings):
    answers = [["93.184.216.34"], ["127.0.0.1"]]
    client = OutboundClient(resolver=lambda host, port: answers.pop(0), dialer=NoDialling())

    client.check_url("https://rebinding.example/")

    with pytest.raises(UnsafeURL, match="not on the public internet"):
        client.post("https://rebinding.example/", content=b"", headers={}, deadline=5)
    assert answers == []


def test_the_address_that_was_checked_is_the_one_that_is_dialled():
    answers = [["93.184.216.34"], ["127.0.0.1"]]
    client = OutboundClient(resolver=lambda host, port: answers.pop(0), dialer=NoDialling())

    with pytest.raises(Dialled, match=r"^93\.184\.216\.34$"):
        client.post("https://rebinding.example/", content=b"", headers={}, deadline=5)
    assert answers == [["127.0.0.1"]]


def test_plain_http_is_for_those_who_ask_for_it():
    client = OutboundClient(schemes=("https", "http"), resolver=look_up, dialer=NoDialling())

    client.check_url("http://example.com/")

    with pytest.raises(UnsafeURL):
        client.check_url("http://localhost/")


def test_an_allowed_origin_may_be_private_and_no_other_port_of_it(client, settings):
    settings.OUTBOUND_ALLOWED_ORIGINS = ["http://127.0.0.1:5678", "https://db"]

    client.check_url("http://127.0.0.1:5678/hook")
    client.check_url("https://db:443/hook")

    for url in ("http://127.0.0.1:5679/", "https://127.0.0.1:5678/", "http://db/"):
        with pytest.raises(UnsafeURL):
            client.check_url(url)


def test_the_reason_can_be_shown(client):
    with pytest.raises(UnsafeURL) as caught:
        client.check_url("https://secret.token@example.com/path")

    assert caught.value.reason == "The URL must not carry a user name or password."


@pytest.mark.parametrize("address", ["1.1.1.1", "93.184.216.34", "2606:4700:4700::1111"])
def test_public_addresses_are_public(address):
    assert is_public(address)


def test_origins_are_compared_in_one_spelling():
    assert origin_of("HTTPS://Example.COM/a") == Origin("https", "example.com", 443)
    assert parse_origins(("http://[::1]:80",)) == {Origin("http", "::1", 80)}


PLACES = ["one=example.com/hooks/", "two=*.example.com/", "any=*/open/"]


@pytest.mark.parametrize(
    ("url", "word"),
    [
        ("https://example.com/hooks/7", "one"),
        ("https://EXAMPLE.com:443/hooks/7", "one"),
        ("https://a.b.example.com/", "two"),
        ("https://elsewhere.example/open/7", "any"),
        ("https://example.com/other", None),
        ("https://example.com/hooks/../other", None),
        ("https://badexample.com/hooks/7", None),
    ],
)
def test_a_place_is_a_host_and_how_paths_begin(url, word):
    assert place_of(url, PLACES) == word


def test_the_resolver_of_the_system_is_asked_by_default():
    client = OutboundClient(dialer=NoDialling())

    with pytest.raises(UnsafeURL, match="not on the public internet"):
        client.check_url("https://localhost/")
