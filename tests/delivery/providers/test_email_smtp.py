"""Email over a real SMTP connection: what arrives, and what each answer comes to."""

import socket

import pytest

from delivery.lifecycle import OutcomeKind
from tests.delivery.providers.messages import CONTENT, message, saying
from tests.fakes.smtp import DRIP, DROP, HANG, SLOW, SLOW_SECONDS


def one(provider, sealed=None):
    (outcome,) = provider.send([sealed or message()])
    return outcome


def test_a_message_arrives_as_it_was_sealed(mailer, smtp) -> None:
    sealed = message()
    outcome = one(mailer(), sealed)
    assert (outcome.kind, outcome.code) == (OutcomeKind.ACCEPTED, "250 2.0.0")
    assert outcome.detail == "2.0.0 Ok: queued as 4XyZ1"
    (letter,) = smtp.letters
    assert (letter.sender, letter.recipient) == ("hello@acme.test", "ann@example.com")
    parsed = letter.parsed
    assert parsed.defects == []
    assert parsed["Subject"] == CONTENT.subject
    assert parsed["From"] == "Acme <hello@acme.test>"
    assert parsed["To"] == "ann@example.com"
    assert parsed.get_content_type() == "multipart/alternative"
    text, html = parsed.iter_parts()
    assert (text.get_content_type(), text.get_content()) == ("text/plain", CONTENT.text)
    assert (html.get_content_type(), html.get_content()) == ("text/html", CONTENT.html)


def test_the_letter_is_marked_as_ours_and_keeps_its_id_over_tries(mailer, smtp) -> None:
    sealed = message()
    provider = mailer(domain="mail.acme.test")
    one(provider, sealed)
    one(provider, sealed)
    first, second = (letter.parsed for letter in smtp.letters)
    assert first["Message-ID"] == second["Message-ID"] == f"<{sealed.reference}@mail.acme.test>"
    assert first["Auto-Submitted"] == "auto-generated"
    assert first["Date"].datetime is not None


def test_without_a_domain_the_senders_stands_in_the_message_id(mailer, smtp) -> None:
    sealed = message()
    one(mailer(from_email="Grüße <hallo@bücher.test>"), sealed)
    assert smtp.letters[0].parsed["Message-ID"] == f"<{sealed.reference}@xn--bcher-kva.test>"


def test_list_headers_are_carried_when_the_message_has_them(mailer, smtp) -> None:
    headers = {
        "List-Unsubscribe": "<https://acme.test/u/abcdef>, <mailto:stop@acme.test>",
        "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
        "List-Id": "News <news.acme.test>",
        "feedback-id": "spring:acme:news:notifysite",
    }
    one(mailer(), message(headers=headers))
    parsed = smtp.letters[0].parsed
    assert parsed["List-Unsubscribe"] == headers["List-Unsubscribe"]
    assert parsed["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert parsed["List-Id"] == "News <news.acme.test>"
    assert parsed["Feedback-ID"] == "spring:acme:news:notifysite"


def test_without_them_there_are_none(mailer, smtp) -> None:
    one(mailer())
    assert {"Bcc", "Cc", "List-Unsubscribe", "List-Id"}.isdisjoint(smtp.letters[0].parsed.keys())


def test_names_words_and_domains_in_other_scripts_arrive_whole(mailer, smtp) -> None:
    sealed = saying(
        "ann@bücher.example",
        subject="Ihre Bücher — 注文が届きました ✓",
        text="Grüß Gott 🎉\n.dots at the start\n..stay\n" + "ü" * 2000 + "\n",
        html="<p>Grüß Gott 🎉</p>\n",
    )
    one(mailer(from_email='"Bücherstube Müller, Köln" <hallo@acme.test>'), sealed)
    (letter,) = smtp.letters
    assert letter.recipient == "ann@xn--bcher-kva.example"
    assert letter.raw.isascii()
    assert max(map(len, letter.raw.split(b"\r\n"))) <= 998
    # The parser keeps the white space of a folded line.
    assert letter.parsed["Subject"].lstrip() == sealed.content.subject
    assert letter.parsed["From"].addresses[0].display_name == "Bücherstube Müller, Köln"
    text, html = letter.parsed.iter_parts()
    assert text.get_content() == sealed.content.text
    assert html.get_content() == sealed.content.html


def test_a_mailbox_in_another_script_needs_a_server_that_knows_it(mailer, smtp) -> None:
    refused = one(mailer(), message("jürgen@example.com"))
    assert (refused.kind, refused.code) == (OutcomeKind.REFUSED_MESSAGE, "no_smtputf8")
    smtp.extensions = ("SIZE 10000000", "8BITMIME", "SMTPUTF8")
    assert one(mailer(), message("jürgen@example.com")).kind is OutcomeKind.ACCEPTED
    (letter,) = smtp.letters
    assert letter.recipient == "jürgen@example.com"
    assert letter.options.endswith("BODY=8BITMIME SMTPUTF8")
    assert "To: jürgen@example.com\r\n".encode() in letter.raw


@pytest.mark.parametrize(
    ("content", "kind"),
    [({"html": ""}, "text/plain"), ({"text": ""}, "multipart/alternative")],
)
def test_one_form_of_the_content_is_enough(mailer, smtp, content, kind) -> None:
    assert one(mailer(), saying(**content)).kind is OutcomeKind.ACCEPTED
    assert smtp.letters[0].parsed.get_content_type() == kind


def test_a_text_that_looks_like_the_end_of_a_letter_is_not_one(mailer, smtp) -> None:
    text = "before\n.\nMAIL FROM:<evil@example.com>\r\n.\r\nafter\n"
    one(mailer(), saying(text=text, html=""))
    (letter,) = smtp.letters
    assert letter.parsed.get_content() == text.replace("\r\n", "\n")
    assert sum(command.startswith("MAIL") for command in smtp.commands) == 1


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


@pytest.mark.parametrize(
    "address",
    [
        "",
        "ann",
        "@example.com",
        "ann@",
        "ann@example.com, bob@example.com",
        "ann@example.com;bob@example.com",
        "ann@example.com\nbob@example.com",
        "ann@example.com\r\nRCPT TO:<bob@example.com>",
        "Ann <ann@example.com>",
        "<ann@example.com>",
        "ann@bob@example.com",
        "ann smith@example.com",
        "ann@example.com ",
        "ann\u2028@example.com",
        "ann@exam_ple.com",
        "ann@-example.com",
        "ann@[127.0.0.1]",
        "a" * 65 + "@example.com",
        "ann@" + "e" * 64 + ".com",
        "ann..smith@example.com",
    ],
)
def test_anything_but_one_mailbox_is_refused_without_a_word_to_the_server(
    mailer, smtp, address
) -> None:
    outcome = one(mailer(), message(address))
    assert (outcome.kind, outcome.code) == (OutcomeKind.REFUSED_ADDRESS, "not_one_address")
    assert smtp.sessions == 0


BREAKS = ["\r\n", "\n", "\r", "\0", "\v", "\f", "\x85", "\u2028", "\u2029"]


@pytest.mark.parametrize("line_break", BREAKS, ids=[f"U+{ord(each[0]):04X}" for each in BREAKS])
def test_no_value_can_begin_another_header(mailer, smtp, line_break) -> None:
    evil = f"Hi{line_break}Bcc: bob@example.com"
    headers = {"List-Id": evil, "Reply-To": f"help@acme.test{line_break}Bcc: bob@example.com"}
    sealed = saying(subject=evil)
    one(mailer(from_email=f"Acme{line_break}Bcc: <hello@acme.test>"), sealed)
    one(mailer(), message(headers=headers))
    first, second = (letter.parsed for letter in smtp.letters)
    assert first["Subject"] == "Hi Bcc: bob@example.com"
    assert second["List-Id"] == "Hi Bcc: bob@example.com"
    assert [letter.recipient for letter in smtp.letters] == ["ann@example.com"] * 2
    for parsed in (first, second):
        assert parsed.get_all("Bcc") is None
        assert parsed["From"].addresses[0].addr_spec == "hello@acme.test"


@pytest.mark.parametrize("name", ["Bcc", "From", "Subject", "X-Any", "List-Id\r\nBcc", "Date"])
def test_a_header_that_is_not_on_the_list_is_refused(mailer, smtp, name) -> None:
    outcome = one(mailer(), message(headers={name: "bob@example.com"}))
    assert (outcome.kind, outcome.code) == (OutcomeKind.REFUSED_MESSAGE, "header")
    assert smtp.sessions == 0


def test_content_that_is_no_text_is_refused(mailer, smtp) -> None:
    outcome = one(mailer(), saying(subject="half of a pair: \ud83c"))
    assert (outcome.kind, outcome.code) == (OutcomeKind.REFUSED_MESSAGE, "UnicodeEncodeError")


@pytest.mark.parametrize(
    "from_email", ["", "Acme", "a@x.test, b@x.test, c", "jürgen@acme.test", "<>"]
)
def test_an_address_nobody_can_send_from_is_found_at_once(mailer, from_email) -> None:
    with pytest.raises(ValueError, match="send from"):
        mailer(from_email=from_email or " ")
