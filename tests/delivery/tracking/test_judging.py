"""Who it was: a person or a machine, and why."""

import pytest

from delivery.lifecycle import EventKind
from delivery.tracking.judging import PERSON, Facts, Machine, Reason, fetched_ahead, who
from delivery.tracking.machines import PARTS, PROXIES, WHOLE

OPENED, CLICKED = EventKind.OPENED, EventKind.CLICKED
BROWSER = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/140.0.0.0 Safari/537.36"
)
GMAIL = "Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 (via ggpht.com GoogleImageProxy)"
YAHOO = "YahooMailProxy; https://help.yahoo.com/kb/yahoo-mail-proxy-SLN28749.html"
OUTLOOK = "Mozilla/4.0 (compatible; ms-office; MSOffice 16)"
GMAIL_AHEAD = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/42.0.2311.135 Safari/537.36 Edge/12.246 Mozilla/5.0"
)


@pytest.mark.parametrize("kind", [OPENED, CLICKED])
@pytest.mark.parametrize("agent", [BROWSER, OUTLOOK, "Mozilla/5.0 (iPhone) Mail/1"])
def test_a_browser_or_a_mail_program_is_a_person(kind: EventKind, agent: str) -> None:
    assert who(Facts(kind=kind, agent=agent, since_sent=600)) == PERSON


@pytest.mark.parametrize("agent", [GMAIL, YAHOO])
def test_a_proxy_opens_for_a_person_and_clicks_for_nobody(agent: str) -> None:
    assert who(Facts(kind=OPENED, agent=agent, since_sent=600)) == PERSON
    assert who(Facts(kind=CLICKED, agent=agent, since_sent=600)) == Machine(Reason.AGENT)


@pytest.mark.parametrize(
    "agent",
    [
        "Mozilla/5.0",  # Apple's privacy protection
        GMAIL_AHEAD,
        "Barracuda Sentinel (EE)",
        "python-requests/2.32.3",
        "curl/8.5.0",
        "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
        "Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)",
        f"{BROWSER} HeadlessChrome/140.0",
    ],
)
def test_known_machines_are_machines(agent: str) -> None:
    assert who(Facts(kind=OPENED, agent=agent, since_sent=600)) == Machine(Reason.AGENT)


@pytest.mark.parametrize("agent", ["", "   "])
def test_who_has_no_name_is_a_machine(agent: str) -> None:
    assert who(Facts(kind=CLICKED, agent=agent, since_sent=600)) == Machine(Reason.NAMELESS)


@pytest.mark.parametrize(
    ("headers", "ahead"),
    [
        ({"Sec-Purpose": "prefetch"}, True),
        ({"Sec-Purpose": "prefetch;prerender"}, True),
        ({"Purpose": "prefetch"}, True),
        ({"X-Moz": "Prefetch"}, True),
        ({"Purpose": "reading"}, False),
        ({}, False),
    ],
)
def test_browsers_say_when_they_fetch_ahead(headers: dict[str, str], ahead: bool) -> None:
    assert fetched_ahead(headers) is ahead


def test_what_is_fetched_ahead_is_no_persons() -> None:
    facts = Facts(kind=CLICKED, agent=BROWSER, ahead=True, since_sent=600)

    assert who(facts) == Machine(Reason.PREFETCH)


@pytest.mark.parametrize(
    ("since_sent", "links", "expected"),
    [
        (None, 1, PERSON),
        (None, 9, PERSON),
        (-1.0, 1, Machine(Reason.BEFORE_SENT)),
        (0.0, 1, Machine(Reason.TOO_SOON)),
        (1.9, 1, Machine(Reason.TOO_SOON)),
        (2.0, 1, PERSON),
        (2.0, 2, Machine(Reason.SEVERAL_AT_ONCE)),
        (29.9, 2, Machine(Reason.SEVERAL_AT_ONCE)),
        (30.0, 9, PERSON),
    ],
)
def test_haste_gives_a_machine_away(since_sent: float | None, links: int, expected: object) -> None:
    facts = Facts(kind=CLICKED, agent=BROWSER, since_sent=since_sent, links=links)

    assert who(facts) == expected


def test_every_name_is_in_small_letters_and_has_a_source() -> None:
    for one in (*PROXIES, *WHOLE, *PARTS):
        assert one.name == one.name.lower()
        assert one.name
        assert one.source
