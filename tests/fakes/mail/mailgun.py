"""Mailgun, as its documentation describes Messages."""

import base64
import re
from collections.abc import Mapping
from typing import ClassVar

from tests.fakes.mail.base import (
    File,
    Letter,
    MailService,
    Refused,
    is_line,
    is_mailbox,
)
from tests.fakes.service import Reply, Taken

KEY, DOMAIN = "mailgun-api-key", "mg.acme.test"
SIGNING_KEY, USER, PASSWORD = "mailgun-signing-key", "mailgun", "mailgun-hook-password"


class Mailgun(MailService):
    """One account with one domain."""

    variables: ClassVar[Mapping[str, str]] = {
        "MAILGUN_API_KEY": KEY,
        "MAILGUN_SENDER_DOMAIN": DOMAIN,
        "MAILGUN_SIGNING_KEY": SIGNING_KEY,
        "MAILGUN_WEBHOOK_USER": USER,
        "MAILGUN_WEBHOOK_PASSWORD": PASSWORD,
    }
    api_url = "MAILGUN_API_URL"
    api_path = "/v3"

    def read(self, call: Taken) -> Letter:
        """POST /v3/{domain}/messages."""
        wanted = base64.b64encode(f"api:{KEY}".encode()).decode()
        if call.headers.get("Authorization") != f"Basic {wanted}":
            raise Refused(Reply(401, b"Forbidden"))
        if (call.method, call.path) != ("POST", f"/v3/{DOMAIN}/messages"):
            raise Refused(no(404, "Domain not found"))
        said, files = _read(call)
        if not is_mailbox(said["to"]):
            raise Refused(no(400, "to parameter is not a valid address."))
        headers = {name[2:]: value for name, value in said.items() if name.startswith("h:")}
        if not all(map(is_line, [said["subject"], *headers, *headers.values()])):
            raise Refused(no(400, "header parameter is not valid."))
        return Letter(
            id=headers["Message-Id"],
            to=said["to"],
            subject=said["subject"],
            text=said.get("text", ""),
            html=said.get("html", ""),
            headers=headers,
            reference=said["v:reference"],
            files=files,
        )

    def accepted(self, letter: Letter) -> Reply:
        """With the Message-ID."""
        return Reply(body={"id": letter.id, "message": "Queued. Thank you."})


def no(status: int, message: str) -> Reply:
    """An error, as all of its API answers one."""
    return Reply(status, {"message": message})


def _read(call: Taken) -> tuple[dict[str, str], tuple[File, ...]]:
    """The fields of a form, each there once, and its files."""
    kind = call.headers["Content-Type"]
    multipart = kind.startswith("multipart/form-data")
    forms, files = _in_parts(kind, call.body) if multipart else (call.forms, ())
    if len(forms["to"]) > 1:
        raise Refused(no(400, "to parameter is not a valid address."))
    return {name: values[-1] for name, values in forms.items()}, files


def _in_parts(kind: str, body: bytes) -> tuple[dict[str, list[str]], tuple[File, ...]]:
    """A multipart/form-data body, in which names stand as browsers write them (RFC 7578, 4.2)."""
    forms: dict[str, list[str]] = {}
    files: list[File] = []
    boundary = kind.partition("boundary=")[2].encode()
    for part in (b"\r\n" + body).split(b"\r\n--" + boundary)[1:-1]:
        head, _, content = part.partition(b"\r\n\r\n")
        said = dict(re.findall(r'(\w+)="([^"]*)"', head.decode()))
        if said["name"] != "attachment":
            forms.setdefault(said["name"], []).append(content.decode())
        else:
            type_ = re.findall(r"Content-Type: ([\w/-]+)", head.decode())
            files.append(File(said["filename"].replace("%22", '"'), content, *type_))
    return forms, tuple(files)
