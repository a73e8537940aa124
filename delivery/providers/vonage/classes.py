"""What Vonage's answers and receipts mean; the first row that matches holds."""

from collections.abc import Mapping
from typing import Final

from delivery.classes import HTTP, Row, Table
from delivery.lifecycle import EventKind, OutcomeKind

_ERRORS = "Vonage, Messages API errors (api-errors/messages)"

# Words: the HTTP status, the end of the error's `type`, and "uuid" where there is one.
VONAGE: Final = Table(
    rows=(
        Row(OutcomeKind.ACCEPTED, ("2xx uuid",), "Vonage, Messages API v1: 202 and message_uuid"),
        # Where the request itself is refused, these numbers say what is wrong with it: 1060 its
        # reference, 1100 its channel, 1110 a parameter of that, 1140 its type.
        Row(
            OutcomeKind.REFUSED_MESSAGE,
            ("422 1060", "422 1100", "422 1110", "422 1140"),
            "Vonage, Messages API reference: 422",
        ),
        # 1240: the person has sent a STOP.
        Row(OutcomeKind.OPTED_OUT, ("1240",), _ERRORS),
        # 1050 barred, 1170 no number, 1190 no longer active, 1300 nobody's in that network.
        Row(OutcomeKind.REFUSED_ADDRESS, ("1050", "1170", "1190", "1300"), _ERRORS),
        # 1060 barred, 1070 and low-balance no credit, 1080 and 1140 not enabled, 1110 signature,
        # 404 no such API at this address.
        Row(
            OutcomeKind.ACCOUNT,
            ("404", "1060", "1070", "1080", "1110", "1140", "low-balance", "unauthorized"),
            _ERRORS,
        ),
        # 1000 and 1241 too fast, 1030 and 1100 their fault, 1180 and 1220 the handset, 1230 the
        # network, 1330 unknown, 1360 its time ran out.
        Row(
            OutcomeKind.TRANSIENT,
            ("1000", "1030", "1100", "1180", "1220", "1230", "1241", "1330", "1360"),
            _ERRORS,
        ),
        # The rest of their numbers speak of the message, its sender, or a way there is not.
        Row(OutcomeKind.REFUSED_MESSAGE, ("1xxx",), _ERRORS),
        *HTTP.rows,
    ),
    otherwise=HTTP.otherwise,
)

# What a receipt says by its status, where its error does not say more (Vonage, SMS status
# callbacks). `undeliverable`: Vonage could not reach the carrier.
STATUSES: Final[Mapping[str, EventKind]] = {
    "submitted": EventKind.SENT,
    **dict.fromkeys(("delivered", "read"), EventKind.DELIVERED),
    "rejected": EventKind.REJECTED,
    "undeliverable": EventKind.SOFT_BOUNCE,
}
LOST: Final = frozenset({"rejected", "undeliverable"})
