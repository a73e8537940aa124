"""A message as a letter: one recipient, headers nobody can forge, text and HTML."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from email.charset import QP, Charset
from email.utils import getaddresses
from functools import cached_property, lru_cache
from typing import cast

from django.core.mail import EmailMultiAlternatives
from django.core.mail.message import SafeMIMEMultipart, SafeMIMEText
from django.utils.encoding import punycode

from delivery.contracts import Message, Outcome
from delivery.lifecycle import OutcomeKind
from delivery.providers.email import attaching, mime

# What a message may bring along; everything else in a letter is ours.
ALLOWED_HEADERS: Mapping[str, str] = {
    name.lower(): name
    for name in (
        "Feedback-ID",
        "Importance",
        "In-Reply-To",
        "List-Help",
        "List-Id",
        "List-Unsubscribe",
        "List-Unsubscribe-Post",
        "References",
        "Reply-To",
    )
}

_OURS = frozenset(ALLOWED_HEADERS.values())

# Seven bits and short lines whatever the text: no relay has to recode it and break a signature.
QUOTED = Charset("utf-8")
QUOTED.body_encoding = QP

# A dot-atom of RFC 5322, with the letters of RFC 6531; quoted local parts are not written to.
_ATOM = r"[^\s\x00-\x20\x7f-\x9f\"(),.:;<>@\[\\\]]+"
_LOCAL_PART = re.compile(rf"{_ATOM}(?:\.{_ATOM})*")
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_DOMAIN = re.compile(rf"{_LABEL}(?:\.{_LABEL})*")
_CRLF = re.compile(rb"\r\n|\r|\n")
_BREAKS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")


class Refused(Exception):
    """This letter cannot be written; nothing was sent."""

    def __init__(self, kind: OutcomeKind, code: str, detail: str) -> None:
        super().__init__(detail)
        self.kind, self.code, self.detail = kind, code, detail

    def outcome(self, message: Message) -> Outcome:
        """What became of the message."""
        return Outcome(
            reference=message.reference, kind=self.kind, code=self.code, detail=self.detail
        )


@dataclass(frozen=True, slots=True)
class AddrSpec:
    """A mailbox without a name; the domain is in ASCII (RFC 5890)."""

    local: str
    domain: str

    @property
    def international(self) -> bool:
        """Whether only a server with SMTPUTF8 can take it (RFC 6531)."""
        return not self.local.isascii()

    def __str__(self) -> str:
        return f"{self.local}@{self.domain}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sender:
    """Who writes: `from_email` may carry a name, `header` is it as the From header has it, and
    `domain` stands in Message-IDs."""

    from_email: str
    header: str
    mailbox: AddrSpec
    domain: str


def sender(from_email: str, *, domain: str | None = None) -> Sender:
    """Read a From address as settings give it. Raises ValueError."""
    named = getaddresses([one_line(from_email)])
    mailbox = addr_spec(named[0][1]) if len(named) == 1 else None
    if mailbox is None or mailbox.international:
        raise ValueError(f"{from_email!r} is not an address to send from")
    written = EmailMultiAlternatives(from_email=one_line(from_email), to=["ann@example.com"])
    return Sender(
        from_email=one_line(from_email),
        header=str(written.message()["From"]),
        mailbox=mailbox,
        domain=domain or mailbox.domain,
    )


@dataclass(frozen=True, kw_only=True)
class Letter:
    """A letter with its envelope."""

    message: Message
    writer: Sender
    recipient: AddrSpec
    subject: str
    headers: Mapping[str, str]

    @property
    def sender(self) -> AddrSpec:
        """The mailbox it is from."""
        return self.writer.mailbox

    @cached_property
    def mail(self) -> EmailMultiAlternatives:
        """The letter as Django's mail API takes it."""
        content = self.message.content
        mail = EmailMultiAlternatives(
            subject=self.subject,
            body=content.text,
            from_email=self.writer.from_email,
            to=[str(self.recipient)],
            headers=dict(self.headers),
        )
        mail.encoding = QUOTED
        if content.html:
            mail.attach_alternative(content.html, "text/html")
        for attachment in self.message.attachments:
            mail.attach(attaching.part(attachment))
        return mail

    @property
    def size(self) -> int:
        """About how many bytes a mail of it has; what headers there are is not counted."""
        content = self.message.content
        said = len(content.text.encode(errors="replace")) + len(
            content.html.encode(errors="replace")
        )
        return said + sum(map(attaching.size, self.message.attachments))

    def as_bytes(self) -> bytes:
        """The letter as it goes over the wire, with CRLF line ends. Raises Refused."""
        try:
            return self.usual() or _CRLF.sub(b"\r\n", self.by_library())
        except ValueError as error:
            raise Refused(
                OutcomeKind.REFUSED_MESSAGE,
                type(error).__name__,
                "The content cannot be written as a mail.",
            ) from error

    def usual(self) -> bytes | None:
        """The same without Django's help; None where anything about it is unusual. Raises
        ValueError."""
        subject = mime.subject_line(self.subject)
        plain = {"From": self.writer.header, "To": str(self.recipient), **self.headers}
        if subject is None or not all(map(mime.is_plain, plain.values())):
            return None
        content = self.message.content
        if content.html and not content.text:
            return None
        headers = [("Subject", subject), ("Date", mime.now()), *plain.items()]
        mark = self.message.reference.hex
        parts = list(map(attaching.part_bytes, self.message.attachments))
        return mime.letter(headers, text=content.text, html=content.html, mark=mark, parts=parts)

    def by_library(self) -> bytes:
        """The same with Django's help. Raises ValueError."""
        written = cast("SafeMIMEText | SafeMIMEMultipart", self.mail.message())
        if self.recipient.international:
            # Django would write the local part as an encoded word, which is another mailbox.
            raw = str(self.recipient).encode().decode("ascii", "surrogateescape")
            written.replace_header("To", raw)
        return written.as_bytes(linesep="\r\n")


def write(message: Message, *, sender: Sender) -> Letter:
    """Write the letter of a message. Raises Refused."""
    recipient = addr_spec(message.address)
    if recipient is None:
        raise Refused(
            OutcomeKind.REFUSED_ADDRESS, "not_one_address", "The address is not one mailbox."
        )
    return Letter(
        message=message,
        writer=sender,
        recipient=recipient,
        subject=one_line(message.content.subject or message.content.title),
        headers={
            **_headers(message.headers),
            "Message-ID": f"<{message.reference}@{sender.domain}>",
            "Auto-Submitted": "auto-generated",
        },
    )


def addr_spec(address: str) -> AddrSpec | None:
    """Exactly one mailbox, None for anything else: no names, no lists, no white space."""
    local, _, domain = address.rpartition("@")
    ascii_domain = _in_ascii(domain)
    if not (ascii_domain and _LOCAL_PART.fullmatch(local)):
        return None
    if len(local.encode(errors="replace")) > 64:
        return None
    return AddrSpec(local, ascii_domain)


@lru_cache(maxsize=4096)  # many people share few domains
def _in_ascii(domain: str) -> str:
    """A domain as mail servers write it, empty where it is none."""
    try:
        domain = punycode(domain)
    except UnicodeError:
        return ""
    return domain if len(domain) <= 253 and _DOMAIN.fullmatch(domain) else ""


def one_line(value: str) -> str:
    """A header's value without anything that some program takes for the end of a line."""
    return (value if value.isprintable() else _BREAKS.sub(" ", value)).strip()


def _headers(wanted: Mapping[str, str]) -> dict[str, str]:
    headers = {}
    for name, value in wanted.items():
        ours = name if name in _OURS else ALLOWED_HEADERS.get(name.lower())
        if ours is None:
            raise Refused(
                OutcomeKind.REFUSED_MESSAGE, "header", "It brings a header that is not allowed."
            )
        headers[ours] = one_line(value)
    return headers
