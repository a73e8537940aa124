"""Brevo, as its developer documentation describes sending a transactional email."""

import json
import re
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

KEY = "xkeysib-brevo-api-key"
USER, PASSWORD, TOKEN = "brevo", "brevo-hook-password", "brevo-hook-token"


# "attachment" in "Send a transactional email".
_EXTENSIONS = re.compile(
    "xlsx?|xlsm|od[st]|doc[xm]?|csv|pdf|txt|gif|jpe?g|png|tiff?|rtf|bmp|cgm|css|s?html|htm|zip|xml"
    "|pptx?|tar|ez|ics|mobi|msg|pub|eps|mp3|m4[av]|wm[av]|ogg|flac|wav|aif[cf]?|mp4|mov|avi|mkv"
    "|mpe?g|pkpass"
)


class Brevo(MailService):
    """One account."""

    variables: ClassVar[Mapping[str, str]] = {
        "BREVO_API_KEY": KEY,
        "BREVO_WEBHOOK_USER": USER,
        "BREVO_WEBHOOK_PASSWORD": PASSWORD,
    }
    api_url = "BREVO_API_URL"
    api_path = "/v3"

    def read(self, call: Taken) -> Letter:
        """POST /v3/smtp/email."""
        if call.headers.get("api-key") != KEY:
            raise Refused(no(401, "unauthorized", "Key not found"))
        if (call.method, call.path) != ("POST", "/v3/smtp/email"):
            raise Refused(no(404, "document_not_found", "No such resource."))
        said = call.json
        (person,) = said["to"]
        headers = dict(said["headers"])
        if not is_mailbox(person["email"]):
            raise Refused(no(400, "invalid_parameter", "email is not valid in to"))
        if not all(map(is_line, [said["subject"], *headers, *headers.values()])):
            raise Refused(no(400, "invalid_parameter", "headers are not valid"))
        return Letter(
            id=f"<{len(self.letters) + 1}@smtp-relay.mailin.fr>",
            to=person["email"],
            subject=said["subject"],
            text=said.get("textContent", ""),
            html=said.get("htmlContent", ""),
            reference=json.loads(headers.pop("X-Mailin-custom"))["reference"],
            headers=headers,
            files=tuple(map(_file, said.get("attachment", ()))),
        )

    def accepted(self, letter: Letter) -> Reply:
        """With the Message-ID that it made."""
        return Reply(201, {"messageId": letter.id})


def no(status: int, code: str, message: str) -> Reply:
    """An error, as all of its API answers one."""
    return Reply(status, {"code": code, "message": message})


def _file(said: dict[str, str]) -> File:
    extension = said["name"].rpartition(".")[2].lower()
    if said.keys() != {"name", "content"} or not _EXTENSIONS.fullmatch(extension):
        raise Refused(no(400, "invalid_parameter", "Unsupported file format."))
    return File(said["name"], decoded(said["content"]))
