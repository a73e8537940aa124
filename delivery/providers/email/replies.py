"""What a mail server's answer means for the message."""

import enum
import re
from dataclasses import dataclass

from delivery.classes import Table
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
        if self.text[1:2] != "." and "(#" not in self.text:  # most that have none, at no cost
            return ""
        found = _STATUS.search(self.text)
        return (found["leading"] or found["quoted"]) if found else ""

    @property
    def word(self) -> str:
        """The server's own word for it, such as `550 5.1.1`."""
        return f"{self.code} {self.status}".strip() if self.code else self.text

    @property
    def words(self) -> tuple[str, ...]:
        """What the table of answers knows it by."""
        relay = ("relay",) if _RELAY.search(self.text) else ()
        return (self.phase.name, str(self.code), self.status, *relay)


# At the start of the text, or as qmail writes it: (#5.1.1).
_STATUS = re.compile(
    r"\A(?P<leading>[245]\.\d{1,3}\.\d{1,3})\b|\(#(?P<quoted>[245]\.\d{1,3}\.\d{1,3})\)"
)

_RELAY = re.compile(r"\brelay", re.IGNORECASE)
_MAILBOX = re.compile(r"[^\s<>\"'(),;:\[\]]+@[^\s<>\"'(),;:\[\]]+")


def judge(answer: Answer, table: Table) -> OutcomeKind:
    """What to do next. Only a lost answer to the final dot is unknown."""
    if answer.code == 0:
        return OutcomeKind.UNKNOWN if answer.phase is Phase.DOT else OutcomeKind.TRANSIENT
    if answer.phase is Phase.DOT and 200 <= answer.code < 300:
        return OutcomeKind.ACCEPTED  # whatever else it says, and whatever tables say
    return table.judge(*answer.words)


def without_people(text: str, *, local_part: str) -> str:
    """The server's text for operators: on one line, with every mailbox blotted out."""
    blotted = " ".join(text.split())
    if "@" in blotted:
        blotted = _MAILBOX.sub("…", blotted)
    if len(local_part) > 2 and local_part.lower() in blotted.lower():
        blotted = re.sub(rf"(?<!\w){re.escape(local_part)}(?!\w)", "…", blotted, flags=re.I)
    if not blotted.isprintable():
        blotted = "".join(each for each in blotted if each.isprintable())
    return blotted[:LONGEST_DETAIL]
