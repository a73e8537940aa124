"""What people write to our numbers: STOP, START and HELP are obeyed, anything else is only counted.

Nothing of what they wrote is kept.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from django.conf import settings

from delivery import answers, channels, feedback, keywords, suppression
from delivery.contracts import Said
from delivery.hooks import replies
from delivery.keywords import Meaning
from notifysite.plumbing.crypto import address_hash
from notifysite.plumbing.phones import NoPhone, e164

OTHER = "other"


@dataclass(frozen=True, slots=True)
class Reply:
    """What a person is to be answered, once what they wrote is kept."""

    said: Said
    text: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Obeyed:
    """How many meant what, and who is to be answered."""

    verdicts: Counter[str]
    replies: Sequence[Reply]


def obey(alias: str, said: Iterable[Said]) -> Obeyed:
    """Do in the caller's transaction what people ask for; each word of theirs once."""
    words = {f"said:{one.event_key}": one for one in said}
    fresh = feedback.remember(alias, words)
    verdicts = Counter({"known": len(words) - len(fresh)})
    answers: list[Reply] = []
    for name in sorted(fresh):
        one = words[name]
        meaning = keywords.meaning(one.text)
        verdicts[meaning or OTHER] += 1
        if meaning and _done(alias, one, meaning) and not one.answered:
            language = keywords.language(one.text)
            answers.append(
                Reply(one, replies.text(meaning, language=language, brand=settings.BRAND))
            )
    return Obeyed(verdicts, answers)


def _done(alias: str, said: Said, meaning: Meaning) -> bool:
    """Whether it changed anything, or is a question; only then is there something to answer.

    Who has opted out gets one confirmation, and no word after it.
    """
    try:
        whose = address_hash(channels.by_number(said.channel).key, e164(said.address))
    except NoPhone:
        return False
    source, at = f"provider:{alias}", answers.moment(said.at)
    if meaning is Meaning.STOP:
        return suppression.stop(said.channel, whose, at=at, source=source)
    if meaning is Meaning.START:
        return suppression.resume(said.channel, whose, at=at, source=source)
    # Two machines that answer each other would never stop.
    return bool(feedback.remember(alias, [f"help:{at:%Y-%m-%d}:{whose.hex()}"]))
