"""Dead letters sent again from the desk: what the list's filters ask for, and what came of it."""

import math
from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import datetime

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest
from django.utils import timezone
from django.utils.timesince import timeuntil

from delivery import channels
from delivery.lifecycle import REPLAYABLE, Reason, State
from delivery.replay import Replayed
from notifications.admin.filters import DeadTimeFilter
from notifications.models import NotificationType
from notifications.reasons import REASONS, STATES
from notifications.replaying import MOST, Filter

NAMES = ("state", "channel", "provider", "reason", "type", "since")  # of the list's filters


def wanted(asked: Mapping[str, str], *, now: datetime) -> Filter:
    """What the list's filters ask for; without a state, only what was given up. Raises ValueError
    where they make no sense."""
    state = State(_number(asked, "state") or State.DEAD)
    if state not in REPLAYABLE:
        raise ValueError("no dead letter is in this state")
    reason, span = _number(asked, "reason"), DeadTimeFilter.spans.get(asked.get("since", ""))
    return Filter(
        states=(state,),
        channel=_channel(_number(asked, "channel")),
        provider=asked.get("provider"),
        reason=Reason(reason) if reason else None,
        type=_key(_number(asked, "type")),
        since=now - span if span else None,
    )


def _number(asked: Mapping[str, str], name: str) -> int | None:
    return int(asked[name]) if name in asked else None


def _channel(number: int | None) -> int | None:
    if number is not None and number not in dict(channels.choices()):
        raise ValueError("no such channel")
    return number


def _key(type_id: int | None) -> str | None:
    if type_id is None:
        return None
    found = NotificationType.objects.filter(pk=type_id).values_list("key", flat=True).first()
    if found is None:
        raise ValueError("no such type")
    return found


def words(asked: Filter) -> Iterator[tuple[str, str]]:
    """A filter as it is shown: label and value."""
    yield "State", " or ".join(STATES[State(state)] for state in asked.states or State)
    if asked.channel:
        yield "Channel", channels.by_number(asked.channel).label
    if asked.provider:
        yield "Provider", asked.provider
    if asked.reason:
        yield "Because", REASONS[asked.reason]
    if asked.type:
        yield "Type", asked.type
    if asked.since:
        yield "Accepted since", f"{asked.since:%Y-%m-%d %H:%M} UTC"


def found(count: int) -> str:
    """So many, counted as far as is counted; empty for none."""
    return f"more than {MOST:,}" if count > MOST else f"{count:,}" if count else ""


def takes(count: int) -> str:
    """How long so many take to leave."""
    seconds = math.ceil(min(count, MOST) / settings.REPLAY_PER_SECOND)
    if seconds < 2:
        return "a second"
    return f"{seconds} seconds" if seconds < 120 else f"{round(seconds / 60)} minutes"


def tell(request: HttpRequest, done: Replayed, *, more: bool = False) -> None:
    """Say what became of a replay: how many are queued, under way, refused, and why."""
    if done.queued:
        messages.success(request, f"{_are(len(done.queued))} queued again{_until(done)}.")
    if done.under_way:
        were = "was" if len(done.under_way) == 1 else "were"
        messages.info(request, f"{len(done.under_way):,} {were} on the way already.")
    for reason, count in sorted(Counter(done.refused.values()).items(), key=str):
        why = REASONS[reason] if reason else "nothing of it is left to send"
        were = "was" if count == 1 else "were"
        messages.warning(request, f"{count:,} {were} not sent again, because {why}.")
    if more:
        messages.warning(request, f"There are more: {MOST:,} are sent again at a time.")
    if not (done.queued or done.under_way or done.refused):
        messages.info(request, "There was nothing to send again.")


def _are(count: int) -> str:
    return "1 is" if count == 1 else f"{count:,} are"


def _until(done: Replayed) -> str:
    now = timezone.now()
    if done.last_due_at is None or (done.last_due_at - now).total_seconds() < 60:
        return ""
    return f"; the last of them leaves in {timeuntil(done.last_due_at, now, depth=1)}"
