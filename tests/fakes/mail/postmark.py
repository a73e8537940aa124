"""Postmark, as its developer documentation describes the Email API."""

from collections.abc import Mapping
from typing import Any, ClassVar

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

TOKEN = "postmark-server-token"
USER, PASSWORD = "postmark", "postmark-hook-password"


class Postmark(MailService):
    """One server with one token."""

    variables: ClassVar[Mapping[str, str]] = {
        "POSTMARK_SERVER_TOKEN": TOKEN,
        "POSTMARK_WEBHOOK_USER": USER,
        "POSTMARK_WEBHOOK_PASSWORD": PASSWORD,
    }
    api_url = "POSTMARK_API_URL"

    def read(self, call: Taken) -> Letter:
        """POST /email."""
        if call.headers.get("X-Postmark-Server-Token") != TOKEN:
            raise Refused(no(401, 10, "Bad or missing Server API token."))
        if (call.method, call.path) != ("POST", "/email"):
            raise Refused(Reply(404))
        if call.headers.get("Accept") != "application/json":
            raise Refused(no(422, 409, "JSON required."))
        said = call.json
        if not is_mailbox(said["To"]):
            raise Refused(no(422, 300, f"Invalid 'To' address: '{said['To']}'."))
        if not is_line(said["Subject"]):
            raise Refused(no(422, 300, "Invalid 'Subject'."))
        if any(len(key) > 20 or len(value) > 80 for key, value in said["Metadata"].items()):
            raise Refused(no(422, 300, "Invalid metadata content."))
        return Letter(
            id=f"pm-{len(self.letters) + 1}",
            to=said["To"],
            subject=said["Subject"],
            text=said.get("TextBody", ""),
            html=said.get("HtmlBody", ""),
            headers=_headers(said["Headers"]),
            reference=said["Metadata"]["reference"],
            files=tuple(map(_file, said.get("Attachments", ()))),
        )

    def accepted(self, letter: Letter) -> Reply:
        """With the id of the message."""
        said = {"ErrorCode": 0, "Message": "OK", "MessageID": letter.id, "To": letter.to}
        return Reply(body=said)


def no(status: int, code: int, message: str) -> Reply:
    """An error, as all of its API answers one."""
    return Reply(status, {"ErrorCode": code, "Message": message})


def _headers(listed: list[dict[str, Any]]) -> dict[str, str]:
    headers = {header["Name"]: header["Value"] for header in listed}
    if len(headers) < len(listed) or not all(map(is_line, [*headers, *headers.values()])):
        raise Refused(no(422, 300, "Invalid 'Headers'."))
    # Without it Postmark writes a Message-ID of its own.
    if headers.pop("X-PM-KeepID", "") != "true":
        del headers["Message-ID"]
    return headers


def _file(said: dict[str, Any]) -> File:
    if not (said.keys() == {"Name", "Content", "ContentType"} and is_line(said["Name"])):
        raise Refused(no(422, 300, "Invalid 'Attachments'."))
    return File(said["Name"], decoded(said["Content"]), said["ContentType"].partition(";")[0])
