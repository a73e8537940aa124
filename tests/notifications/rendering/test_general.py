"""Words for every channel: what is checked before they are published."""

import pytest

from delivery.channels import GENERAL, every
from notifications.rendering.general import problems

FINE = {
    "title": "Order {{ data.number }}",
    "body": "It is on its way.\n\nThank you.",
    "image": "https://x.test/a.png",
    "icon": "/icon.png",
    "url": "/orders/{{ data.number | url_encode }}",
    "actions": [{"label": "Track", "url": "https://x.test/{{ data.number }}"}],
}


def found(**content):
    return [(p.level, p.where, p.message) for p in problems(content)]


def test_it_has_what_every_channel_can_take():
    assert set(FINE) == set(GENERAL.fields)
    assert found(**FINE) == []


def test_what_is_wrong_everywhere_is_said_once():
    told = found(**{**FINE, "title": "{{ person.name }}"})

    assert [where for _, where, _ in told] == ["title"]
    assert not any(told[0][2].startswith(f"{spec.label}:") for spec in every())


def test_what_is_wrong_on_one_channel_is_said_with_its_name():
    told = problems(FINE, marketing=True)

    assert {p.message for p in told if p.level == "error"} == {
        "Email: Marketing needs an unsubscribe link: {{ links.unsubscribe }}, "
        "outside any condition.",
        "Email: Marketing needs the postal address: {{ brand.address }}, outside any condition.",
    }
    assert [p.message for p in told if p.level == "warning"] == [
        "SMS: Say how to opt out, such as: Reply STOP."
    ]


def test_a_layout_can_bring_what_the_law_asks_of_mails():
    layout = """<mjml><mj-body>{{ content }}<mj-section><mj-column><mj-text>{{ brand.address }}
    <a href="{{ links.unsubscribe }}">Stop</a></mj-text></mj-column></mj-section></mj-body>
    </mjml>"""

    told = problems({**FINE, "body": "Buy. Reply STOP."}, layout=layout, marketing=True)

    assert told == []


@pytest.mark.parametrize(
    ("change", "where", "message"),
    [
        ({"title": " "}, "title", "This is empty."),
        ({"body": ""}, "body", "This is empty."),
        ({"body": "So <b>bold</b>"}, "body",
         "This is plain text for every channel; write HTML in the email's own template."),
        ({"subject": "s"}, "subject",
         "Not every channel has this: write it in the channel's own template."),
        ({"actions": FINE["actions"] * 4}, "actions",
         "At most 3 actions: no channel shows more of them well."),
        ({"actions": [{"label": "Go"}]}, "actions[0]", "An action has a label and a url."),
        ({"actions": [{"label": "Go", "url": "javascript:alert(1)"}]}, "actions[0].url",
         "This must be a full http:// or https:// address, or begin with / for your site."),
        ({"url": "//elsewhere.test"}, "url",
         "This must be a full http:// or https:// address, or begin with / for your site."),
    ],
)  # fmt: skip
def test_each_error_is_told_once(change, where, message):
    assert found(**{**FINE, **change}) == [("error", where, message)]
