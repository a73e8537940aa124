"""What the answers to webhooks mean; the first row that matches holds."""

from typing import Final

from delivery.classes import HTTP, Row, Table
from delivery.lifecycle import OutcomeKind

_SPEC = "Standard Webhooks, Delivery success and failure"

# Words: the HTTP status.
WEBHOOK: Final = Table(
    rows=(
        # Who answers is whom it is for, so it has arrived.
        Row(OutcomeKind.DELIVERED, ("2xx",), _SPEC),
        Row(OutcomeKind.REFUSED_ADDRESS, ("410",), f"{_SPEC}: disable the endpoint, send no more"),
        # All else may be a release that went wrong, which its owner mends: 404 and 401, too.
        Row(OutcomeKind.TRANSIENT, ("3xx", "4xx", "5xx"), f"{_SPEC}: failed, and tried again"),
    ),
    otherwise=HTTP.otherwise,
)
