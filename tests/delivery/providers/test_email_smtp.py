"""Mail servers over a real SMTP connection: what each answer, or its loss, comes to."""

import socket
import threading

import pytest

from delivery.lifecycle import OutcomeKind
from tests.delivery.providers.messages import message, one
from tests.fakes.smtp import DRIP, DROP, HANG, SLOW, SLOW_SECONDS, WHEN_MORE_CAME


def test_two_messages_share_one_kept_connection(mailer, smtp) -> None:
    provider = mailer()
    assert one(provider).kind is OutcomeKind.ACCEPTED
    assert one(provider).kind is OutcomeKind.ACCEPTED
    assert [letter.session for letter in smtp.letters] == [1, 1]


def test_a_kept_connection_serves_on_after_a_refusal(mailer, smtp) -> None:
    provider = mailer()
    smtp.on("RCPT", "550 5.1.1 <bob@example.com>: no such mailbox")
    first, second = message("bob@example.com"), message()
    outcomes = {each.reference: each.kind for each in provider.send([first, second])}
    assert outcomes == {
        first.reference: OutcomeKind.REFUSED_ADDRESS,
        second.reference: OutcomeKind.ACCEPTED,
    }
    assert (smtp.sessions, [letter.recipient for letter in smtp.letters]) == (
        1,
        ["ann@example.com"],
    )


def test_a_connection_the_server_closed_meanwhile_is_opened_again(mailer, smtp) -> None:
    provider = mailer()
    one(provider)
    smtp.hang_up()
    assert one(provider).kind is OutcomeKind.ACCEPTED
    assert smtp.sessions == 2


def test_a_server_that_has_had_enough_of_a_connection_gets_a_new_one(mailer, smtp) -> None:
    provider = mailer()
    one(provider)
    smtp.on("MAIL", "421 4.7.0 Too many messages on this connection")
    assert one(provider).kind is OutcomeKind.ACCEPTED
    assert (smtp.sessions, len(smtp.letters)) == (2, 2)


def test_as_many_connections_as_threads_carry_a_flight(mailer, smtp) -> None:
    provider = mailer(threads=4)
    sent = [message(f"person{number}@example.com") for number in range(20)]
    outcomes = list(provider.send(sent))
    assert {outcome.kind for outcome in outcomes} == {OutcomeKind.ACCEPTED}
    assert sorted(letter.recipient for letter in smtp.letters) == sorted(m.address for m in sent)
    assert smtp.sessions <= 4


@pytest.mark.parametrize(
    ("step", "answer", "kind", "code"),
    [
        ("CONNECT", "421 4.3.2 Too busy", OutcomeKind.TRANSIENT, "421 4.3.2"),
        ("CONNECT", "554 5.7.1 Your host is listed", OutcomeKind.ACCOUNT, "554 5.7.1"),
        ("MAIL", "451 4.3.0 Later", OutcomeKind.TRANSIENT, "451 4.3.0"),
        ("MAIL", "530 5.7.0 Authentication required", OutcomeKind.ACCOUNT, "530 5.7.0"),
        ("MAIL", "550 5.7.515 Not authenticated", OutcomeKind.ACCOUNT, "550 5.7.515"),
        ("MAIL", "553 5.1.8 Sender unknown", OutcomeKind.ACCOUNT, "553 5.1.8"),
        ("MAIL", "552 5.3.4 Too big", OutcomeKind.REFUSED_MESSAGE, "552 5.3.4"),
        ("RCPT", "450 4.2.1 Mailbox busy", OutcomeKind.TRANSIENT, "450 4.2.1"),
        ("RCPT", "550 5.1.1 No such mailbox", OutcomeKind.REFUSED_ADDRESS, "550 5.1.1"),
        ("RCPT", "550 5.2.1 Mailbox disabled", OutcomeKind.REFUSED_ADDRESS, "550 5.2.1"),
        ("RCPT", "551 5.1.6 Has moved", OutcomeKind.REFUSED_ADDRESS, "551 5.1.6"),
        ("RCPT", "553 5.1.3 Bad syntax", OutcomeKind.REFUSED_ADDRESS, "553 5.1.3"),
        ("RCPT", "550 5.7.26 Fails DMARC", OutcomeKind.ACCOUNT, "550 5.7.26"),
        ("RCPT", "554 5.7.1 Relay access denied", OutcomeKind.ACCOUNT, "554 5.7.1"),
        ("RCPT", "550 5.7.1 Not wanted", OutcomeKind.REFUSED_MESSAGE, "550 5.7.1"),
        ("RCPT", "550 Not wanted", OutcomeKind.REFUSED_MESSAGE, "550"),
        ("DATA", "452 4.3.1 Disk full", OutcomeKind.TRANSIENT, "452 4.3.1"),
        ("DATA", "554 5.5.1 No valid recipients", OutcomeKind.REFUSED_MESSAGE, "554 5.5.1"),
        (".", "450 4.7.1 Greylisted", OutcomeKind.TRANSIENT, "450 4.7.1"),
        (".", "421 4.3.0 Going down", OutcomeKind.TRANSIENT, "421 4.3.0"),
        (".", "552 5.3.4 Too big", OutcomeKind.REFUSED_MESSAGE, "552 5.3.4"),
        (".", "554 5.6.0 Malformed", OutcomeKind.REFUSED_MESSAGE, "554 5.6.0"),
        (".", "550 5.1.1 No such mailbox", OutcomeKind.REFUSED_ADDRESS, "550 5.1.1"),
        (".", "550 5.7.26 Fails DMARC", OutcomeKind.ACCOUNT, "550 5.7.26"),
        (".", "550 No (#5.1.1)", OutcomeKind.REFUSED_ADDRESS, "550 5.1.1"),
    ],
)
def test_each_answer_says_what_to_do_next(mailer, smtp, step, answer, kind, code) -> None:
    smtp.on(step, answer)
    outcome = one(mailer())
    assert (outcome.kind, outcome.code) == (kind, code)
    assert smtp.letters == []


@pytest.mark.parametrize("step", ["CONNECT", "EHLO", "MAIL", "RCPT", "DATA"])
@pytest.mark.parametrize("trouble", [DROP, HANG, "no reply at all"], ids=["drop", "hang", "garble"])
def test_before_the_final_dot_nothing_was_taken(mailer, smtp, step, trouble) -> None:
    smtp.on(step, trouble)
    if step == "EHLO":
        smtp.on("HELO", trouble)
    outcome = one(mailer(connect_timeout=0.5, handover_timeout=0.5))
    assert outcome.kind is OutcomeKind.TRANSIENT
    assert smtp.letters == []


def test_an_answer_lost_after_the_final_dot_is_unknown(mailer, smtp) -> None:
    smtp.on(".", DROP)
    outcome = one(mailer())
    assert (outcome.kind, outcome.code) == (OutcomeKind.UNKNOWN, "SMTPServerDisconnected")
    assert outcome.detail == "No answer in the phase DOT."
    assert len(smtp.letters) == 1


@pytest.mark.parametrize("trouble", [HANG, DRIP], ids=["hang", "drip"])
def test_an_answer_that_takes_longer_than_the_final_timeout_is_unknown(
    mailer, smtp, trouble
) -> None:
    smtp.on(".", trouble)
    outcome = one(mailer(final_timeout=0.5))
    assert (outcome.kind, outcome.code) == (OutcomeKind.UNKNOWN, "TimeoutError")


def test_an_answer_nobody_can_read_is_unknown(mailer, smtp) -> None:
    smtp.on(".", "fine, thank you")
    outcome = one(mailer())
    assert (outcome.kind, outcome.code) == (OutcomeKind.UNKNOWN, "garbled")


def test_after_a_lost_answer_the_next_message_gets_a_new_connection(mailer, smtp) -> None:
    provider = mailer()
    smtp.on(".", DROP)
    one(provider)
    assert one(provider).kind is OutcomeKind.ACCEPTED
    assert [letter.session for letter in smtp.letters] == [1, 2]


def test_an_answer_that_drips_before_the_dot_ends_at_the_deadline(mailer, smtp) -> None:
    smtp.on("RCPT", DRIP)
    outcome = one(mailer(handover_timeout=0.5))
    assert (outcome.kind, outcome.code) == (OutcomeKind.TRANSIENT, "TimeoutError")


@pytest.mark.parametrize("step", ["CONNECT", "EHLO", "MAIL", "RCPT", "DATA", "."])
def test_a_slow_server_is_waited_for(mailer, smtp, step) -> None:
    smtp.on(step, SLOW)
    outcome = one(mailer())
    assert outcome.kind is OutcomeKind.ACCEPTED
    assert outcome.took >= SLOW_SECONDS


def test_the_deadline_leaves_the_server_its_ten_minutes(mailer) -> None:
    assert mailer().deadline == 720.0
    assert mailer(handover_timeout=5.0, final_timeout=20.0).deadline == 30.0


def test_no_server_means_later(mailer) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    outcome = one(mailer(connection={"port": port}))
    assert (outcome.kind, outcome.code) == (OutcomeKind.TRANSIENT, "ConnectionRefusedError")


def test_a_login_that_fails_is_our_account(mailer, smtp) -> None:
    smtp.extensions = ("AUTH PLAIN",)
    smtp.on("AUTH", "535 5.7.8 Wrong password")
    provider = mailer(connection={"username": "acme", "password": "secret"})
    outcome = one(provider)
    assert (outcome.kind, outcome.code) == (OutcomeKind.ACCOUNT, "535 5.7.8")
    assert one(provider).kind is OutcomeKind.ACCEPTED


def test_a_server_without_the_login_or_tls_we_are_told_to_use_is_our_account(mailer, smtp) -> None:
    for connection in ({"username": "acme", "password": "secret"}, {"use_tls": True}):
        outcome = one(mailer(connection=connection))
        assert (outcome.kind, outcome.code) == (OutcomeKind.ACCOUNT, "SMTPNotSupportedError")


def test_tls_that_fails_means_later(mailer, smtp) -> None:
    smtp.extensions = ("STARTTLS",)
    outcome = one(mailer(connection={"use_tls": True}))
    assert outcome.kind is OutcomeKind.TRANSIENT
    assert not any(command.startswith("MAIL") for command in smtp.commands)


def test_what_the_server_says_is_kept_without_the_person(mailer, smtp) -> None:
    smtp.on("RCPT", "550 5.1.1 <Ann.Smith@example.com>: Ann.Smith unknown\u200b here")
    outcome = one(mailer(), message("ann.smith@example.com"))
    assert outcome.detail == "5.1.1 <…>: … unknown here"


# Of servers that take the next envelope early.
pipelined = pytest.mark.parametrize("smtp", [("SIZE 10000000", "PIPELINING")], indirect=True)


def people(*names):
    return [message(f"{name}@example.com") for name in names]


def kinds(provider, sent):
    found = {outcome.reference: outcome.kind for outcome in provider.send(sent)}
    return [found[each.reference] for each in sent]


@pipelined
def test_the_next_envelope_comes_before_the_answer_to_the_letter(mailer, smtp) -> None:
    provider = mailer(threads=1)
    smtp.on(".", WHEN_MORE_CAME)
    assert kinds(provider, people("ann", "bob")) == [OutcomeKind.ACCEPTED] * 2
    assert [letter.session for letter in smtp.letters] == [1, 1]


def test_a_refused_letter_leaves_those_beside_it_alone(mailer, smtp) -> None:
    provider = mailer(threads=1)
    smtp.on("RCPT", "250 2.1.5 Ok", "550 5.1.1 No such mailbox", "250 2.1.5 Ok")
    accepted, gone = OutcomeKind.ACCEPTED, OutcomeKind.REFUSED_ADDRESS
    assert kinds(provider, people("ann", "bob", "cid")) == [accepted, gone, accepted]
    assert [each.recipient for each in smtp.letters] == ["ann@example.com", "cid@example.com"]
    assert smtp.sessions == 1


@pipelined
def test_a_server_that_wants_a_refused_letter_gets_an_empty_one(mailer, smtp) -> None:
    provider = mailer(threads=1)
    smtp.lenient = True
    smtp.on("RCPT", "550 5.1.1 No such mailbox")
    assert kinds(provider, people("ann", "bob")) == [
        OutcomeKind.REFUSED_ADDRESS,
        OutcomeKind.ACCEPTED,
    ]
    assert [each.recipient for each in smtp.letters] == ["bob@example.com"]


def test_a_lost_answer_is_one_letter_s_and_the_next_one_starts_anew(mailer, smtp) -> None:
    provider = mailer(threads=1)
    smtp.on(".", DROP)
    assert kinds(provider, people("ann", "bob", "cid")) == [
        OutcomeKind.UNKNOWN,
        OutcomeKind.ACCEPTED,
        OutcomeKind.ACCEPTED,
    ]
    assert [each.recipient for each in smtp.letters].count("bob@example.com") == 1


def test_all_of_a_large_flight_arrive_once(mailer, smtp) -> None:
    provider = mailer()
    sent = people(*(f"person{number}" for number in range(50)))
    assert set(kinds(provider, sent)) == {OutcomeKind.ACCEPTED}
    assert sorted(each.recipient for each in smtp.letters) == sorted(m.address for m in sent)


def test_a_slow_server_is_given_more_connections_while_others_compute(mailer, smtp) -> None:
    provider = mailer(threads=4)
    assert set(kinds(provider, people("eve", "fay"))) == {OutcomeKind.ACCEPTED}
    smtp.on(".", *[SLOW] * 12)
    over = threading.Event()
    computing = threading.Thread(target=lambda: all(not over.is_set() for _ in iter(int, 1)))
    computing.start()
    try:
        sent = people(*(f"person{number}" for number in range(12)))
        assert set(kinds(provider, sent)) == {OutcomeKind.ACCEPTED}
    finally:
        over.set()
        computing.join()
    assert smtp.sessions == 4


def test_a_slow_server_is_given_more_connections(mailer, smtp) -> None:
    provider = mailer(threads=4)
    smtp.on(".", *[SLOW] * 4)
    assert set(kinds(provider, people("ann", "bob", "cid", "dan"))) == {OutcomeKind.ACCEPTED}
    assert smtp.sessions > 1
