"""Chats: what each service is given, what of it is cut, and what its answers mean."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from typing import Any

import pytest

from delivery.channels import CHAT
from delivery.contracts import Action, Message, Outcome
from delivery.lifecycle import OutcomeKind
from delivery.providers.chat import Chat
from notifysite.plumbing.http import OutboundClient
from tests.delivery.providers.messages import one, saying
from tests.fakes.chat_services import PLACES, ChatService, Discord, Slack, Teams
from tests.fakes.service import Reply

SERVICES = {"slack": Slack, "discord": Discord, "teams": Teams}
TRANSIENT, ADDRESS, MESSAGE, UNKNOWN, ACCEPTED = (
    OutcomeKind.TRANSIENT,
    OutcomeKind.REFUSED_ADDRESS,
    OutcomeKind.REFUSED_MESSAGE,
    OutcomeKind.UNKNOWN,
    OutcomeKind.ACCEPTED,
)
SHIPPED: dict[str, Any] = {
    "title": "Shipped & gone",
    "text": "On its way: https://example.com/a_b?x=1&y=2.\nSee you <soon>, *Ann*",
    "url": "https://example.com/orders/7",
    "image": "https://example.com/parcel.png",
    "actions": (Action(label="Track it", url="https://example.com/track/7"),),
}
RUDE = "@everyone <!channel> <@U024BE7LH> @here <at>Ann</at> [win](https://bad.example)"


@pytest.fixture
def say(settings: Any) -> Iterator[Callable[..., tuple[Any, Outcome]]]:
    """Post a message to a new channel of a service; gives the service and the outcome."""
    settings.CHAT_HOSTS = PLACES
    with ExitStack() as closing:

        def make(
            name: str, *, answers: Any = (), options: Any = None, **content: Any
        ) -> tuple[ChatService, Outcome]:
            service = closing.enter_context(SERVICES[name]())
            settings.OUTBOUND_ALLOWED_ORIGINS = [service.origin]
            service.on_call(*answers)
            provider = Chat(alias="chat", threads=1, **(options or {}))
            closing.callback(provider.close)
            return service, one(provider, to(service.webhook, **content))

        yield make


def to(webhook: str, *, silent: bool = False, **content: Any) -> Message:
    return replace(saying(webhook, **content), channel=CHAT.number, silent=silent)


def test_slack_is_given_sections_a_picture_and_buttons(say) -> None:
    slack, outcome = say("slack", **SHIPPED)
    assert (outcome.kind, outcome.code) == (ACCEPTED, "200")
    (posted,) = slack.said
    assert posted == {
        "text": "Shipped &amp; gone",
        "blocks": [
            {
                "type": "section",
                "text": {
                    "type": "mrkdwn",
                    "text": "*<https://example.com/orders/7|Shipped &amp; gone>*",
                    "verbatim": True,
                },
            },
            {
                "type": "section",
                "text": {
                    "type": "mrkdwn",
                    "text": "On its way: <https://example.com/a_b?x=1&amp;y=2>.\n"
                    "See you &lt;soon&gt;, *Ann*",
                    "verbatim": True,
                },
            },
            {
                "type": "image",
                "image_url": "https://example.com/parcel.png",
                "alt_text": "Shipped & gone",
            },
            {
                "type": "actions",
                "elements": [
                    {
                        "type": "button",
                        "text": {"type": "plain_text", "text": "Track it"},
                        "url": "https://example.com/track/7",
                    }
                ],
            },
        ],
        "unfurl_links": False,
        "unfurl_media": False,
    }


def test_discord_is_given_an_embed_and_says_which_message_it_made(say) -> None:
    discord, outcome = say("discord", **SHIPPED)
    assert (outcome.kind, outcome.provider_ref) == (ACCEPTED, "11991")
    assert discord.said == [
        {
            "embeds": [
                {
                    "title": "Shipped & gone",
                    "description": "On its way\\: https://example.com/a_b?x=1&y=2.\n"
                    "See you \\<soon\\>, \\*Ann\\*\n\n"
                    "[Track it](https://example.com/track/7)",
                    "url": "https://example.com/orders/7",
                    "image": {"url": "https://example.com/parcel.png"},
                }
            ],
            "allowed_mentions": {"parse": []},
        }
    ]


def test_discord_posts_into_the_thread_that_a_url_names(say, settings) -> None:
    with Discord() as discord:
        settings.OUTBOUND_ALLOWED_ORIGINS = [discord.origin]
        settings.CHAT_HOSTS = PLACES
        provider = Chat(alias="chat", threads=1)
        one(provider, to(f"{discord.webhook}?thread_id=7", silent=True, text="Hi"))
        provider.close()
    (call,) = discord.taken
    assert call.query == {"thread_id": ["7"], "wait": ["true"]}
    assert discord.said[0]["flags"] == 4096  # SUPPRESS_NOTIFICATIONS


def test_teams_is_given_an_adaptive_card(say) -> None:
    teams, outcome = say("teams", **SHIPPED)
    assert (outcome.kind, outcome.code) == (ACCEPTED, "202")
    (posted,) = teams.said
    (attachment,) = posted["attachments"]
    assert (posted["type"], attachment["contentUrl"]) == ("message", None)
    assert attachment["content"]["body"] == [
        {
            "type": "TextBlock",
            "text": "[Shipped & gone](https://example.com/orders/7)",
            "weight": "Bolder",
            "size": "Medium",
            "wrap": True,
        },
        {
            "type": "TextBlock",
            "text": "On its way: [https://example.com/a\\_b?x=1&y=2]"
            "(https://example.com/a_b?x=1&y=2).\n\nSee you <soon>, \\*Ann\\*",
            "wrap": True,
        },
        {"type": "Image", "url": "https://example.com/parcel.png", "altText": "Shipped & gone"},
    ]
    assert attachment["content"]["actions"] == [
        {"type": "Action.OpenUrl", "title": "Track it", "url": "https://example.com/track/7"}
    ]


def test_nobody_is_mentioned_whatever_the_words_are(say) -> None:
    slack, _ = say("slack", title=RUDE, text=RUDE, url="")
    assert len(slack.said) == 1
    assert slack.pings == []
    discord, _ = say("discord", title=RUDE, text=RUDE, url="")
    (embed,) = discord.said[0]["embeds"]
    assert embed["description"].startswith("\\@everyone \\<!channel\\> ")
    assert "\\[win\\]\\(https://bad.example\\)" in embed["description"]
    assert "content" not in discord.said[0]
    teams, _ = say("teams", title=RUDE, text=RUDE, url="")
    card = teams.said[0]["attachments"][0]["content"]
    assert "\\[win\\](" in card["body"][1]["text"]


@pytest.mark.parametrize("name", SERVICES)
@pytest.mark.parametrize("letter", ["&", "*", "x", "好", "😀", '"', "e\u0301"])
def test_what_is_too_long_is_cut_and_taken(say, name, letter) -> None:
    actions = [Action(label=letter * 200, url=f"https://example.com/{n}") for n in range(9)]
    service, outcome = say(name, title=letter * 4000, text=letter * 40_000, actions=tuple(actions))
    assert outcome.kind is ACCEPTED
    assert str(service.said[0]).count("…") >= 3


@pytest.mark.parametrize("name", SERVICES)
def test_a_url_is_not_cut_in_two(say, name) -> None:
    url = "https://example.com/" + "x" * 500
    service, outcome = say(name, text="\n".join([url] * 60))
    assert outcome.kind is ACCEPTED
    told = str(service.said)
    assert "x …" in told or "x> …" in told or "x) …" in told
    assert "x…" not in told


@pytest.mark.parametrize("name", SERVICES)
def test_a_link_that_is_none_is_left_out(say, name) -> None:
    service, outcome = say(
        name,
        url="javascript:alert(1)",
        image="/relative.png",
        actions=(Action(label="Go", url="https://example.com/" + "x" * 3000),),
    )
    assert outcome.kind is ACCEPTED
    told = str(service.said)
    assert [word for word in ("javascript", "relative", "xxx") if word in told] == []


@pytest.mark.parametrize(
    ("name", "answer"),
    [
        ("slack", Reply(400, b"invalid_blocks")),
        ("discord", Reply(400, {"code": 50035, "message": "Invalid Form Body"})),
    ],
)
def test_a_picture_that_cannot_be_had_does_not_cost_the_message(say, name, answer) -> None:
    service, outcome = say(name, answers=[answer], **SHIPPED)
    assert outcome.kind is ACCEPTED
    assert len(service.taken) == 2
    assert "parcel.png" not in str(service.said)


@pytest.mark.parametrize(
    ("name", "answer", "kind", "code"),
    [
        ("slack", Reply(200, b"ok"), ACCEPTED, "200"),
        ("slack", Reply(200, b"<html>"), UNKNOWN, "200"),
        ("slack", Reply(400, b"invalid_payload"), MESSAGE, "invalid_payload"),
        ("slack", Reply(400, b"no_text"), MESSAGE, "no_text"),
        ("slack", Reply(403, b"action_prohibited"), MESSAGE, "action_prohibited"),
        ("slack", Reply(403, b"invalid_token"), ADDRESS, "invalid_token"),
        ("slack", Reply(404, b"channel_not_found"), ADDRESS, "channel_not_found"),
        ("slack", Reply(404, b"no_service"), ADDRESS, "no_service"),
        ("slack", Reply(404, b"no_team"), ADDRESS, "no_team"),
        ("slack", Reply(404, b"<html>not here</html>"), MESSAGE, "404"),
        ("slack", Reply(410, b"channel_is_archived"), ADDRESS, "channel_is_archived"),
        ("slack", Reply(500, b"rollup_error"), TRANSIENT, "rollup_error"),
        ("discord", Reply(204), ACCEPTED, "204"),
        ("discord", Reply(200, {"id": "1"}), ACCEPTED, "200"),
        ("discord", Reply(200, b"<html>"), UNKNOWN, "200"),
        ("discord", Reply(400, {"code": 50006}), MESSAGE, "50006"),
        ("discord", Reply(401, {"code": 50027}), ADDRESS, "50027"),
        ("discord", Reply(403, {"code": 50013}), MESSAGE, "50013"),
        ("discord", Reply(404, {"code": 10015}), ADDRESS, "10015"),
        ("discord", Reply(404, b"gone"), ADDRESS, "404"),
        ("discord", Reply(502, b"bad gateway"), TRANSIENT, "502"),
        ("teams", Reply(200, b"1"), ACCEPTED, "200"),
        ("teams", Reply(202), ACCEPTED, "202"),
        (
            "teams",
            Reply(200, b"Webhook message delivery failed with error: Microsoft Teams endpoint "
            b"returned HTTP error 429 with ContextId tcid=0"),
            TRANSIENT,
            "429",
        ),
        ("teams", Reply(400, {"error": {"code": "TriggerInputSchemaMismatch"}}), MESSAGE,
         "TriggerInputSchemaMismatch"),
        (
            "teams",
            Reply(400, {"error": {"code": "WorkflowTriggerIsNotEnabled",
                                  "message": "trigger 'manual' with state 'Disabled'"}}),
            MESSAGE,
            "WorkflowTriggerIsNotEnabled",
        ),
        (
            "teams",
            Reply(400, {"error": {"code": "WorkflowTriggerIsNotEnabled",
                                  "message": "trigger 'manual' with state 'Deleted'"}}),
            ADDRESS,
            "WorkflowTriggerIsNotEnabled",
        ),
        ("teams", Reply(404, {"error": {"code": "WorkflowNotFound"}}), ADDRESS, "WorkflowNotFound"),
        ("teams", Reply(410), ADDRESS, "410"),
        ("teams", Reply(413), MESSAGE, "413"),
        ("teams", Reply(429), TRANSIENT, "429"),
    ],
)  # fmt: skip
def test_what_an_answer_means(say, name, answer, kind, code) -> None:
    _, outcome = say(name, answers=[answer])
    assert (outcome.kind, outcome.code) == (kind, code)


@pytest.mark.parametrize("given", [0.3, 64.57])
def test_discord_says_in_json_how_long_to_wait(say, given) -> None:
    answer = Reply(429, {"retry_after": given, "global": False}, {"Retry-After": "65"})
    _, outcome = say("discord", answers=[answer])
    assert (outcome.kind, outcome.retry_after) == (TRANSIENT, given)


def test_what_discord_says_of_waiting_that_makes_no_sense_is_not_believed(say) -> None:
    answer = Reply(429, {"retry_after": -1}, {"Retry-After": "65"})
    _, outcome = say("discord", answers=[answer])
    assert outcome.retry_after == 65.0


def test_settings_say_what_an_answer_means(say) -> None:
    options = {"classes": {"slack 403": "transient"}}
    _, outcome = say("slack", answers=[Reply(403, b"action_prohibited")], options=options)
    assert outcome.kind is TRANSIENT


def test_a_host_that_is_not_known_any_more_is_not_called(say, settings) -> None:
    with Slack() as slack:
        settings.OUTBOUND_ALLOWED_ORIGINS = [slack.origin]
        settings.CHAT_HOSTS = ["slack=hooks.slack.com/services/"]
        outcome = one(Chat(alias="chat"), to(slack.webhook))
    assert (outcome.kind, outcome.code) == (MESSAGE, "unknown_service")
    assert slack.taken == []


def test_a_name_that_leads_inside_is_not_called_and_the_webhook_not_dead() -> None:
    client = OutboundClient(resolver=lambda host, port: ["10.0.0.7"])
    provider = Chat(alias="chat", client=client)
    outcome = one(provider, to("https://hooks.slack.com/services/T/B/s3cr3t"))
    assert (outcome.kind, outcome.code) == (TRANSIENT, "private_network")
    provider.close()


@pytest.mark.parametrize("place", ["irc=irc.example.com/", "slack", "slack="])
def test_a_place_of_no_service_is_a_mistake_in_the_settings(settings, place) -> None:
    settings.CHAT_HOSTS = [place]
    with pytest.raises(ValueError, match=r"CHAT_HOSTS: .* must be one of slack, discord, teams"):
        Chat(alias="chat")
