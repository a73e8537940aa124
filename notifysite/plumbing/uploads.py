"""A form with one file, read up to a limit and no further."""

from collections.abc import Mapping
from io import BytesIO
from typing import Any, NamedTuple

from django.core.exceptions import SuspiciousOperation
from django.core.files.uploadhandler import FileUploadHandler
from django.http import UnreadablePostError
from django.http.multipartparser import MultiPartParser, MultiPartParserError
from rest_framework.exceptions import UnsupportedMediaType
from rest_framework.parsers import BaseParser
from rest_framework.request import Request

from notifysite.plumbing.faults import Fault
from notifysite.plumbing.problems import Problem

FIELD = "file"
_FRAME = 64 * 1024  # what a form adds to its file


class Form(NamedTuple):
    """What was sent: a file's name and bytes, and the fields beside it."""

    name: str
    content: bytes
    fields: Mapping[str, str]


def read(request: Request) -> Form:
    """The form of a request whose view has a FormParser. Raises Problem."""
    try:
        said: Any = request.data
    except UnsupportedMediaType:
        detail = "Send a form with the file: `Content-Type: multipart/form-data`."
        raise Problem.of("unsupported_media_type", detail) from None
    if not isinstance(said, Form):  # nothing was read
        detail = "Send the form with its length, in a Content-Length header."
        raise Problem.of("bad_request", detail)
    return said


class FormParser(BaseParser):
    """Reads multipart/form-data with a part called `file`; a subclass says how large it may be."""

    media_type = "multipart/form-data"

    def most_bytes(self) -> int:
        """How large a file may be."""
        raise NotImplementedError

    def parse(
        self,
        stream: Any,
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> Any:
        """Return the Form, or raise a Problem: 400, 413 or 422."""
        request, most = (parser_context or {})["request"], self.most_bytes()
        length = str(request.META.get("CONTENT_LENGTH", ""))
        if length.isdecimal() and int(length) > most + _FRAME:
            raise _too_large(most)
        taking = _Taking(most)
        try:
            fields, _ = MultiPartParser(request.META, stream, [taking], "utf-8").parse()
        except UnreadablePostError:
            raise Problem.of("bad_request", "The body ended early; send it again.") from None
        except (MultiPartParserError, SuspiciousOperation, UnicodeError):
            raise Problem.of("bad_request", "The body is no multipart/form-data form.") from None
        if taking.name is None:
            detail = f"Send the file as the part {FIELD!r}, with a filename."
            raise _invalid(Fault(f"/{FIELD}", "required", detail))
        _refuse_twice(fields)
        said = {name: str(value) for name, value in fields.items()}
        return Form(taking.name, taking.content.getvalue(), said)


class _Taking(FileUploadHandler):
    """Keeps the one file of a form in memory, never more of it than it may have."""

    def __init__(self, most: int) -> None:
        super().__init__()
        self.name: str | None = None
        self.content = BytesIO()
        self._most = most

    def new_file(self, field_name: str, file_name: str, *args: Any, **kwargs: Any) -> None:
        """A part with a file begins."""
        if field_name != FIELD or self.name is not None:
            raise _invalid(Fault(f"/{field_name}", "unknown_field", "Send one file, as `file`."))
        # As browsers and curl write a quote in a name (RFC 7578, 4.2).
        # Readers of mails drop blanks around it.
        self.name = file_name.replace("%22", '"').strip()

    def receive_data_chunk(self, raw_data: bytes, start: int) -> None:
        """More of it."""
        if start + len(raw_data) > self._most:
            raise _too_large(self._most)
        self.content.write(raw_data)

    def file_complete(self, file_size: int) -> None:
        """All of it is here."""


def _refuse_twice(fields: Any) -> None:
    if twice := [name for name, values in fields.lists() if len(values) > 1]:
        raise _invalid(*(Fault(f"/{name}", "duplicate_key", "Say it once.") for name in twice))


def _invalid(*faults: Fault) -> Problem:
    return Problem.of("validation_failed", faults=faults)


def _too_large(most: int) -> Problem:
    detail = f"A file may have {most:,} bytes; send a link to a larger one."
    return Problem.of("body_too_large", detail)
