"""Accept: from a request to rows, in one transaction; 202 only after it has committed.

What is refused leaves nothing behind: one transaction holds it all. Where all of it is one row, the
statement that writes it is the transaction.
"""

from datetime import UTC, datetime
from functools import partial

from django.db import transaction

from notifications import nudges
from notifications.catalog import types
from notifications.intake import drafts, single
from notifications.intake.drafts import Accepted, Draft
from notifications.intake.request import SendRequest
from notifications.services import idempotency
from notifications.services.authentication import Caller
from notifysite.plumbing.failpoints import reached
from preferences import people


def accept(request: SendRequest, *, caller: Caller, use: idempotency.Use | None = None) -> Accepted:
    """Take a request. Raises Problem; then nothing at all was written."""
    now, accepted = datetime.now(UTC), Accepted.mint(request)
    if use is None and (draft := single.accept(request, accepted, caller=caller, now=now)):
        _nudge(draft)
        reached("accept.committed")
        return accepted
    with transaction.atomic():
        # First of all: a repeated request gets the first answer, whatever has changed since.
        if use and (before := idempotency.take(use, status=202, answer=accepted.kept())):
            return Accepted.again(before, request)
        draft = single.accept(request, accepted, caller=caller, now=now) if use else None
        _nudge(draft or _accept(request, accepted, caller=caller, now=now))
    reached("accept.committed")
    return accepted


def _accept(request: SendRequest, accepted: Accepted, *, caller: Caller, now: datetime) -> Draft:
    """The general way: however many people, whether or not they are known."""
    kinds = types.by_keys([request.type])
    draft = Draft.of(request, accepted, kinds=kinds, now=now)
    found = people.upsert(drafts.wanted([draft], caller=caller), now=now)
    drafts.insert([draft], found, caller=caller)
    reached("accept.before_commit")
    return draft


def _nudge(draft: Draft) -> None:
    transaction.on_commit(partial(nudges.nudge, draft.terms.lane), robust=True)
