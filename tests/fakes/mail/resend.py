"""Resend, as its documentation describes Send Email, Idempotency Keys and Errors."""

import json
from collections.abc import Mapping
from typing import ClassVar

from tests.fakes.mail.base import (
    File,
    Letter,
    MailService,
    Refused,
    decoded,
    is_line,
    is_mailbox,
)
from tests.fakes.service import Reply, Taken

KEY, SECRET = "re_resend-api-key", "whsec_cmVzZW5kLXNpZ25pbmctc2VjcmV0"


class Resend(MailService):
    """One account, which folds what comes twice under one key."""

    variables: ClassVar[Mapping[str, str]] = {
        "RESEND_API_KEY": KEY,
        "RESEND_SIGNING_SECRET": SECRET,
    }
    api_url = "RESEND_API_URL"

    def __init__(self) -> None:
        super().__init__()
        self.known: dict[str, tuple[bytes, Letter]] = {}

    def answer(self, call: Taken) -> Reply:
        """To a key it knows, what it answered before."""
        body, letter = self.known.get(call.headers.get("Idempotency-Key", ""), (b"", None))
        if letter is None:
            return super().answer(call)
        if body != call.body:
            return no(409, "invalid_idempotent_request", "The key was used for another request.")
        return self.accepted(letter)

    def read(self, call: Taken) -> Letter:
        """POST /emails."""
        if call.headers.get("Authorization") != f"Bearer {KEY}":
            raise Refused(no(401, "missing_api_key", "Missing API key."))
        if (call.method, call.path) != ("POST", "/emails"):
            raise Refused(no(404, "not_found", "No such endpoint."))
        said = call.json
        (to,) = said["to"]
        headers = dict(said["headers"])
        if not (is_mailbox(to) and is_line(said["subject"])):
            raise Refused(no(422, "validation_error", "Invalid `to` or `subject` field."))
        if not all(map(is_line, [*headers, *headers.values()])):
            raise Refused(no(422, "validation_error", "Invalid `headers` field."))
        letter = Letter(
            id=f"re-{len(self.letters) + 1}",
            to=to,
            subject=said["subject"],
            text=said.get("text", ""),
            html=said.get("html", ""),
            reference=json.loads(headers.pop("X-Metadata"))["reference"],
            headers=headers,
            files=tuple(map(_file, said.get("attachments", ()))),
        )
        self.known[call.headers["Idempotency-Key"]] = call.body, letter
        return letter

    def accepted(self, letter: Letter) -> Reply:
        """With the id of the message."""
        return Reply(body={"id": letter.id})


def no(status: int, name: str, message: str) -> Reply:
    """An error, as all of its API answers one."""
    return Reply(status, {"statusCode": status, "name": name, "message": message})


def _file(said: dict[str, str]) -> File:
    # A type beside it would have to be the one that the name has.
    if said.keys() != {"filename", "content"} or not is_line(said["filename"]):
        raise Refused(no(422, "invalid_attachment", "Invalid attachment."))
    return File(said["filename"], decoded(said["content"]))
