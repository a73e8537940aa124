"""Posts to the incoming webhooks of chats: the URL is the address, and the only secret there is."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any, Final

from django.conf import settings

from delivery.contracts import Feature, Message, Outcome
from delivery.lifecycle import OutcomeKind
from delivery.providers.chat import discord, slack, teams
from delivery.providers.chat.classes import CHAT
from delivery.providers.chat.reading import Reading
from delivery.providers.chat.wording import Said, said
from delivery.providers.http import HttpProvider, refused
from delivery.providers.texts import packed
from notifysite.plumbing.destinations import UnsafeURL, place_of
from notifysite.plumbing.http import OutboundClient, OutboundResponse


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """How one of them is spoken to; `endpoint` makes of its URL the one that is posted to."""

    payload: Callable[[Said], dict[str, Any]]
    read: Callable[[OutboundResponse], Reading]
    endpoint: Callable[[str], str] = str


SERVICES: Final[Mapping[str, Service]] = {
    "slack": Service(payload=slack.payload, read=slack.read),
    "discord": Service(payload=discord.payload, read=discord.read, endpoint=discord.endpoint),
    "teams": Service(payload=teams.payload, read=teams.read),
}
# How Slack and Discord refuse a message of which they do not get the picture, and much else.
_OVER_ITS_PICTURE: Final = frozenset(
    {"invalid_blocks", "invalid_attachments", "invalid_payload", "50035"}
)
_HEADERS: Final = {"Content-Type": "application/json; charset=utf-8"}


class Chat(HttpProvider):
    """Says a message in a channel of Slack, Discord or Teams; settings.CHAT_HOSTS says which it is.

    `timeout`: seconds for all of one message. `classes`: what answers mean, in place of what
    chat/classes.py says.
    """

    features = frozenset({Feature.IMAGES, Feature.ACTIONS})
    apart = True

    def __init__(
        self,
        *,
        alias: str,
        timeout: float = 10.0,
        threads: int = 8,
        classes: Mapping[str, str] = MappingProxyType({}),
        client: OutboundClient | None = None,
    ) -> None:
        _require_known(settings.CHAT_HOSTS)
        super().__init__(
            alias=alias,
            table=CHAT,
            classes=classes,
            timeout=timeout,
            threads=threads,
            client=client,
        )

    def exchange(self, message: Message, ends: float) -> Outcome:
        """Post one message, a second time without its picture where that may be what is wrong."""
        name = _service_of(message.address)
        if name is None:
            return refused(message, OutcomeKind.REFUSED_MESSAGE, "unknown_service")
        what = said(message)
        try:
            outcome = self._post(message, name, ends, what)
            if what.image and outcome.code in _OVER_ITS_PICTURE:
                outcome = self._post(message, name, ends, replace(what, image=""))
        except UnsafeURL:
            # It is one of their names, so our resolver is wrong, not the webhook.
            return refused(message, OutcomeKind.TRANSIENT, "private_network")
        return outcome

    def _post(self, message: Message, name: str, ends: float, what: Said) -> Outcome:
        service = SERVICES[name]
        answer = self.post(
            service.endpoint(message.address),
            content=packed(service.payload(what)),
            headers=_HEADERS,
            ends=ends,
        )
        found = service.read(answer)
        outcome = self.judged(
            message,
            replace(answer, status=found.status),
            name,
            *found.words,
            code=found.code,
            ref=found.ref,
        )
        if found.retry_after is None:
            return outcome
        return replace(outcome, retry_after=found.retry_after)


def _service_of(url: str) -> str | None:
    try:
        return place_of(url, settings.CHAT_HOSTS)
    except UnsafeURL:
        return None


def _require_known(places: list[str]) -> None:
    for place in places:
        name, _, where = place.partition("=")
        if name not in SERVICES or not where:
            raise ValueError(
                f"CHAT_HOSTS: {place!r} must be one of {', '.join(SERVICES)}, then =host/path"
            )
