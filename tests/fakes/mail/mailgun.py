"""Mailgun, as its documentation describes Messages."""

import base64
from collections.abc import Mapping
from typing import ClassVar

from tests.fakes.mail.base import Letter, MailService, Refused, is_line, is_mailbox
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
        said = call.form
        if len(call.forms["to"]) > 1 or not is_mailbox(said["to"]):
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
        )

    def accepted(self, letter: Letter) -> Reply:
        """With the Message-ID."""
        return Reply(body={"id": letter.id, "message": "Queued. Thank you."})


def no(status: int, message: str) -> Reply:
    """An error, as all of its API answers one."""
    return Reply(status, {"message": message})
