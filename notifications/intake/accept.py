"""Accept: from a request to rows, in one transaction; 202 only after it has committed.

What is refused leaves nothing behind: one transaction holds it all. Where all of it is one row, the
statement that writes it is the transaction.
"""

from datetime import UTC, datetime
from functools import partial

from django.db import transaction

from notifications import nudges
from notifications.catalog import types
from notifications.intake import attaching, audiences, drafts, single
from notifications.intake.audiences import AcceptedAudience, AudienceDraft
from notifications.intake.drafts import Accepted, Draft
from notifications.intake.request import SendRequest
from notifications.services import idempotency
from notifications.services.authentication import Caller
from notifications.words import Lane
from notifysite.plumbing.failpoints import reached
from preferences import topics
from preferences.known import known

Taken = Accepted | AcceptedAudience


def accept(request: SendRequest, *, caller: Caller, use: idempotency.Use | None = None) -> Taken:
    """Take a request. Raises Problem; then nothing at all was written."""
    return _accept_wide(request, caller, use) if request.wide else _accept(request, caller, use)


def _accept(request: SendRequest, caller: Caller, use: idempotency.Use | None) -> Accepted:
    now, accepted = datetime.now(UTC), Accepted.mint(request)
    if use is None and (draft := single.accept(request, accepted, caller=caller, now=now)):
        _nudge(draft.terms.lane)
        reached("accept.committed")
        return accepted
    with transaction.atomic():
        # First of all: a repeated request gets the first answer, whatever has changed since.
        if use and (before := idempotency.take(use, status=202, answer=accepted.kept())):
            return Accepted.again(before, request)
        draft = single.accept(request, accepted, caller=caller, now=now) if use else None
        _nudge((draft or _draft(request, accepted, caller=caller, now=now)).terms.lane)
    reached("accept.committed")
    return accepted


def _draft(request: SendRequest, accepted: Accepted, *, caller: Caller, now: datetime) -> Draft:
    """The general way: however many people, whether or not they are known."""
    kinds = types.by_keys([request.type])
    files = attaching.named([request], service_id=caller.service_id)
    draft = Draft.of(request, accepted, kinds=kinds, now=now, files=files)
    found = known(drafts.wanted([draft], caller=caller), now=now)
    drafts.insert([draft], found, caller=caller)
    attaching.keep([request], files, now=now)
    reached("accept.before_commit")
    return draft


def _accept_wide(
    request: SendRequest, caller: Caller, use: idempotency.Use | None
) -> AcceptedAudience:
    """The same for many people, who get their notifications later."""
    sizes = topics.sizes([request.topic]) if request.topic is not None else {}
    now, accepted = datetime.now(UTC), AcceptedAudience.mint(request, sizes)
    with transaction.atomic():
        if use and (before := idempotency.take(use, status=202, answer=accepted.kept())):
            return AcceptedAudience.again(before, request)
        kinds = types.by_keys([request.type])
        files = attaching.named([request], service_id=caller.service_id)
        draft = AudienceDraft.of(request, accepted, kinds=kinds, sizes=sizes, now=now, files=files)
        found = known(drafts.wanted([draft], caller=caller), now=now)
        audiences.insert([draft], found, caller=caller)
        attaching.keep([request], files, now=now)
        _nudge(audiences.LANE)
        reached("accept.before_commit")
    reached("accept.committed")
    return accepted


def _nudge(lane: Lane) -> None:
    transaction.on_commit(partial(nudges.nudge, lane), robust=True)
