"""Slack, Discord and Teams behind their incoming webhooks, each as strict as it says it is."""

import json
import re
from collections.abc import Iterable
from typing import Any, ClassVar
from urllib.parse import parse_qs, urlsplit

from tests.fakes.service import Reply, Service, Taken

# settings.CHAT_HOSTS for those that listen here.
PLACES = [
    "slack=127.0.0.1/services/",
    "discord=127.0.0.1/api/webhooks/",
    "teams=127.0.0.1/workflows/",
]
Rules = Iterable[tuple[bool, str]]


class ChatService(Service):
    """A service with one channel; `said` is what was posted to it and kept."""

    path: ClassVar[str]

    def __init__(self) -> None:
        super().__init__()
        self.said: list[Any] = []

    @property
    def webhook(self) -> str:
        return self.origin + self.path

    def answer(self, call: Taken) -> Reply:
        if call.path.split("?")[0] != self.path.split("?")[0]:
            return self.unknown()
        if not call.headers.get("Content-Type", "").startswith("application/json"):
            return self.refuse("no JSON")
        try:
            posted = json.loads(call.body)
        except ValueError:
            return self.refuse("no JSON")
        wrong = next((why for right, why in self.rules(posted, call) if not right), None)
        if wrong:
            return self.refuse(wrong)
        self.said.append(posted)
        return self.taken_as(call)

    def rules(self, posted: Any, call: Taken) -> Rules:
        """What has to hold, and what is said where it does not."""
        raise NotImplementedError

    def unknown(self) -> Reply:
        raise NotImplementedError

    def refuse(self, why: str) -> Reply:
        raise NotImplementedError

    def taken_as(self, call: Taken) -> Reply:
        raise NotImplementedError


class Slack(ChatService):
    """By "Sending messages using incoming webhooks" and the reference of Block Kit."""

    path = "/services/T024BE7LD/B024BE7LH/s3cr3t"

    def rules(self, posted: Any, call: Taken) -> Rules:
        yield bool(posted.get("text") or posted.get("blocks")), "no_text"
        yield len(posted.get("blocks", [])) <= 50, "invalid_blocks"
        for block in posted.get("blocks", []):
            yield all(_block_rules(block)), "invalid_blocks"

    @property
    def pings(self) -> list[str]:
        """Whom and what the messages mention: what < leads to in their markup."""
        texts = [part["text"] for posted in self.said for part in _texts(posted)]
        return [found for text in texts for found in re.findall(r"<[!@#][^>]*>", text)]

    def unknown(self) -> Reply:
        return Reply(404, b"no_service")

    def refuse(self, why: str) -> Reply:
        return Reply(400, (why if why != "no JSON" else "invalid_payload").encode())

    def taken_as(self, call: Taken) -> Reply:
        return Reply(200, b"ok")


def _block_rules(block: Any) -> Iterable[bool]:
    match block["type"]:
        case "section":
            yield block["text"]["type"] in ("mrkdwn", "plain_text")
            yield 1 <= len(block["text"]["text"]) <= 3000
        case "image":
            yield _is_url(block["image_url"], longest=3000)
            yield 1 <= len(block["alt_text"]) <= 2000
        case "actions":
            yield 1 <= len(block["elements"]) <= 25
            for button in block["elements"]:
                yield button["type"] == "button" and button["text"]["type"] == "plain_text"
                yield 1 <= len(button["text"]["text"]) <= 75
                yield _is_url(button["url"], longest=3000)
        case _:
            yield False


def _texts(posted: Any) -> Iterable[dict[str, Any]]:
    yield {"text": posted["text"]}
    yield from (block["text"] for block in posted["blocks"] if block["type"] == "section")


class Discord(ChatService):
    """By "Webhook Resource", Execute Webhook, and "Message Resource", Embed Limits."""

    path = "/api/webhooks/223704706495545344/s3cr3t"

    def rules(self, posted: Any, call: Taken) -> Rules:
        embeds = posted.get("embeds", [])
        yield bool(posted.get("content") or embeds), "empty"
        yield len(posted.get("content") or "") <= 2000 and len(embeds) <= 10, "too much"
        yield posted.get("flags", 0) & ~(1 << 2 | 1 << 12 | 1 << 15) == 0, "flags"
        # Nobody is mentioned who is not allowed to be.
        yield posted.get("allowed_mentions") == {"parse": []}, "mentions"
        texts = [embed.get(name, "") for embed in embeds for name in ("title", "description")]
        yield any(texts) and sum(map(len, texts)) <= 6000, "size of all"
        for embed in embeds:
            yield len(embed.get("title", "")) <= 256, "title"
            yield len(embed.get("description", "")) <= 4096, "description"
            for url in (embed.get("url"), embed.get("image", {}).get("url")):
                yield url is None or _is_url(url, longest=2048), "url"

    def unknown(self) -> Reply:
        return Reply(404, {"message": "Unknown Webhook", "code": 10015})

    def refuse(self, why: str) -> Reply:
        return Reply(400, {"message": "Invalid Form Body", "code": 50035, "errors": {why: {}}})

    def taken_as(self, call: Taken) -> Reply:
        if call.query.get("wait") != ["true"]:
            return Reply(204)
        return Reply(200, {"id": f"1199{len(self.said)}", "type": 0, "embeds": []})


class Teams(ChatService):
    """By "Create incoming webhooks with Workflows" and the schema of Adaptive Cards."""

    path = "/workflows/f06c/triggers/manual/paths/invoke?api-version=1&sp=%2Fmanual&sig=s3cr3t"

    def rules(self, posted: Any, call: Taken) -> Rules:
        sign = parse_qs(urlsplit(call.path).query)
        yield sign == parse_qs(urlsplit(self.path).query), "SignatureNotMatch"
        yield len(call.body) <= 28 * 1024, "too large"
        yield posted.get("type") == "message" and len(posted["attachments"]) == 1, "envelope"
        card = posted["attachments"][0]
        yield card["contentType"] == "application/vnd.microsoft.card.adaptive", "content type"
        yield card["content"]["type"] == "AdaptiveCard" and "version" in card["content"], "card"
        yield "msteams" not in card["content"], "mentions"
        for part in card["content"]["body"]:
            yield part["type"] in ("TextBlock", "Image"), "body"
            yield bool(part.get("text")) or _is_url(part.get("url", "")), "body"
        for action in card["content"]["actions"]:
            yield action["type"] == "Action.OpenUrl" and bool(action["title"]), "action"
            yield _is_url(action["url"]), "action"

    def unknown(self) -> Reply:
        return Reply(404, {"error": {"code": "WorkflowNotFound", "message": "Not found."}})

    def refuse(self, why: str) -> Reply:
        status = {"too large": 413, "SignatureNotMatch": 401}.get(why, 400)
        return Reply(status, {"error": {"code": "InvalidRequestContent", "message": why}})

    def taken_as(self, call: Taken) -> Reply:
        return Reply(202)


def _is_url(text: str, *, longest: int = 100_000) -> bool:
    return len(text) <= longest and re.fullmatch(r"https?://\S+", text) is not None
