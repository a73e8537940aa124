"""Backends of Django's mail API that do as they are told."""

from collections.abc import Mapping, Sequence
from typing import Any

from anymail.exceptions import AnymailAPIError
from django.core.mail import EmailMessage
from django.core.mail.backends.base import BaseEmailBackend


class Refusing(BaseEmailBackend):
    """Refuses every letter as anymail's Amazon SES backend does, with botocore's answer."""

    def __init__(
        self, *, status: int, code: str, headers: Mapping[str, str] | None = None, **_: Any
    ) -> None:
        super().__init__()
        self._response = {
            "Error": {"Code": code, "Message": "Not to ann@example.com"},
            "ResponseMetadata": {"HTTPStatusCode": status, "HTTPHeaders": dict(headers or {})},
        }

    def send_messages(self, email_messages: Sequence[EmailMessage]) -> int:
        raise AnymailAPIError("refused", response=self._response)
