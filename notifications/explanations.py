"""How an explanation is written down: gates, providers that were passed over, moments."""

from collections.abc import Sequence
from datetime import datetime
from math import inf
from typing import Any

from delivery import channels
from delivery.standing import IDLE, Standing
from notifications.planning.decision import Gate


def passed_over(found: Sequence[Standing], taker: str) -> list[dict[str, Any]]:
    """Those before it on the route that are given nothing now; all such where nobody takes it."""
    turns = {one.way.alias: one.turn.position for one in found if one.turn}
    return [
        {
            "provider": one.way.alias,
            "state": str(one.state),
            "reason": one.switch.reason if one.switch.open_until else "",
            "until": moment(one.switch.open_until) if one.switch.open_until else None,
        }
        for one in found
        if one.state in IDLE
        and one.way.alias in turns
        and turns[one.way.alias] <= turns.get(taker, inf)
    ]


def gate_told(gate: Gate) -> dict[str, Any]:
    """A gate: what it looked at, what it answered, and whose word that was."""
    answer = gate.answer
    return {
        "gate": gate.name,
        "channel": channels.by_number(gate.channel).key,
        "passed": answer is not None and answer.outcome is None,
        "reached": answer is not None,
        "outcome": answer.outcome.value if answer and answer.outcome else None,
        "reason": answer.reason.name.lower() if answer and answer.reason else None,
        "until": moment(answer.until) if answer and answer.until else None,
        "value": answer.value if answer else None,
        "source": str(answer.source) if answer else None,
    }


def moment(at: datetime) -> str:
    """RFC 3339, in UTC."""
    return at.isoformat().replace("+00:00", "Z")
