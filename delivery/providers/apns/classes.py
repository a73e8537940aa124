"""What the answers of APNs mean; the first row that matches holds."""

from collections.abc import Mapping
from typing import Final

from delivery.classes import HTTP, Row, Table
from delivery.lifecycle import OutcomeKind

_RESPONSES = "Apple, Handling notification responses from APNs"

# Words: the HTTP status, the reason, and "registered_since" where the device was registered with us
# after it is said to have gone.
APNS: Final = Table(
    rows=(
        Row(OutcomeKind.ACCEPTED, ("200",), _RESPONSES),
        Row(OutcomeKind.TRANSIENT, ("410 registered_since",), _RESPONSES),
        Row(OutcomeKind.REFUSED_ADDRESS, ("410",), _RESPONSES),
        Row(
            OutcomeKind.REFUSED_ADDRESS,
            ("BadDeviceToken", "DeviceTokenNotForTopic"),
            _RESPONSES,
        ),
        # The topic is ours, one for all: no message would fare better.
        Row(OutcomeKind.ACCOUNT, ("BadTopic", "MissingTopic", "TopicDisallowed"), _RESPONSES),
        Row(OutcomeKind.ACCOUNT, ("TooManyProviderTokenUpdates",), _RESPONSES),
        Row(OutcomeKind.TRANSIENT, ("IdleTimeout",), _RESPONSES),
        *HTTP.rows,
    ),
    otherwise=HTTP.otherwise,
)

# Seconds to wait where no Retry-After says how long (Apple, Sending notification requests to APNs).
PAUSE: Final[Mapping[int, float]] = dict.fromkeys((500, 503), 900.0)
