"""Logs are JSON lines that carry ids, and never addresses, bodies or secrets."""

import io
import json
import logging
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from enum import IntEnum
from typing import Any

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from notifysite.plumbing import logs, redaction
from notifysite.plumbing.redaction import MASK, MAX_TEXT, redact, redact_value

PEM = "-----BEGIN RSA PRIVATE KEY-----\nMIIE/a+b c\n9\n-----END RSA PRIVATE KEY-----"
KEY = "ntf_live_ab12cd34_Zk3vT0pQm9Xw2Rr8Yy7Uu6Ii5Oo4Pp3Aa2Ss1Dd0Ff"


class Lines(io.StringIO):
    """A stream that is read as the entries written to it."""

    def entries(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.getvalue().splitlines()]

    def only(self) -> dict[str, Any]:
        (entry,) = self.entries()
        return entry


@pytest.fixture
def lines() -> Iterator[Lines]:
    """Configured logs; afterwards everything is as it was."""
    loggers = [logging.getLogger(), *map(logging.getLogger, (*logs._OTHERS, *logs._TALKATIVE))]
    before = [(logger, logger.handlers[:], logger.level, logger.propagate) for logger in loggers]
    stream = Lines()
    logs.configure("INFO", stream=stream)
    yield stream
    for logger, handlers, level, propagate in before:
        logger.handlers, logger.propagate = handlers, propagate
        logger.setLevel(level)
    logging.captureWarnings(False)
    structlog.reset_defaults()
    structlog.contextvars.clear_contextvars()


def test_a_stdlib_entry_is_one_json_line(lines):
    logging.getLogger("delivery.dispatch").warning("%d of %d sent", 3, 5)

    entry = lines.only()
    assert datetime.fromisoformat(entry.pop("timestamp")).tzinfo == UTC
    assert entry == {"event": "3 of 5 sent", "level": "warning", "logger": "delivery.dispatch"}


def test_a_structlog_entry_is_the_same_and_has_fields(lines):
    delivery = uuid.uuid4()

    structlog.get_logger("delivery.dispatch").info("settled", delivery_id=delivery, copies=1)

    entry = lines.only()
    del entry["timestamp"]
    assert entry == {
        "event": "settled",
        "level": "info",
        "logger": "delivery.dispatch",
        "delivery_id": str(delivery),
        "copies": 1,
    }


def test_what_is_below_the_level_is_not_written(lines):
    logging.getLogger("delivery").debug("x")
    structlog.get_logger("delivery").debug("x")

    assert lines.entries() == []


def test_bound_ids_are_on_every_entry_until_the_block_ends(lines):
    with logs.bind(notification_id="n1"):
        with logs.bind(notification_id="n2", delivery_id="d1"):
            logging.getLogger("a").info("inner")
        structlog.get_logger("b").info("outer")
    logging.getLogger("a").info("after")

    ids = ("notification_id", "delivery_id")
    assert [[entry.get(name) for name in ids] for entry in lines.entries()] == [
        ["n2", "d1"],
        ["n1", None],
        [None, None],
    ]


def test_ids_may_be_bound_for_the_rest_of_the_context(lines):
    logs.bind(lane="bulk")

    logging.getLogger("a").info("x")

    assert lines.only()["lane"] == "bulk"


def test_extra_fields_of_stdlib_entries_are_kept_and_redacted(lines):
    logging.getLogger("a").info("x", extra={"attempt": 2, "user_id": "ann@example.com"})

    entry = lines.only()
    assert (entry["attempt"], entry["user_id"]) == (2, MASK)


def test_control_characters_cannot_forge_a_line(lines):
    logging.getLogger("a").info('one\n{"event": "two"}\r\x1b[31m\x00\x7f\u2028\u0085')

    (raw,) = lines.getvalue().split("\n")[:-1]
    assert raw.isascii()
    assert raw.isprintable()
    assert json.loads(raw)["event"].startswith("one\n{")


def test_text_arguments_fields_and_tracebacks_are_redacted(lines):
    secret = "ann@example.com"
    try:
        raise ValueError(f"mailbox {secret} is full") from RuntimeError(f"Bearer {KEY}")
    except ValueError:
        logging.getLogger("a").exception("no luck with %s", secret)
        structlog.get_logger("a").exception("no luck", reason=f"call +4915112345678 for {secret}")

    text = lines.getvalue()
    assert "ValueError: mailbox [redacted] is full" in lines.entries()[0]["exception"]
    assert "ValueError: mailbox [redacted] is full" in lines.entries()[1]["exception"]
    for leak in ("ann@", "example.com", "4915112345678", KEY[-20:]):
        assert leak not in text


def test_an_entry_that_cannot_be_formatted_is_told_without_its_arguments(lines):
    logs.configure("INFO", stream=lines)  # takes off the handler of the test run, which raises

    logging.getLogger("a").info("%d deliveries", "ann@example.com")

    entry = lines.only()
    assert entry["event"] == "a log entry could not be written"
    assert entry["kind"] == "TypeError"
    assert entry["logger"] == "a"
    assert "ann" not in lines.getvalue()


@pytest.mark.parametrize("name", ["django.request", "uvicorn.error", "celery.worker"])
def test_libraries_log_through_the_same_lines(lines, name):
    own = logging.StreamHandler(io.StringIO())
    logging.getLogger(name).addHandler(own)
    logging.getLogger(name).propagate = False

    logs.configure("INFO", stream=lines)
    logging.getLogger(name).info("hello")

    assert own.stream.getvalue() == ""
    assert lines.only()["logger"] == name


def test_a_line_per_request_with_its_url_is_not_written(lines):
    logging.getLogger("uvicorn.access").info("GET /u/token")
    logging.getLogger("httpx").info("HTTP Request: POST https://hooks.example.com/secret")

    assert lines.entries() == []


def test_nudges_are_not_logged_but_what_breaks_over_one_is(lines):
    logging.getLogger("celery.worker.strategy").info("Task notifications.tasks.work[1] received")
    logging.getLogger("celery.app.trace").info("Task notifications.tasks.work[1] succeeded")
    logging.getLogger("celery.app.trace").error("Task notifications.tasks.work[2] raised")

    assert [entry["level"] for entry in lines.entries()] == ["error"]


def test_an_unknown_level_is_refused(lines):
    with pytest.raises(ValueError, match="LOUD"):
        logs.configure("LOUD", stream=lines)


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("mail to ann@example.com.", "mail to [redacted]"),
        ("<ann.o'neil+x@mail.example.co.uk>", "<[redacted]>"),
        ("zoë@münchen.de said", "[redacted] said"),
        ("?email=ann%40example.com&x=1", "?email=[redacted]&x=1"),
        ('{"to": "ann@example.com"}', '{"to": "[redacted]"}'),
        ("amqp://guest:guest@10.0.0.1:5672//", "amqp://guest:[redacted]:5672//"),
        ("call +4915112345678 now", "call [redacted] now"),
        ("call +1 (415) 555-2671 now", "call [redacted] now"),
        ("?phone=%2B4915112345678", "?phone=[redacted]"),
        ("tel:+44 20 7946 0958", "tel:[redacted]"),
        (f"Authorization: Bearer {KEY}", "Authorization: Bearer [redacted]"),
        ("{'Authorization': 'Basic dXNlcjpwYXNz'}", "{'Authorization': 'Basic [redacted]'}"),
        ("authorization=abc", "authorization=[redacted]"),
        ("used Bearer abc.defgh", "used Bearer [redacted]"),
        (f"key {KEY} is gone", "key [redacted] is gone"),
        ("GET /x?token=abc&page=2", "GET /x?token=[redacted]&page=2"),
        ("password='hunter2'", "password='[redacted]'"),
        ("PASSWD=hunter2", "PASSWD=[redacted]"),
        ("Set API-KEY: abc", "Set API-KEY: [redacted]"),
        ("api_key=abc&apikey=abc&sig=abc", "api_key=[redacted]&apikey=[redacted]&sig=[redacted]"),
        ("secret_access_key=abc", "secret_access_key=[redacted]"),
        ("signing_key=abc access_key_id=abc", "signing_key=[redacted] access_key_id=abc"),
        ("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.x", "[redacted].[redacted].x"),
        ("device " + "0a1b" * 16, "device [redacted]"),
        (f"private_key={PEM}, said", "private_key=[redacted], said"),
        (f"private_key={PEM[:60]}", "private_key=[redacted]"),
        ("fcm dEv1cE:APA91bHPRgkF3JUikC4ENAHEeMrd41Zxv3hVZjC9KtT8", "fcm dEv1cE:[redacted]"),
    ],
)
def test_what_is_private_is_masked(text, clean):
    assert redact(text) == clean


@pytest.mark.parametrize(
    "text",
    [
        "",
        "delivery 0190b1f4-7c1e-7abc-8def-0123456789ab took 12.5 ms",
        "0190b1f47c1e7abc8def0123456789ab",
        "2026-10-10T10:00:00.123456+00:00",
        'File "/srv/app/notifications/planning/decide.py", line 217, in decide',
        "test_an_answer_that_drips_in_ends_with_the_deadline_of_64_kib",
        "notifysite.plumbing.partitions.CreatePartitionedModel",
        "@decorator at 1760000000 + 5",
        "a key that was revoked; basic checks; bearer of news",
        "ConnectTimeout (TimeoutError)",
    ],
)
def test_what_logs_are_read_for_stays(text):
    assert redact(text) == text


def test_long_text_is_cut_in_the_middle():
    text = redact("a" * 50_000 + "end")

    assert len(text) < MAX_TEXT + 10
    assert text.endswith("end")


@pytest.mark.parametrize(
    "piece", ["a", "a-", "%4", "%40", "+1", "a@", "token", "aA1", "=", "a'", "'", "\\", "a b"]
)
def test_hostile_text_is_searched_in_linear_time(piece):
    # A quadratic pattern would not come back from this.
    for pattern in (redaction._TOKEN, *(rule[0] for rule in redaction._RULES)):
        assert pattern.sub(MASK, piece * 300_000)


class Lane(IntEnum):
    BULK = 3


class Loud:
    def __repr__(self) -> str:
        return "ann@example.com"

    __str__ = __repr__


@pytest.mark.parametrize(
    ("value", "clean"),
    [
        (None, None),
        (True, True),
        (7, 7),
        (1.5, 1.5),
        (float("nan"), "nan"),
        (Lane.BULK, "bulk"),
        (uuid.UUID(int=7), "00000000-0000-0000-0000-000000000007"),
        (datetime(2026, 1, 2, tzinfo=UTC), "2026-01-02T00:00:00+00:00"),
        (Loud(), "<Loud>"),
        (b"ann@example.com", "<bytes>"),
        (ValueError("ann@example.com"), "ValueError: [redacted]"),
        ({"a": ["ann@example.com", ("x",)], "Email": "x"}, {"a": [MASK, ["x"]], "Email": MASK}),
        ({"ann@example.com": 1}, {MASK: 1}),
        ({"body": {"text": "Hello"}, "lane": "bulk"}, {"body": MASK, "lane": "bulk"}),
    ],
)
def test_values_become_json_without_what_is_private(value, clean):
    assert redact_value(value) == clean


@given(st.emails(domains=st.sampled_from(["example.com", "mail.example.co.uk", "a.io"])))
def test_no_ordinary_email_address_survives(address):
    domain = address.rpartition("@")[2]

    assert domain not in redact(f"to {address} now")


@given(st.from_regex(r"\+[1-9][0-9]{7,14}", fullmatch=True))
def test_no_e164_number_survives(number):
    assert redact(f"to {number} now") == "to [redacted] now"
