"""What the answers of Amazon SNS to an SMS mean; the first row that matches holds."""

from typing import Final

from delivery.classes import HTTP, Row, Table
from delivery.lifecycle import OutcomeKind

_PUBLISH = "Amazon SNS API reference: Publish, Errors"
_COMMON = "Amazon SNS API reference: Common errors"

# Words: the HTTP status, the code of an error, and "id" where the message was given one.
SNS: Final = Table(
    rows=(
        Row(OutcomeKind.ACCEPTED, ("2xx id",), "Amazon SNS API reference: Publish"),
        Row(OutcomeKind.OPTED_OUT, ("OptedOut",), "Amazon SNS API reference: OptedOutException"),
        # Many of them come with a status of 400.
        Row(
            OutcomeKind.TRANSIENT,
            ("Throttled", "Throttling", "ThrottlingException", "RequestThrottled"),
            "Amazon SNS API reference: ThrottledException; AWS SDK, what it retries",
        ),
        Row(OutcomeKind.TRANSIENT, ("KMSThrottling",), _PUBLISH),
        Row(
            OutcomeKind.ACCOUNT,
            ("AuthorizationError", "InvalidSecurity", "NotFound", "KMSOptInRequired"),
            _PUBLISH,
        ),
        Row(
            OutcomeKind.ACCOUNT,
            ("KMSAccessDenied", "KMSDisabled", "KMSInvalidState", "KMSNotFound"),
            _PUBLISH,
        ),
        Row(
            OutcomeKind.ACCOUNT,
            (
                "AccessDeniedException",
                "IncompleteSignature",
                "InvalidClientTokenId",
                "NotAuthorized",
                "OptInRequired",
                "RequestExpired",
                "SignatureDoesNotMatch",
            ),
            _COMMON,
        ),
        # Of a number that is none it says InvalidParameter, and so it does of every number where
        # its region has no SMS: no address is given up for that.
        *HTTP.rows,
    ),
    otherwise=HTTP.otherwise,
)
