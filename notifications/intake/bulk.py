"""Many different requests in one call: each is taken, known from before, or refused by itself.

One transaction and a fixed number of statements, however many there are. A repeat under an item's
own key finds what the first one made, whatever has changed since.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Any, NamedTuple, Self
from uuid import UUID

from django.db import transaction
from rest_framework.exceptions import ValidationError

from notifications import nudges
from notifications.catalog import types
from notifications.catalog.types import CatalogType
from notifications.intake import attaching, audiences, drafts
from notifications.intake.accept import Taken
from notifications.intake.attaching import File
from notifications.intake.audiences import AcceptedAudience, AudienceDraft
from notifications.intake.drafts import Accepted, Draft
from notifications.intake.request import MOST_RECIPIENTS, SendRequest, read_send
from notifications.intake.terms import Terms
from notifications.services import idempotency
from notifications.services.authentication import Caller
from notifications.services.idempotency import Use
from notifysite.plumbing.failpoints import reached
from notifysite.plumbing.faults import Fault, faults_of
from notifysite.plumbing.problems import Problem
from preferences import topics
from preferences.known import known
from preferences.people import TooMuchSaid
from preferences.topics import Size

ENDPOINT = "notifications/bulk"
MOST_REQUESTS = 1000
MOST_PEOPLE = 10_000  # of all requests together

Outcome = Taken | Problem
_Draft = Draft | AudienceDraft


class Item(NamedTuple):
    """One request of the call as it was read, or what is wrong with it; `use`: under its key."""

    asked: SendRequest | Problem
    use: Use | None = None

    @classmethod
    def read(cls, body: Any, caller: Caller) -> Self:
        """From the body of a send, with its `idempotency_key` beside it."""
        use = None
        try:
            if isinstance(body, dict) and "idempotency_key" in body:
                body = dict(body)
                key = body.pop("idempotency_key", None)
                use = None if key is None else Use.of(caller, ENDPOINT, _text(key), body)
            asked = read_send(body)
            if len(asked.to) > MOST_RECIPIENTS:
                raise Problem.of("too_many_recipients")
            return cls(asked, use)
        except ValidationError as wrong:
            return cls(Problem.of("validation_failed", faults=faults_of(wrong.detail)), use)
        except Problem as problem:
            return cls(problem, use)


def _text(key: Any) -> str:
    if not isinstance(key, str):
        fault = Fault("/idempotency_key", "invalid_type", "Must be text.")
        raise Problem.of("validation_failed", faults=[fault])
    return key


def read_bulk(body: Any, caller: Caller) -> list[Item]:
    """Read a call. Raises Problem where it is no list of at most 1,000 requests to 10,000 people;
    what is wrong with one request is in its item."""
    asked = body.get("notifications") if isinstance(body, Mapping) else None
    if not isinstance(asked, list) or not 0 < len(asked) <= MOST_REQUESTS:
        detail = f"Must be a list of 1 to {MOST_REQUESTS:,} requests."
        raise _invalid(Fault("/notifications", "invalid_length", detail))
    if unknown := sorted(body.keys() - {"notifications"}):
        raise _invalid(*(Fault(f"/{name}", "unknown_field", "Remove it.") for name in unknown))
    items = [Item.read(one, caller) for one in asked]
    people = sum(len(item.asked.to) for item in items if isinstance(item.asked, SendRequest))
    if people > MOST_PEOPLE:
        detail = f"{people:,} people; at most {MOST_PEOPLE:,} in one call."
        raise Problem.of("too_many_recipients", detail)
    return items


def _invalid(*faults: Fault) -> Problem:
    return Problem.of("validation_failed", faults=faults)


def accept_all(items: Sequence[Item], *, caller: Caller) -> list[Outcome]:
    """Take what can be taken; an outcome for each item, in their order."""
    while True:
        try:
            with transaction.atomic():
                outcomes = _accept(items, caller)
                reached("accept.before_commit")
            break
        except TooMuchSaid as refused:  # with what is there already: nobody could have known
            items = [_without(item, refused) for item in items]
    reached("accept.committed")
    return outcomes


def _without(item: Item, refused: TooMuchSaid) -> Item:
    asked = item.asked
    named = isinstance(asked, SendRequest) and any(
        one.user_id == refused.user_id for one in asked.people()
    )
    return item._replace(asked=refused) if named else item


def _accept(items: Sequence[Item], caller: Caller) -> list[Outcome]:
    now = datetime.now(UTC)
    leaders = _leaders(items)
    read = [item.asked for item in items if isinstance(item.asked, SendRequest)]
    kinds = types.by_keys(one.type for one in read)
    sizes = topics.sizes({one.topic for one in read if one.topic is not None})
    files = attaching.named(read, service_id=caller.service_id)
    draft = partial(_draft, kinds=kinds, sizes=sizes, files=files, now=now, given={})
    asked = {index: draft(items[index]) for index in leaders.values()}
    led = {**asked, **_known(items, asked)}
    fresh = [one for one in led.values() if isinstance(one, _Draft)]
    few = [one for one in fresh if isinstance(one, Draft)]
    many = [one for one in fresh if isinstance(one, AudienceDraft)]
    found = known(drafts.wanted(fresh, caller=caller), now=now)
    drafts.insert(few, found, caller=caller)
    audiences.insert(many, found, caller=caller)
    attaching.keep((one.request for one in fresh), files, now=now)
    for lane in {*(one.terms.lane for one in few), *(audiences.LANE for _ in many)}:
        transaction.on_commit(partial(nudges.nudge, lane), robust=True)
    return [_outcome(items, led, index, leaders[index]) for index in range(len(items))]


def _leaders(items: Sequence[Item]) -> dict[int, int]:
    """For each item the first of this call that uses its key; without a key that is itself."""
    first: dict[str, int] = {}
    return {
        index: first.setdefault(item.use.key, index) if item.use else index
        for index, item in enumerate(items)
    }


def _draft(
    item: Item,
    *,
    kinds: Mapping[str, CatalogType],
    sizes: Mapping[str, Size],
    files: Mapping[UUID, File],
    now: datetime,
    given: dict[Any, Terms],
) -> _Draft | Problem:
    asked = item.asked
    if isinstance(asked, Problem):
        return asked
    try:
        if not asked.wide:
            accepted = Accepted.mint(asked)
            return Draft.of(asked, accepted, kinds=kinds, now=now, files=files, given=given)
        made = AcceptedAudience.mint(asked, sizes)
        return AudienceDraft.of(asked, made, kinds=kinds, sizes=sizes, now=now, files=files)
    except Problem as problem:
        return problem


def _known(items: Sequence[Item], led: Mapping[int, _Draft | Problem]) -> dict[int, Outcome]:
    """What was answered in earlier calls, also of requests that would be refused by now."""
    keyed = {
        index: (use, request)
        for index in led
        if (use := items[index].use) and isinstance(request := items[index].asked, SendRequest)
    }
    answers = [
        (use, draft.accepted.kept())
        for index, (use, _) in keyed.items()
        if isinstance(draft := led[index], _Draft)
    ]
    free = idempotency.take_all(answers, status=202)
    before = idempotency.recall(use for use, _ in keyed.values() if use.key not in free)
    return {
        index: kept if isinstance(kept, Problem) else _again(kept, request)
        for index, (use, request) in keyed.items()
        if (kept := before.get(use.key)) is not None
    }


def _again(kept: Mapping[str, Any], request: SendRequest) -> Taken:
    return (AcceptedAudience if request.wide else Accepted).again(kept, request)


def _outcome(
    items: Sequence[Item],
    led: Mapping[int, _Draft | Outcome],
    index: int,
    leader: int,
) -> Outcome:
    found = led[leader]
    outcome = found.accepted if isinstance(found, _Draft) else found
    if index == leader:
        return outcome
    mine, first = items[index].use, items[leader].use
    if mine and first and mine.fingerprint != first.fingerprint:
        return Problem.of("idempotency_mismatch")
    return outcome._replace(replayed=True) if isinstance(outcome, Taken) else outcome
