"""One compiled template, one person: what each channel shows, and that it never varies."""

import json
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from delivery import channels
from delivery.contracts import Action, Content
from notifications.rendering import limits
from notifications.rendering.compile import publish
from notifications.rendering.errors import (
    LimitExceeded,
    MissingVariable,
    RenderError,
    TemplateRejected,
)
from notifications.rendering.render import missing, names_wanted, render

ORDER = {
    "title": "Order {{ data.number }}",
    "body": "Hi {{ recipient.name | default: 'you' }}, it is on its way.",
    "url": "https://shop.test/o/{{ data.number | url_encode }}",
    "image": "{{ data.image | default: '' }}",
    "actions": [{"label": "Track {{ data.number }}", "url": "{{ links.view }}"}],
}
ANN = {
    "data": {"number": "A-1"},
    "recipient": {"name": "Ann"},
    "links": {"view": "https://n.test/v/1"},
}
COMPILED = publish(ORDER)


def rendered(channel, variables=ANN, **content):
    compiled = publish(content, channels=[channel]) if content else COMPILED
    return render(compiled, variables, channel=channel)


def test_one_content_serves_every_channel_with_what_it_can_show():
    push = Content(
        title="Order A-1",
        text="Hi Ann, it is on its way.",
        url="https://shop.test/o/A-1",
        actions=(Action(label="Track A-1", url="https://n.test/v/1"),),
    )
    assert rendered("web_push") == rendered("mobile_push") == rendered("in_app") == push
    assert rendered("sms") == Content(
        text="Order A-1\nHi Ann, it is on its way.\nhttps://shop.test/o/A-1"
    )
    assert rendered("webhook") == push
    mail = rendered("email")
    assert mail == Content(subject="Order A-1", text=mail.text, html=mail.html)
    assert mail.text == (
        "Order A-1\n\nHi Ann, it is on its way.\n\nTrack A-1: https://n.test/v/1\n\n"
        "https://shop.test/o/A-1"
    )


def test_a_mail_does_not_write_out_a_link_that_a_button_has():
    url = "https://shop.test/o/{{ data.number }}"
    mail = rendered("email", title="t", body="b", url=url, actions=[{"label": "Track", "url": url}])

    assert mail.text == "t\n\nb\n\nTrack: https://shop.test/o/A-1"


def test_a_mail_leaves_out_a_link_that_leads_nowhere():
    mail = rendered("email", title="t", body="b", url="{% if data.url %}{{ data.url }}{% endif %}")

    assert mail.text == "t\n\nb"


def test_a_layout_that_takes_the_body_as_text_gets_heading_buttons_and_link_too():
    layout = """<mjml><mj-body><mj-section><mj-column><mj-text>{{ content }}</mj-text></mj-column>
    </mj-section></mj-body></mjml>"""
    content = {"title": "t", "body": "b", "url": "https://x.test/1",
               "actions": [{"label": "Go", "url": "https://x.test/2"}]}  # fmt: skip
    form = publish(content, channels=["email"], layout=layout)

    mail = render(form, ANN, channel="email")

    assert mail.text == "t\n\nb\n\nGo: https://x.test/2\n\nhttps://x.test/1"


@pytest.mark.parametrize("channel", ["in_app", "web_push", "webhook", "chat"])
def test_a_link_of_the_site_leads_to_the_brand(channel):
    content = {"title": "t", "body": "b", "url": "/o/{{ data.number }}", "image": "/a.png",
               "actions": [{"label": "Go", "url": "/go"}]}  # fmt: skip
    brand = {"brand": {"url": "https://shop.test/en/?from=mail"}}

    shown = rendered(channel, {**ANN, **brand}, **content)

    assert (shown.url, shown.image) == ("https://shop.test/o/A-1", "https://shop.test/a.png")
    assert shown.actions == (Action(label="Go", url="https://shop.test/go"),)


def test_mails_and_messages_name_the_site_in_full():
    content = {"title": "t", "body": "b", "url": "/o", "actions": [{"label": "Go", "url": "/go"}]}
    brand = {"brand": {"url": "https://shop.test"}}

    assert rendered("sms", brand, **content).text == "t\nb\nhttps://shop.test/o"
    assert rendered("email", brand, **content).text == (
        "t\n\nb\n\nGo: https://shop.test/go\n\nhttps://shop.test/o"
    )


def test_what_a_channel_says_itself_wins():
    assert rendered("sms", title="t", body="b", text="short").text == "short"
    assert rendered("email", title="t", body="b", subject="s").subject == "s"


def test_the_compiled_form_is_json_and_renders_after_a_round_trip():
    copy = json.loads(json.dumps(COMPILED))

    assert copy == COMPILED
    names = [spec.key for spec in channels.every()]
    assert list(copy["channels"]) == names
    assert [render(copy, ANN, channel=name) for name in names] == [rendered(name) for name in names]


def test_equal_content_has_an_equal_digest():
    assert publish(dict(reversed(ORDER.items())))["digest"] == COMPILED["digest"]
    assert publish({**ORDER, "title": "Other"})["digest"] != COMPILED["digest"]


def test_a_template_says_nothing_on_a_channel_it_was_not_published_for():
    with pytest.raises(RenderError, match="says nothing on sms"):
        render(publish(ORDER, channels=["email"]), ANN, channel="sms")


def test_the_same_input_renders_the_same_bytes_in_every_thread():
    with ThreadPoolExecutor(8) as pool:
        results = set(pool.map(lambda _: rendered("email"), range(64)))

    assert len(results) == 1


def test_a_missing_variable_names_the_part_and_the_path():
    with pytest.raises(MissingVariable) as caught:
        rendered("email", {"recipient": {}, "data": {}, "links": {}})

    assert (caught.value.part, caught.value.path) == ("subject", "data.number")


@pytest.mark.parametrize("channel", ["email", "in_app"])
@pytest.mark.parametrize(
    "control", ["\r\n", "\n", "\r", "\x00", "\x0b", "\x0c", "\x85", "\u2028", "\u2029", "\u202e"]
)
def test_a_heading_is_always_one_line(channel, control):
    name = "subject" if channel == "email" else "title"
    variables = {"data": {"x": f"Hi{control}Bcc: evil@x.test{control}"}}
    content = {name: "{{ data.x }}!", "title": "{{ data.x }}!", "body": "b"}

    assert getattr(rendered(channel, variables, **content), name) == "Hi Bcc: evil@x.test !"


def test_a_long_heading_ends_in_an_ellipsis():
    subject = rendered(
        "email", {"data": {"x": "é" * 1000}}, subject="{{ data.x }}", body="b"
    ).subject

    assert subject == "é" * (limits.LINE_CHARS - 1) + "…"


def test_a_text_holds_no_controls_and_no_gaps():
    variables = {"data": {"x": "a\r\nb\x00\x1b[31m  \n\n\n\nc"}}

    assert rendered("sms", variables, text="{{ data.x }}  \n").text == "a\nb[31m\n\nc"


@pytest.mark.parametrize("part", ["url", "image", "icon"])
@pytest.mark.parametrize(
    "url",
    [
        "javascript:alert(1)", "/relative", "//host.test", "ftp://x.test", "mailto:a@x.test",
        "https://", "https://a b.test", "https://x.test/\nX: y", "https://x.test/<b>",
        "https://user:pw@x.test", "http:x.test", "https:\\\\x.test", "https://[::1", "x.test",
        "https://x.test/" + "a" * limits.URL_CHARS,
    ],
)  # fmt: skip
def test_only_full_web_addresses_leave(part, url):
    content = {"title": "t", "body": "b", part: "{{ data.x }}"}

    with pytest.raises(RenderError) as caught:
        rendered("in_app", {"data": {"x": url}}, **content)
    assert caught.value.part == part


def test_the_address_of_an_action_is_held_to_the_same():
    content = {"title": "t", "body": "b", "actions": [{"label": "l", "url": "{{ data.x }}"}]}

    with pytest.raises(RenderError, match="full http"):
        rendered("web_push", {"data": {"x": "javascript:x"}}, **content)
    shown = rendered("web_push", {"data": {"x": "http://x.test?a=1&b=2"}}, **content)
    assert shown.actions == (Action(label="l", url="http://x.test?a=1&b=2"),)


def test_a_result_that_is_too_large_is_refused():
    with pytest.raises(LimitExceeded):
        rendered("sms", {"data": {"x": "é" * 300_000}}, text="{{ data.x }}")


def test_an_sms_of_more_segments_than_are_sent_is_refused():
    assert len(rendered("sms", {"data": {"x": "a" * 1530}}, text="{{ data.x }}").text) == 1530
    with pytest.raises(LimitExceeded, match="11 segments") as caught:
        rendered("sms", {"data": {"x": "a" * 1531}}, text="{{ data.x }}")
    assert caught.value.part == "text"
    assert rendered("in_app", {"data": {"x": "a" * 1531}}, title="t", body="{{ data.x }}")


def test_half_a_character_is_refused():
    with pytest.raises(RenderError, match="half a character"):
        rendered("sms", {"data": {"x": "\ud800"}}, text="{{ data.x }}")


@pytest.mark.parametrize(
    ("data", "lacking"),
    [
        ({"number": 1}, []),
        ({}, ["data.number"]),
        ({"number": 1, "gift": True}, ["data.wish"]),
        ({"number": 1, "gift": True, "wish": "x"}, []),
        ({"number": 1, "gift": False}, []),
        ({"number": 1, "rows": [{"a": 1}, {}]}, ["data.rows[].a"]),
        ({"number": 1, "rows": []}, []),
        ({"number": 1, "map": {"k": 1}}, []),
        ({"number": 1, "bad": True, "gift": True}, ["data.wish"]),
    ],
)
def test_the_door_knows_what_this_very_data_lacks(data, lacking):
    content = {
        "title": "{{ data.number }}",
        "body": "{{ recipient.name }}{% if data.gift %}{{ data.wish }}{% endif %}"
        "{% if data.map %}{% for p in data.map %}{{ p[0] }}{% endfor %}{% endif %}"
        "{% if data.rows %}{% for r in data.rows %}{{ r.a }}{% endfor %}{% endif %}",
    }
    compiled = publish(content, channels=["in_app"])

    assert missing(compiled, data, channel="in_app") == lacking


def test_a_channel_without_a_template_lacks_nothing():
    assert missing(publish(ORDER, channels=["sms"]), {}, channel="email") == []


@pytest.mark.parametrize(
    ("body", "names"),
    [
        ("It is {{ data.a }}{% if data.b %}, {{ data.c }}{% endif %}.", {"a", "c"}),
        ("Hi {{ recipient.name }}", set()),
        ("It is {{ data.a.b }}.", None),
        ("{% for one in data.all %}{{ one }}{% endfor %}", None),
        ("It is {{ data }}.", None),
    ],
)
def test_the_names_that_are_all_data_can_lack_are_known_beforehand(body, names):
    compiled = publish({"title": "x", "body": body}, channels=["in_app"])

    assert names_wanted(compiled, channel="in_app") == names
    assert names is None or missing(compiled, dict.fromkeys(names, 1), channel="in_app") == []


def test_on_a_channel_without_words_no_name_is_wanted():
    compiled = publish(ORDER, channels=["sms"])
    assert names_wanted(compiled, channel="email") == frozenset()


def test_a_channel_nobody_knows_cannot_be_published():
    with pytest.raises(TemplateRejected, match="no channel fax"):
        publish(ORDER, channels=["fax"])


def test_the_needs_of_a_template_are_published_with_it():
    form = COMPILED["channels"]["in_app"]

    assert form["required"] == ["data.number"]
    assert form["conditional"] == []
    assert form["variables"] == ["data.image", "data.number", "links.view", "recipient.name"]


@pytest.mark.parametrize(
    ("content", "where", "words"),
    [
        ({"titel": "x"}, "titel", "no such field"),
        ({"title": 3}, "title", "must be text"),
        ({"actions": [{"label": "x"}]}, "actions[0]", "a label and a url"),
        ({"actions": ["x"]}, "actions[0]", "a label and a url"),
        ({"actions": [{"label": "x", "url": "y"}] * 5}, "actions", "at most 4"),
        ({"title": "{{ data.x"}, "title", "No }} closes this"),
        ({"actions": [{"label": "{% if %}", "url": ""}]}, "actions[0].label", "closed"),
    ],
)
def test_what_cannot_be_published_says_why(content, where, words):
    with pytest.raises(TemplateRejected) as caught:
        publish(content, channels=["in_app"])

    (problem,) = caught.value.problems
    assert problem.where == where
    assert words in problem.message


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=8,
)
HOSTILE = st.sampled_from(
    ["<script>x</script>", "</style><script>", "--><script>", '"><script>', "'><script", "{{ a }}",
     "]]><script>", "<!--<script>", "\u2028<ScRiPt>", "&lt;script>", "<scr\x00ipt>", "{% raw %}"]
)  # fmt: skip
LETTER = publish(
    {
        "subject": "{{ data.a }}",
        "preheader": "{{ data.a }}",
        "body": """<mj-text><p title="{{ data.a }}">{{ data.a }}</p>{{ data.b | newline_to_br }}
        <!--[if mso]><b title="{{ data.a }}">{{ data.b }}</b><![endif]--></mj-text>
        <mj-table>{% for i in data.list %}<tr><td>{{ i }}</td></tr>{% endfor %}</mj-table>
        <mj-button href="https://x.test/{{ data.a | url_encode }}">{{ data.b }}</mj-button>
        <mj-image src="https://x.test/i.png" alt="{{ data.b }}" />""",
    },
    channels=["email"],
)


@settings(max_examples=150, deadline=None)
@given(a=HOSTILE | st.text(), b=HOSTILE | st.text(), items=st.lists(HOSTILE | JSON, max_size=5))
def test_data_never_writes_markup_into_a_mail(a, b, items):
    def tags(variables):
        html = render(LETTER, {"data": variables}, channel="email").html
        return html.count("<"), html.lower().count("<script"), html.count("-->")

    items = [item for item in items if not isinstance(item, list | dict)]
    try:
        counted = tags({"a": a, "b": b.replace("\n", ""), "list": items})
    except RenderError:
        return
    assert counted == tags({"a": "x", "b": "x", "list": ["x"] * len(items)})
    assert counted[1] == 0


@settings(max_examples=100, deadline=None)
@given(data=st.dictionaries(st.sampled_from(["number", "image", "x"]), JSON))
def test_any_data_renders_or_is_refused_and_always_the_same(data):
    def outcome():
        try:
            return render(COMPILED, {**ANN, "data": data}, channel="in_app")
        except RenderError as error:
            return str(error)

    assert outcome() == outcome()
