"""A call of a provider: verified, then taken with all it says, or not at all."""

from collections import Counter
from collections.abc import Sequence
from typing import cast

from django.db import transaction

from delivery import feedback, registry
from delivery.contracts import Answer, Call, Correspondent, Heard, Listener
from delivery.errors import NotHeard, Repeated
from delivery.hooks import counts, saying
from delivery.hooks.saying import Reply


def listener(alias: str) -> Listener | None:
    """The provider of an alias, if it is one that calls back. Raises Misconfigured."""
    provider = registry.get(alias)
    return cast("Listener", provider) if hasattr(provider, "hear") else None


def receive(alias: str, provider: Listener, call: Call) -> Answer:
    """Take what a provider says. Raises NotHeard, and then nothing is kept but that it came.

    Nothing is asked of the database before the call is known to be genuine.
    """
    try:
        heard = provider.hear(call)
        with transaction.atomic():
            verdicts, replies = _take(alias, heard)
    except NotHeard as error:
        counts.add(alias, Counter({error.verdict: 1}))
        raise
    counts.add(alias, verdicts)
    answer = heard.answer
    for reply in replies:
        answer = cast("Correspondent", provider).reply(reply.said, reply.text)
    return answer


def _take(alias: str, heard: Heard) -> tuple[Counter[str], Sequence[Reply]]:
    """Take it in the caller's transaction; how many calls and reports met with which verdict, and
    what is to be answered to people."""
    if heard.once and not feedback.remember(alias, [f"once:{heard.once}"]):
        raise Repeated("What it is signed for has come before.")
    verdicts = Counter({counts.HEARD: 1})
    if heard.reports:
        told = feedback.report(alias, heard.reports)
        verdicts.update(
            taken=told.taken, known=told.repeated, parked=told.parked, unknown=told.refused
        )
    if not heard.said:
        return verdicts, ()
    obeyed = saying.obey(alias, heard.said)
    return verdicts + obeyed.verdicts, obeyed.replies
