"""In-app delivery: to hand a message over is to store it, exactly once, in the person's inbox."""

import logging
import math
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import partial

from django.db import DatabaseError, DataError, InterfaceError, connection, transaction

from delivery import people
from delivery.contracts import Feature, Message, Outcome
from delivery.inbox import content, heads, hints
from delivery.inbox.hints import Hint
from delivery.lifecycle import OutcomeKind
from notifysite.plumbing.crypto import CryptoError, DataKey
from notifysite.plumbing.statements import Statement

logger = logging.getLogger(__name__)

# Numbers are given to new items only, so that a repeated hand-over leaves no gap. The heads are
# locked by an earlier statement: this one sees all that others stored before.
_STORE = Statement("""
    WITH incoming AS (
        SELECT * FROM unnest(
            %(ids)s::uuid[], %(notifications)s::uuid[], %(recipients)s::bigint[],
            %(categories)s::text[], %(types)s::text[], %(priorities)s::smallint[],
            %(silences)s::boolean[], %(contents)s::bytea[], %(expiries)s::timestamptz[]
        ) WITH ORDINALITY AS given (
            id, notification_id, recipient_id, category, type, priority, silent, content,
            expires_at, place
        )
    ), fresh AS (
        SELECT incoming.*, head.seq + row_number() OVER (
            PARTITION BY incoming.recipient_id ORDER BY incoming.place
        ) AS number
        FROM incoming JOIN inbox_head AS head ON head.recipient_id = incoming.recipient_id
        WHERE NOT EXISTS (SELECT FROM inbox_item AS known WHERE known.id = incoming.id)
    ), stored AS (
        INSERT INTO inbox_item (
            id, notification_id, recipient_id, seq, changed_seq, category, type, priority,
            silent, content, expires_at
        )
        SELECT id, notification_id, recipient_id, number, number, category, type, priority,
            silent, content, expires_at
        FROM fresh
        ON CONFLICT (id) DO NOTHING
        RETURNING recipient_id, seq
    )
    UPDATE inbox_head SET seq = reached.seq
    FROM (SELECT recipient_id, max(seq) AS seq FROM stored GROUP BY recipient_id) AS reached
    WHERE inbox_head.recipient_id = reached.recipient_id
""")


class Inbox:
    """Stores a flight in one transaction and a constant number of statements.

    A delivery's id is its item's, so a message handed over again is answered as delivered and
    stored no second time: nothing here is ever uncertain.
    """

    features = frozenset(
        {
            Feature.RECEIPTS,
            Feature.ENGAGEMENT,
            Feature.FOLDS,
            Feature.IMAGES,
            Feature.ACTIONS,
        }
    )
    local = True
    idempotent_for = math.inf

    def __init__(self, alias: str, *, flight: int = 500) -> None:
        self.alias = alias
        self.flight = flight

    def send(self, messages: Sequence[Message]) -> Iterator[Outcome]:
        """Store all messages; those to erased people are refused, the rest is delivered."""
        started = time.monotonic()
        kind, code = OutcomeKind.DELIVERED, ""
        keys: Mapping[int, DataKey] = {}
        try:
            keys = people.data_keys({message.recipient for message in messages})
            _store([message for message in messages if message.recipient in keys], keys)
        except DataError as error:
            if len(messages) > 1:
                # One message that cannot be stored must not take the others along.
                for message in messages:
                    yield from self.send([message])
                return
            kind, code = OutcomeKind.REFUSED_MESSAGE, type(error).__name__
        except (DatabaseError, InterfaceError) as error:
            kind, code = OutcomeKind.TRANSIENT, type(error).__name__
            logger.warning("inbox items were not stored: %s", code)
        except CryptoError as error:
            kind, code = OutcomeKind.ACCOUNT, type(error).__name__
            logger.exception("inbox items cannot be encrypted")
        took = (time.monotonic() - started) / max(len(messages), 1)
        for message in messages:
            if kind is OutcomeKind.DELIVERED and message.recipient not in keys:
                yield _refused(message, took=took)
            else:
                yield Outcome(reference=message.reference, kind=kind, code=code, took=took)


def _refused(message: Message, *, took: float) -> Outcome:
    """Nobody can read what is stored for an erased person, so nothing is."""
    return Outcome(
        reference=message.reference, kind=OutcomeKind.REFUSED_MESSAGE, code="erased", took=took
    )


def _store(messages: Collection[Message], keys: Mapping[int, DataKey]) -> None:
    once = list({message.reference: message for message in messages}.values())
    if not once:
        return
    recipients = sorted({message.recipient for message in once})
    row = _columns(once, keys)
    with transaction.atomic():
        heads.lock(recipients)
        with connection.cursor() as cursor:
            _STORE.run(cursor, **row)
        transaction.on_commit(partial(hints.offer, _hints(once, recipients)), robust=True)


def _columns(messages: Sequence[Message], keys: Mapping[int, DataKey]) -> dict[str, list[object]]:
    return {
        "ids": [message.reference for message in messages],
        "notifications": [message.notification for message in messages],
        "recipients": [message.recipient for message in messages],
        "categories": [message.category for message in messages],
        "types": [message.type for message in messages],
        "priorities": [message.priority for message in messages],
        "silences": [message.silent for message in messages],
        "contents": [
            content.seal(message.content, keys[message.recipient], message.reference)
            for message in messages
        ],
        "expiries": [message.expires_at for message in messages],
    }


def _hints(messages: Sequence[Message], recipients: Sequence[int]) -> list[Hint]:
    loud = {message.recipient for message in messages if not message.silent}
    return [
        Hint(recipient_id=id, seq=head.seq, unread=head.unread, silent=id not in loud)
        for id, head in heads.read(recipients).items()
    ]
