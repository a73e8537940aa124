"""What the answers of push services mean; the first row that matches holds."""

from typing import Final

from delivery.classes import HTTP, Row, Table
from delivery.lifecycle import OutcomeKind

# Words: the HTTP status, and "other_key" where it subscribed with another VAPID key.
PUSH: Final = Table(
    rows=(
        Row(OutcomeKind.ACCEPTED, ("2xx",), "RFC 8030 section 5"),
        # Only this device is concerned, so it must not look as if our account were refused.
        Row(
            OutcomeKind.REFUSED_MESSAGE,
            ("other_key",),
            "FCM, autopush and Apple, in words of their own; RFC 8292 section 4.2",
        ),
        Row(
            OutcomeKind.REFUSED_ADDRESS,
            ("404", "410"),
            "RFC 8030 section 7.3; 410 is how FCM, autopush and Apple say it",
        ),
        Row(OutcomeKind.TRANSIENT, ("406",), "WNS: too many messages to one channel"),
        Row(OutcomeKind.REFUSED_MESSAGE, ("413",), "RFC 8030 section 7.2"),
        # A push service redirects nobody: somebody stands in between.
        Row(OutcomeKind.TRANSIENT, ("3xx",), "RFC 8030 knows no redirects"),
        *HTTP.rows,
    ),
    otherwise=HTTP.otherwise,
)
