"""Letters built without the library, read by the library's parser: no reader can tell."""

from email import message_from_bytes, policy
from email.message import EmailMessage
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from delivery.contracts import Attachment, Content
from delivery.providers.email import letter
from tests.delivery.providers.messages import message

NO_SURROGATES = st.characters(exclude_categories=["Cs"])
TEXTS = st.text(NO_SURROGATES, max_size=300)
# What wraps, folds, ends lines, looks like an end of a letter, a header or an encoded word.
PIECES = st.sampled_from(
    ["\n", "\r\n", "\r", " ", "\t", "=", "=_", "--", ".", "..", "\n.\n", " \n", "=?utf-8?q?x?=",
     "Subject: x\n", "wordwordword" * 9, "ä" * 40, "漢字", "🙂", "\u2028", "a b", ": ", "From "]
)  # fmt: skip
BODIES = st.one_of(TEXTS, st.lists(PIECES, max_size=30).map("".join))
SENDERS = st.sampled_from(
    ["Acme <hello@acme.test>", "hello@acme.test", "Grüße <hallo@bücher.test>", '"A, B" <a@b.test>']
)


def parsed(raw: bytes) -> EmailMessage:
    return message_from_bytes(raw, policy=policy.default)  # type: ignore[return-value]


def headers(mail: EmailMessage) -> dict[str, str]:
    ours = {name: str(value).strip() for name, value in mail.items()}
    return {name: value for name, value in ours.items() if name not in ("Date", "Content-Type")}


def parts(mail: EmailMessage) -> list[tuple[str, str, str]]:
    found = []
    for part in mail.walk():
        if not part.is_multipart():
            content = part.get_content().rstrip("\r\n")
            found.append((part.get_content_type(), str(part.get_content_charset()), content))
    return found


@given(
    subject=st.one_of(TEXTS, st.lists(PIECES).map("".join)),
    text=BODIES.filter(bool),
    html=BODIES,
    sender=SENDERS,
)
def test_no_reader_can_tell_who_built_a_letter(subject, text, html, sender) -> None:
    sealed = message(
        content=Content(subject=subject, text=text, html=html),
        headers={"List-Unsubscribe": f"<https://acme.test/u/{'a' * 120}>", "List-Id": "N <n.test>"},
    )
    one = letter.write(sealed, sender=letter.sender(sender))
    raw = one.usual()
    assert raw is not None
    assert raw.isascii()
    assert max(map(len, raw.split(b"\r\n"))) <= 998
    assert raw.count(b"\r\n") == raw.count(b"\n") == raw.count(b"\r")
    ours, theirs = parsed(raw), parsed(one.by_library())
    assert ours.defects == theirs.defects == []
    assert headers(ours) == headers(theirs)
    assert parts(ours) == parts(theirs)
    assert abs((ours["Date"].datetime - theirs["Date"].datetime).total_seconds()) <= 5


NAMES = st.one_of(
    st.sampled_from(
        ["a.pdf", 'the "big\\\\" one; 100%.pdf', "a" * 61, "Größe \u2028.pdf", "'x'*0.csv"]
    ),
    # As names are let in: no reader of mails keeps blanks around them.
    st.text(NO_SURROGATES, max_size=60).filter(str.isprintable).map(str.strip).filter(bool),
)


@given(
    text=BODIES.filter(bool),
    html=BODIES,
    name=NAMES,
    kind=st.sampled_from(["application/pdf", "text/csv"]),
    content=st.one_of(st.binary(max_size=300), BODIES.map(str.encode)),
)
def test_no_reader_can_tell_who_attached_a_file(text, html, name, kind, content) -> None:
    file = Attachment(name=name, content_type=kind, content=content)
    sealed = message(content=Content(subject="x", text=text, html=html), attachments=(file, file))
    one = letter.write(sealed, sender=letter.sender("hello@acme.test"))
    raw = one.usual() or b""
    assert raw.isascii()
    assert raw.count(b"\r\n") == raw.count(b"\n") == raw.count(b"\r")
    ours, theirs = parsed(raw), parsed(one.by_library())
    assert ours.defects == theirs.defects == []
    assert [part.get_content_type() for part in ours.walk()] == [
        part.get_content_type() for part in theirs.walk()
    ]
    said = [files(mail) for mail in (ours, theirs)]
    assert said[0] == said[1]
    assert [(file[0], file[3]) for file in said[0]] == [(name, content)] * 2


def files(mail: EmailMessage) -> list[tuple[str | None, str, str | None, object]]:
    return [
        (
            part.get_filename(),
            part.get_content_type(),
            part.get_content_charset(),
            part.get_payload(decode=True),
        )
        for part in mail.iter_attachments()
    ]


def test_the_body_has_short_lines_and_its_boundary_cannot_be_in_it() -> None:
    sealed = message(content=Content(subject="x", text="=_" * 500, html="<p>" + "ä" * 900))
    raw = letter.write(sealed, sender=letter.sender("hello@acme.test")).usual() or b""
    body = raw.partition(b"\r\n\r\n")[2]
    assert max(map(len, body.split(b"\r\n"))) <= 76
    assert raw.count(b"--=_" + sealed.reference.hex.encode()) == 3


@pytest.mark.parametrize(
    "unusual",
    [
        {"address": "jürgen@example.com"},
        {"content": Content(subject="x", html="<p>x</p>")},
        {"headers": {"List-Id": "Größe <n.test>"}},
        {"headers": {"List-Unsubscribe": f"<https://acme.test/{'a' * 990}>"}},
    ],
)
def test_what_is_unusual_is_left_to_the_library(unusual) -> None:
    one = letter.write(message(**unusual), sender=letter.sender("hello@acme.test"))
    assert one.usual() is None
    assert b"multipart/alternative" in one.as_bytes()


def test_a_message_keeps_its_boundary_over_tries() -> None:
    sealed = message(reference=UUID(int=7))
    first, second = (letter.write(sealed, sender=letter.sender("a@b.test")) for _ in range(2))
    assert parsed(first.usual() or b"").get_boundary() == f"=_{UUID(int=7).hex}"
    assert parsed(second.usual() or b"").get_boundary() == f"=_{UUID(int=7).hex}"
