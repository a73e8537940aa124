"""What a file may be called, and what it is: its name alone says so."""

import re
from functools import cache
from mimetypes import MimeTypes
from typing import Final

LONGEST_BYTES: Final = 255
PLAIN: Final = "application/octet-stream"

# "File types blocked in Gmail", Gmail Help: no mailbox of theirs takes these, nor do others.
_FORBIDDEN: Final = re.compile(
    "ade|adp|apk|appx|appxbundle|bat|cab|chm|cmd|com|cpl|diagcab|diagcfg|diagpkg|dll|dmg|ex|ex_"
    "|exe|hta|img|ins|iso|isp|jar|jnlp|js|jse|lib|lnk|mde|mjs|msc|msi|msix|msixbundle|msp|mst|nsh"
    "|pif|ps1|scr|sct|shb|sys|vb|vbe|vbs|vhd|vxd|wsc|wsf|wsh|xll"
)
# A mail within a mail may not be encoded (RFC 2046, 5.2.1), so it would not stay as it is.
_OF_MAIL: Final = ("message/", "multipart/")
# Which an installation of Python may or may not know.
_OFFICE: Final = {
    ".docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    ".ics": "text/calendar",
    ".odp": "application/vnd.oasis.opendocument.presentation",
    ".ods": "application/vnd.oasis.opendocument.spreadsheet",
    ".odt": "application/vnd.oasis.opendocument.text",
    ".pkpass": "application/vnd.apple.pkpass",
    ".pptx": "application/vnd.openxmlformats-officedocument.presentationml.presentation",
    ".rtf": "application/rtf",
    ".webp": "image/webp",
    ".xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
_PACKED: Final = {"gzip": "application/gzip", "bzip2": "application/x-bzip2"}


class NameRefused(ValueError):
    """A file may not be called so; `code` is stable, and the text says what to do."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code


def check(name: str) -> None:
    """Raises NameRefused for what no mail can carry."""
    if not name.isprintable() or "/" in name or "\\" in name or not name.strip(" ."):
        raise NameRefused("invalid_name", "Name the file in printable characters, without a path.")
    if len(name.encode()) > LONGEST_BYTES:
        raise NameRefused("too_long", f"At most {LONGEST_BYTES} bytes of UTF-8.")
    extension = _extension(name)
    if _FORBIDDEN.fullmatch(extension):
        detail = f"No mailbox takes files that end in .{extension}; send a link to it."
        raise NameRefused("forbidden_file_type", detail)
    if type_of(name).startswith(_OF_MAIL):
        detail = "A mail cannot be sent within a mail as it is; pack it, as a .zip."
        raise NameRefused("forbidden_file_type", detail)


def type_of(name: str) -> str:
    """The content type that a name stands for, the same on every machine."""
    # As a path: what looks like a URL, such as `data:…`, would say what it is by itself.
    kind, packed = _types().guess_type(f"./{name}")
    if packed is not None:
        return _PACKED.get(packed, PLAIN)
    return kind or PLAIN


def _extension(name: str) -> str:
    # Windows looks past blanks and dots at the end.
    return name.rstrip(" .").rpartition(".")[2].lower()


@cache
def _types() -> MimeTypes:
    """Those of Python, and no file of the machine's."""
    types = MimeTypes()
    for extension, kind in _OFFICE.items():
        types.add_type(kind, extension)
    return types
