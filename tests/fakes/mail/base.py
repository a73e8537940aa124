"""What all fakes of mail services share: they keep each letter they take, in one form."""

import base64
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, NamedTuple

from tests.fakes.service import Reply, Service, Taken

_MAILBOX = re.compile(r"[^\s@<>,;]+@[^\s@<>,;]+\.[^\s@<>,;]+")
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")


class File(NamedTuple):
    """A file that came with a letter."""

    name: str
    content: bytes
    content_type: str = ""  # where the service was told


@dataclass(frozen=True)
class Letter:
    """A letter as a service took it; `headers` without those that it writes itself."""

    id: str
    to: str
    subject: str
    text: str
    html: str
    headers: Mapping[str, str]
    reference: str
    files: tuple[File, ...] = ()


class Refused(Exception):
    """The service does not take this letter; `reply` is its answer."""

    def __init__(self, reply: Reply) -> None:
        super().__init__(str(reply.body))
        self.reply = reply


class MailService(Service):
    """Takes every letter that the real one would take, from who has the key.

    `variables` configure our side of it; `api_path` is where its API begins.
    """

    variables: ClassVar[Mapping[str, str]]
    api_url: ClassVar[str]  # the variable that says where the service is
    api_path: ClassVar[str] = "/"

    def __init__(self) -> None:
        super().__init__()
        self.letters: list[Letter] = []

    def environment(self) -> dict[str, str]:
        """The variables that lead to this fake."""
        return {**self.variables, self.api_url: self.origin + self.api_path}

    def answer(self, call: Taken) -> Reply:
        """As the real one answers."""
        try:
            letter = self.read(call)
        except Refused as refusal:
            return refusal.reply
        self.letters.append(letter)
        return self.accepted(letter)

    def read(self, call: Taken) -> Letter:
        """The letter in a call. Raises Refused, as for a wrong key."""
        raise NotImplementedError

    def accepted(self, letter: Letter) -> Reply:
        """What is answered to a letter that was taken."""
        raise NotImplementedError


def decoded(content: str) -> bytes:
    """What stands in Base64, without white space in it."""
    return base64.b64decode(content, validate=True)


def is_mailbox(address: object) -> bool:
    """Whether it is one mailbox, without a name."""
    return isinstance(address, str) and bool(_MAILBOX.fullmatch(address))


def is_line(value: object) -> bool:
    """Whether it can stand in a header."""
    return isinstance(value, str) and not _UNPRINTABLE.search(value)
