"""What the answers of FCM mean; the first row that matches holds."""

from collections.abc import Mapping
from typing import Final

from delivery.classes import HTTP, Row, Table
from delivery.lifecycle import OutcomeKind

_ERRORS = "Firebase, FCM REST reference: ErrorCode"

# Words: the HTTP status, "name" where the message was given one, the canonical status and the
# errorCode of an error, the fields that it finds at fault, and "topic" where it went to one.
FCM: Final = Table(
    rows=(
        Row(OutcomeKind.ACCEPTED, ("200 name",), "Firebase, FCM REST reference: messages.send"),
        # There is no token that could be dead: all others who have the topic would be cut off.
        Row(
            OutcomeKind.REFUSED_MESSAGE,
            ("UNREGISTERED topic", "SENDER_ID_MISMATCH topic"),
            "Firebase, Topic messaging: topics exist by being subscribed to",
        ),
        Row(OutcomeKind.REFUSED_ADDRESS, ("UNREGISTERED", "SENDER_ID_MISMATCH"), _ERRORS),
        # Without the field it is the message that is too large, or wrong: the token lives.
        Row(OutcomeKind.REFUSED_ADDRESS, ("INVALID_ARGUMENT message.token",), _ERRORS),
        Row(OutcomeKind.ACCOUNT, ("THIRD_PARTY_AUTH_ERROR",), _ERRORS),
        # A dead token says so; else it is the project that is not there.
        Row(OutcomeKind.ACCOUNT, ("404",), "Google, AIP-193: NOT_FOUND"),
        *HTTP.rows,
    ),
    otherwise=HTTP.otherwise,
)

# Words: the HTTP status, and the error of RFC 6749 section 5.2. No message has left by then.
LOGIN: Final = Table(
    rows=(
        Row(OutcomeKind.ACCOUNT, ("invalid_grant", "invalid_client"), "RFC 6749 section 5.2"),
        Row(OutcomeKind.TRANSIENT, ("408", "425", "429"), "RFC 9110 section 15.5.9, RFC 6585"),
        Row(OutcomeKind.ACCOUNT, ("3xx", "4xx"), "RFC 6749 section 5.2"),
    ),
    otherwise=OutcomeKind.TRANSIENT,
)

# Seconds to wait at least, or where no Retry-After says how long.
LEAST_PAUSE: Final[Mapping[int, float]] = {503: 10.0}
PAUSE: Final[Mapping[int, float]] = {429: 60.0, **LEAST_PAUSE}
