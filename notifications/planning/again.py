"""Decide again: what the last look does about deliveries whose ground has shifted."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from django.db import connection

from delivery.contracts import Sealed, Wait, Withdraw
from delivery.lifecycle import Reason
from notifications.planning import facts
from notifications.planning.decide import decide
from notifications.planning.decision import Does
from notifications.planning.facts import Case, Due

Doubt = tuple[UUID, int, int, Due]  # delivery, step, channel, notification


def decide_again(doubts: Sequence[Doubt], *, now: datetime) -> dict[UUID, Sealed]:
    """Withdraw or Wait for those that may no longer leave; those that may are absent."""
    if not doubts:
        return {}
    due = {notification.id: notification for *_, notification in doubts}
    cases = {case.due.id: case for case in facts.gather(list(due.values()), now=now)}
    found = {
        delivery: _answer(cases[notification.id], step, channel)
        for delivery, step, channel, notification in doubts
    }
    return {delivery: answer for delivery, answer in found.items() if answer is not None}


def _answer(case: Case, step: int, channel: int) -> Sealed | None:
    """The same decision, as if this step had not been taken yet."""
    before = {position: past for position, past in case.facts.past.items() if position != step}
    decision = decide(case.facts._replace(past=before))
    made = next((one for one in decision.steps if one.step == step), None)
    if made is None:
        return Withdraw(reason=Reason.CONDITION_FALSE)
    if made.outcome is Does.HOLD and made.until:
        return Wait(until=made.until, reason=made.reason)
    if made.outcome is Does.HOLD:  # for news, not for a time: its condition holds no longer
        return Withdraw(reason=made.reason or Reason.CONDITION_FALSE)
    if made.outcome is Does.SEND and made.channel == channel:
        return None
    return Withdraw(reason=made.reason or Reason.OPTED_OUT_CHANNEL)


_READDRESS = """
    UPDATE delivery AS d SET address_id = a.id, address_hash = a.hash
    FROM address AS a
    WHERE d.id = ANY(%s::uuid[]) AND a.recipient_id = d.recipient_id AND a.channel = d.channel
        AND a.retired_at IS NULL
"""


def readdress(deliveries: Sequence[UUID]) -> None:
    """Point deliveries at the address that replaced theirs; nothing has left for the old one."""
    with connection.cursor() as cursor:
        cursor.execute(_READDRESS, [list(deliveries)])
