"""What Twilio's answers and receipts mean; the first row that matches holds."""

from collections.abc import Mapping
from typing import Final

from delivery.classes import HTTP, Row, Table
from delivery.lifecycle import EventKind, OutcomeKind

_DICTIONARY = "Twilio, Error and Warning Dictionary (docs/api/errors)"

# Words: the HTTP status, Twilio's own code, and "sid" where there is one.
TWILIO: Final = Table(
    rows=(
        Row(OutcomeKind.ACCEPTED, ("2xx sid",), "Twilio, Messages resource: create a Message"),
        # 21610: To has replied STOP to this sender.
        Row(OutcomeKind.OPTED_OUT, ("21610",), _DICTIONARY),
        # 21211 no number, 21614 no mobile number, 21635 and 30006 a landline, 30005 unknown.
        Row(
            OutcomeKind.REFUSED_ADDRESS, ("21211", "21614", "21635", "30005", "30006"), _DICTIONARY
        ),
        # 20003 login, 20404 no such account, 30002 suspended, 30034 a number that is not registered
        # (US).
        Row(OutcomeKind.ACCOUNT, ("404", "20003", "20404", "30002", "30034"), _DICTIONARY),
        # 21212 and 21606 From is none we can use, 21660 another account's, 21661 not for SMS; the
        # Messaging Service is not there (21701), has no number free (21703) or none at all (21704).
        Row(
            OutcomeKind.ACCOUNT,
            ("21212", "21606", "21660", "21661", "21701", "21703", "21704"),
            _DICTIONARY,
        ),
        # 20429 too many requests, 21611 and 30001 queue overflow, 30003 the handset is off, 30008
        # unknown, 30017 the carrier is congested, 30022 more than it takes in a second, 30036 it
        # waited in the queue until its time ran out.
        Row(
            OutcomeKind.TRANSIENT,
            ("20429", "21611", "30001", "30003", "30008", "30017", "30022", "30036"),
            _DICTIONARY,
        ),
        # 21408 a country that is not enabled, 21608 a trial account, 21612 no way from this sender
        # to this number, 21617 too long, 30004 blocked, 30007 filtered.
        Row(
            OutcomeKind.REFUSED_MESSAGE,
            ("21408", "21608", "21612", "21617", "30004", "30007"),
            _DICTIONARY,
        ),
        *HTTP.rows,
    ),
    otherwise=HTTP.otherwise,
)

# What a receipt says by its status, where its code does not say more.
STATUSES: Final[Mapping[str, EventKind]] = {
    **dict.fromkeys(("accepted", "scheduled", "queued", "sending", "sent"), EventKind.SENT),
    **dict.fromkeys(("delivered", "read"), EventKind.DELIVERED),
    "undelivered": EventKind.SOFT_BOUNCE,
    **dict.fromkeys(("failed", "canceled"), EventKind.REJECTED),
}
LOST: Final = frozenset({"undelivered", "failed"})
