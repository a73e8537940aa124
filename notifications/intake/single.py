"""One notification to somebody who is known: nearly every request, and the cheapest one can be.

Two statements, and no need of a transaction around them: only the second writes, and it writes one
row. The general way makes the same row; whatever is not as simple as this is left to it.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import connection

from notifications.catalog import types
from notifications.intake.drafts import Accepted, Draft
from notifications.intake.request import SendRequest
from notifications.intake.terms import Terms
from notifications.planning.readers import DATA
from notifications.services.authentication import Caller
from notifications.words import Status
from notifysite.plumbing import crypto
from notifysite.plumbing.failpoints import reached
from notifysite.plumbing.statements import Statement

# Whom it is to, and whether what this process keeps of the type still holds.
_ASK = Statement("""
    SELECT r.id, r.data_key, (SELECT changed_at FROM notification_type WHERE key = %(type)s)
    FROM recipient AS r WHERE r.user_id = %(user)s
""")
_INSERT = Statement(f"""
    INSERT INTO notification (id, request_id, recipient_id, data, service_id, key_id, type_id, mode,
        priority, lane, status, channels, locale, cancellation_key, send_at, expires_at, due_at)
    VALUES (%(id)s, %(request_id)s, %(recipient)s, %(data)s, %(service_id)s, %(key_id)s, %(type)s,
        %(mode)s, %(priority)s, %(lane)s, {Status.ACCEPTED:d}, %(channels)s, %(locale)s,
        %(cancellation_key)s, %(send_at)s::timestamptz,
        LEAST(%(asked_expiry)s::timestamptz, GREATEST(%(send_at)s::timestamptz, clock_timestamp())
            + %(ttl)s::int * interval '1 second'),
        GREATEST(%(send_at)s::timestamptz, clock_timestamp()))
""")  # noqa: S608
# The same of a request that asks for nothing special: each value costs to be told, NULL too.
_INSERT_PLAIN = Statement(f"""
    INSERT INTO notification (id, request_id, recipient_id, data, service_id, key_id, type_id, mode,
        priority, lane, status, locale, expires_at, due_at)
    VALUES (%(id)s, %(request_id)s, %(recipient)s, %(data)s, %(service_id)s, %(key_id)s, %(type)s,
        %(mode)s, %(priority)s, %(lane)s, {Status.ACCEPTED:d}, %(locale)s,
        clock_timestamp() + %(ttl)s::int * interval '1 second', clock_timestamp())
""")  # noqa: S608


def accept(
    request: SendRequest, accepted: Accepted, *, caller: Caller, now: datetime
) -> Draft | None:
    """Write the one row of a request, and return its draft; None where the general way must see to
    it, and nothing was written. Raises Problem."""
    if len(request.to) != 1 or request.actor or request.attachments:
        return None
    if not request.to[0].wanted.is_bare:
        return None
    kept = types.kept(request.type)
    if kept is None:
        return None
    stamp, kind = kept
    with connection.cursor() as cursor:
        _ASK.run(cursor, type=kind.key, user=request.to[0].wanted.user_id)
        found = cursor.fetchone()
        if found is None or found[2] != stamp:
            return None
        draft = Draft.of(request, accepted, kinds={kind.key: kind}, now=now)
        values = _values(draft, found[0], crypto.unwrap(found[1]), caller)
        special = _special(draft.terms)
        reached("accept.before_commit")
        if any(value is not None for value in special.values()):
            _INSERT.run(cursor, **values, **special)
        else:
            _INSERT_PLAIN.run(cursor, **values)
    return draft


def _values(draft: Draft, recipient: int, key: crypto.DataKey, caller: Caller) -> Mapping[str, Any]:
    terms, (_, data) = draft.terms, draft.letters[0]
    return {
        "id": draft.accepted.notifications[0][0].hex,
        "request_id": draft.accepted.request_id.hex,
        "recipient": recipient,
        "data": key.encrypt(data, context=DATA),
        "service_id": caller.service_id,
        "key_id": caller.key_id,
        "type": terms.kind.id,
        "mode": int(caller.mode),
        "priority": int(terms.priority),
        "lane": int(terms.lane),
        "locale": terms.locale,
        "ttl": terms.kind.ttl_seconds or None,
    }


def _special(terms: Terms) -> Mapping[str, Any]:
    """What few requests ask for."""
    return {
        "channels": terms.only,
        "cancellation_key": terms.cancellation_key,
        "send_at": terms.send_at,
        "asked_expiry": terms.asked_expiry,
    }
