"""What a mail server's answer means for the message."""

import enum
import re
from dataclasses import dataclass

from delivery.lifecycle import OutcomeKind

LONGEST_DETAIL = 300


class Phase(enum.IntEnum):
    """How far a hand-over had come."""

    OPEN = 1  # connect, greeting, EHLO, STARTTLS, AUTH
    MAIL = 2
    RCPT = 3
    DATA = 4  # the command, and the letter up to its final dot
    DOT = 5  # from the first byte of the final dot on the server may have it all


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer that ended a hand-over; `code` 0: none came, and `text` is one word why."""

    phase: Phase
    code: int
    text: str

    @property
    def status(self) -> str:
        """The enhanced status code (RFC 3463), empty where the server gives none."""
        found = _STATUS.search(self.text)
        return (found["leading"] or found["quoted"]) if found else ""

    @property
    def word(self) -> str:
        """The server's own word for it, such as `550 5.1.1`."""
        return f"{self.code} {self.status}".strip() if self.code else self.text


# At the start of the text, or as qmail writes it: (#5.1.1).
_STATUS = re.compile(
    r"\A(?P<leading>[245]\.\d{1,3}\.\d{1,3})\b|\(#(?P<quoted>[245]\.\d{1,3}\.\d{1,3})\)"
)

# Authentication wanted or failed, encryption wanted.
ACCOUNT_CODES = frozenset({530, 534, 535, 538})
# What a server holds against us, not against this message: the sender's mailbox, a relay that is
# not ours, credentials, and a domain or host that fails SPF, DKIM, DMARC or reverse DNS.
ACCOUNT_STATUSES = frozenset(
    {"5.1.7", "5.1.8", "5.7.8", "5.7.9", "5.7.11", "5.7.14", "5.7.54", "5.7.64"}
    | {f"5.7.{detail}" for detail in range(20, 31)}
    | {"5.7.509", "5.7.515"}
)
_DEAD_ADDRESS = re.compile(r"5\.1\.\d+|5\.2\.1")
_RELAY = re.compile(r"\brelay", re.IGNORECASE)

_MAILBOX = re.compile(r"[^\s<>\"'(),;:\[\]]+@[^\s<>\"'(),;:\[\]]+")


def judge(answer: Answer) -> OutcomeKind:
    """What to do next. Only a lost answer to the final dot is unknown."""
    if answer.code == 0:
        return OutcomeKind.UNKNOWN if answer.phase is Phase.DOT else OutcomeKind.TRANSIENT
    if answer.phase is Phase.DOT and 200 <= answer.code < 300:
        return OutcomeKind.ACCEPTED
    # Anything but a refusal for good is worth another try: nothing was taken.
    if not 500 <= answer.code < 600:
        return OutcomeKind.TRANSIENT
    return _refusal(answer)


def _refusal(answer: Answer) -> OutcomeKind:
    if answer.code in ACCOUNT_CODES or answer.status in ACCOUNT_STATUSES:
        return OutcomeKind.ACCOUNT
    if answer.phase is Phase.RCPT and _RELAY.search(answer.text):
        return OutcomeKind.ACCOUNT
    if answer.code == 552 or answer.status == "5.3.4":
        return OutcomeKind.REFUSED_MESSAGE
    # Before a recipient is named, a refusal is about us: our host, or the address we write from.
    if answer.phase <= Phase.MAIL:
        return OutcomeKind.ACCOUNT
    if _DEAD_ADDRESS.fullmatch(answer.status):
        return OutcomeKind.REFUSED_ADDRESS
    return OutcomeKind.REFUSED_MESSAGE


def without_people(text: str, *, local_part: str) -> str:
    """The server's text for operators: on one line, with every mailbox blotted out."""
    blotted = _MAILBOX.sub("…", " ".join(text.split()))
    if len(local_part) > 2:
        blotted = re.sub(rf"(?<!\w){re.escape(local_part)}(?!\w)", "…", blotted, flags=re.I)
    return "".join(each for each in blotted if each.isprintable())[:LONGEST_DETAIL]
