"""Letters over a real SMTP connection: what arrives, and what nobody can smuggle in."""

import pytest

from delivery.contracts import Attachment
from delivery.lifecycle import OutcomeKind
from tests.delivery.providers.messages import CONTENT, message, one, saying


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


@pytest.mark.parametrize(
    "name",
    [
        "invoice.pdf",
        'The "big" one; or\\not, 100%.pdf',
        "Größe – 価格.pdf",
        "a very long name, " * 9 + "with blanks.pdf",
        "ж" * 120 + ".pdf",
    ],
)
def test_a_file_arrives_under_its_name_with_every_byte(mailer, smtp, name) -> None:
    content = bytes(range(256)) * 40 + b"\r\n.\r\n.\nFrom me\n"
    file = Attachment(name=name, content_type="application/pdf", content=content)
    assert one(mailer(), message(attachments=(file,))).kind is OutcomeKind.ACCEPTED
    parsed = smtp.letters[0].parsed
    assert parsed.get_content_type() == "multipart/mixed"
    said, part = parsed.iter_parts()
    text, html = said.iter_parts()
    assert (text.get_content(), html.get_content()) == (CONTENT.text, CONTENT.html)
    assert (part.get_filename(), part.get_content_type()) == (name, "application/pdf")
    assert part.get_content_disposition() == "attachment"
    assert part.get_payload(decode=True) == content
    assert max(map(len, smtp.letters[0].raw.split(b"\r\n"))) <= 998


@pytest.mark.parametrize(
    ("content", "kind", "charset"),
    [("ä\r\n\n".encode(), "text/csv", "utf-8"), (b"\xe4\r\n", "application/octet-stream", None)],
)
def test_text_in_a_charset_nobody_knows_is_not_called_text(
    mailer, smtp, content, kind, charset
) -> None:
    file = Attachment(name="a.csv", content_type="text/csv", content=content)
    one(mailer(), message(attachments=(file,)))
    _, part = smtp.letters[0].parsed.iter_parts()
    assert (part.get_content_type(), part.get_content_charset()) == (kind, charset)
    assert part.get_payload(decode=True) == content


def test_a_file_does_not_show_in_logs() -> None:
    file = Attachment(name="Ann.pdf", content_type="application/pdf", content=b"secret")
    assert repr(file) == "Attachment(content_type='application/pdf')"
