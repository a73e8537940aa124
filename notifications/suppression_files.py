"""Suppressions from a CSV file, ours or another system's.

A row has an address and its channel, or an email address or phone number in a column of that name;
and, if they are known, a reason, an end and a note. Other columns are left aside. Words of Amazon
SES (SuppressedDestinationSummary) and Postmark (Suppressions API) for reasons are understood too.
"""

from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta

from delivery import channels, suppression
from delivery.channels import ChannelSpec
from delivery.models.suppression import SETTABLE, SuppressionReason
from delivery.suppression import Unwanted
from notifysite.plumbing import imports, sheets
from notifysite.plumbing.imports import Outcome, Unfit
from notifysite.plumbing.sheets import File, Line, NotASheet
from preferences import addresses

TYPED = (channels.EMAIL, channels.SMS, channels.WEBHOOK, channels.CHAT)  # what a person can type
LONGEST_NOTE = 400
NEVER = 9000  # from this year on it is how others write that something does not end

_ALIASES: Mapping[str, str] = {
    "email_address": "email",
    "emailaddress": "email",
    "phone_number": "phone",
    "suppressionreason": "reason",
}
_BY_COLUMN = {"email": channels.EMAIL, "phone": channels.SMS}
_READ = frozenset({"channel", "address", "reason", "expires_at", "note", *_BY_COLUMN})
_REASONS: Mapping[str, SuppressionReason] = {
    **{reason.name.lower().replace("_", ""): reason for reason in SETTABLE},
    "bounce": SuppressionReason.HARD_BOUNCE,
    "spamcomplaint": SuppressionReason.COMPLAINT,
    "manualsuppression": SuppressionReason.MANUAL,
}
_WORDS = ", ".join(reason.name.lower() for reason in SETTABLE)


def take(file: File, *, actor: str, now: datetime) -> Outcome:
    """Suppress the addresses of a file, by batches. Raises NotASheet before anything is set."""
    sheet = sheets.read(file, aliases=_ALIASES)
    found = [name for name in ("address", *_BY_COLUMN) if name in sheet.columns]
    if len(found) != 1:
        raise NotASheet(
            "The first line must name one column with addresses: email, phone, or address beside "
            "channel. Beside it may stand reason, expires_at and note."
        )
    if found == ["address"] and "channel" not in sheet.columns:
        raise NotASheet("Add a column channel, or call the column address email or phone.")
    return imports.take(
        sheet,
        columns=_READ,
        read=lambda line: _read(line, source=f"import:{actor}", now=now),
        key=lambda row: (row.channel, row.address_hash),
        write=lambda rows: suppression.suppress_all(rows, actor=actor),
    )


def _read(line: Line, *, source: str, now: datetime) -> Unwanted:
    said = line.values
    spec, address = _address(said)
    note = said.get("note", "")
    if len(note) > LONGEST_NOTE or "\0" in note:
        raise Unfit(f"Write a note of at most {LONGEST_NOTE} characters.")
    return Unwanted(
        channel=spec.number,
        address_hash=_hash(spec, address),
        reason=_reason(said.get("reason", "")),
        source=source,
        note=note,
        expires_at=_end(said.get("expires_at", ""), now),
    )


def _address(said: Mapping[str, str]) -> tuple[ChannelSpec, str]:
    for name, spec in _BY_COLUMN.items():
        if name in said:
            if said.get("channel", "").lower() not in ("", spec.key):
                raise Unfit(f"The column {name} holds addresses of the channel {spec.key} only.")
            return spec, said[name]
    typed = {spec.key: spec for spec in TYPED}
    found = typed.get(said.get("channel", "").lower())
    if found is None:
        raise Unfit(f"Name a channel: {', '.join(typed)}.")
    return found, said.get("address", "")


def _hash(spec: ChannelSpec, address: str) -> bytes:
    try:
        return addresses.normalise(spec, address).hash
    except addresses.AddressInvalid as error:
        raise Unfit(f"The address: {error.detail}") from None


def _reason(word: str) -> SuppressionReason:
    if not word:
        return SuppressionReason.MANUAL
    bare = "".join(letter for letter in word.lower() if letter not in " _-")
    if bare not in _REASONS:
        raise Unfit(f"Name a reason: {_WORDS}; or leave it empty.")
    return _REASONS[bare]


def _end(text: str, now: datetime) -> datetime | None:
    if not text:
        return None
    try:
        said = date.fromisoformat(text) if len(text) == 10 else datetime.fromisoformat(text)
    except ValueError:
        raise Unfit("Write expires_at as 2027-12-31 or 2027-12-31T12:00:00Z.") from None
    if said.year >= NEVER:
        return None
    end = said if isinstance(said, datetime) else end_of(said)
    end = end if end.tzinfo else end.replace(tzinfo=UTC)
    if end <= now:
        raise Unfit("expires_at is over; name a later time, or leave it empty for good.")
    return end.astimezone(UTC)  # PostgreSQL knows no zone as far away as Python's may be


def end_of(day: date) -> datetime:
    """The end of a day in UTC."""
    return datetime.combine(day + timedelta(days=1), time(), tzinfo=UTC)
