"""What an editor is told before publishing."""

import pytest

from notifications.rendering.checks import problems

FOOTER = '<mj-text>{{ brand.address }} <a href="{{ links.unsubscribe }}">Unsubscribe</a></mj-text>'
FINE = {"subject": "News", "body": f"<mj-text>Hi</mj-text>{FOOTER}"}
NO_ADDRESS = "This must be a full http:// or https:// address, or begin with / for your site."
LAYOUT = f"""<mjml><mj-body>{{{{ content }}}}<mj-section><mj-column>{FOOTER}</mj-column>
</mj-section></mj-body></mjml>"""


def found(channel, content, **options):
    return [(p.level, p.where, p.message) for p in problems(channel, content, **options)]


@pytest.mark.parametrize(
    ("channel", "content"),
    [
        ("email", FINE),
        ("sms", {"text": "Hi {{ data.name }}"}),
        ("web_push", {"title": "t", "body": "b", "url": "https://x.test"}),
        ("in_app", {"title": "t", "url": "/orders/{{ data.number | url_encode }}"}),
        ("in_app", {"title": "t", "url": "https://{{ data.host }}/", "icon": "{{ data.icon }}"}),
        ("webhook", {"title": "t"}),
    ],
)
def test_a_good_template_has_no_problems(channel, content):
    assert found(channel, content) == []


@pytest.mark.parametrize("layout", ["", LAYOUT])
def test_marketing_needs_a_way_out_and_an_address(layout):
    content = {"subject": "News", "body": "<mj-text>Buy</mj-text>"}
    told = found("email", content, layout=layout, marketing=True)

    assert told == (
        []
        if layout
        else [
            (
                "error", where, f"Marketing needs {what}, outside any condition.",
            )
            for where in ("body", "text")
            for what in (
                "an unsubscribe link: {{ links.unsubscribe }}",
                "the postal address: {{ brand.address }}",
            )
        ]
    )  # fmt: skip


def test_marketing_with_both_in_the_body_is_fine():
    assert found("email", FINE, marketing=True) == []


def test_an_unsubscribe_link_that_not_everybody_sees_is_not_enough():
    body = f"{{% if data.old %}}{FOOTER}{{% endif %}}<mj-text>Buy</mj-text>"

    assert len(found("email", {"subject": "s", "body": body}, marketing=True)) == 4


def test_a_text_part_of_the_editors_own_needs_them_too():
    assert len(found("email", {**FINE, "text": "Buy"}, marketing=True)) == 2


def test_a_marketing_sms_should_say_how_to_opt_out():
    assert [level for level, *_ in found("sms", {"text": "Buy"}, marketing=True)] == ["warning"]
    assert found("sms", {"text": "Buy. Reply STOP."}, marketing=True) == []
    assert found("sms", {"text": "Buy {{ links.unsubscribe }}"}, marketing=True) == []


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("<p>x</p><script>1</script>", "script cannot be used"),
        ("<iframe src='https://x.test'></iframe>", "iframe cannot be used"),
        ("<p onclick='x()'>a</p>", "onclick is script"),
        ("<mj-text onmouseover='x()'>a</mj-text>", "onmouseover is script"),
        ("<a href='javascript:x'>a</a>", "A link must begin with"),
        ("<a href=' JavaScript:x'>a</a>", "A link must begin with"),
        ("<a href='/local'>a</a>", "A link must begin with"),
        ("<form action='https://x.test'></form>", "form cannot be used"),
    ],
)
def test_what_no_mail_may_hold_is_an_error_with_its_place(body, words):
    first, *_ = problems("email", {"subject": "s", "body": f"<p>ok</p>\n{body}"})

    assert first.level == "error"
    assert words in first.message
    assert first.line == 2


@pytest.mark.parametrize(
    ("channel", "content", "expected"),
    [
        ("email", {"body": "x"}, ("error", "subject", "This is empty.")),
        ("in_app", {"title": "t", "actions": [{"label": "{{ x }}", "url": "a"}]},
         ("error", "actions[0].url", NO_ADDRESS)),
        ("email", {"subject": "s", "body": "<mj-frob></mj-frob>"},
         ("error", "body",
          "MJML has no mj-frob here; put HTML inside mj-text, mj-table or mj-raw.")),
        ("email", {"subject": "s", "body": "<p title='"},
         ("error", "body", "This tag is never closed by >, or a quote is missing.")),
        ("email", {"subject": "x"}, ("error", "body", "This is empty.")),
        ("sms", {"text": "  "}, ("error", "text", "This is empty.")),
        ("web_push", {"title": "x"}, ("error", "body", "This is empty.")),
        ("fax", {"title": "x"}, ("error", "channel", "There is no channel fax.")),
        ("in_app", {"title": "x", "nope": "y"}, ("error", "nope", "There is no such field.")),
        ("in_app", {"title": "x", "url": "//a.test"}, ("error", "url", NO_ADDRESS)),
        ("in_app", {"title": "x", "url": "/\\a.test"}, ("error", "url", NO_ADDRESS)),
        ("in_app", {"title": "x", "url": "javascript:{{ data.x }}"}, ("error", "url", NO_ADDRESS)),
        ("sms", {"text": "a <b>c</b>"},
         ("warning", "body", "An SMS shows HTML tags as they are written.")),
        ("email", {"subject": "s", "body": "<img src='https://x.test/a.png'>"},
         ("warning", "body",
          "Say in alt what the image shows; leave it empty if it only decorates.")),
        ("email", {"subject": "s", "body": "<p>" + "x" * 98_000 + "</p><style>p{color:red;font"
          "-size:12px}</style>" + "<p></p>" * 250},
         ("warning", "body", "Gmail clips mails of more than 102 kB.")),
    ],
)  # fmt: skip
def test_each_problem_is_told(channel, content, expected):
    assert expected in found(channel, content)


def test_the_layout_is_checked_but_its_slots_are_no_variables():
    layout = "<mjml><mj-body>{{ content }}<mj-raw>{{ oops }}</mj-raw></mj-body></mjml>"
    told = problems("email", FINE, layout=layout)

    assert [(p.where, p.message.split(";")[0]) for p in told] == [
        ("layout", "There is no variable oops")
    ]


def test_a_problem_points_at_its_place():
    told = problems("in_app", {"title": "Hi {{ person.name }}"})

    assert (told[0].line, told[0].column) == (1, 7)
    assert told[0].pointer == "Hi {{ person.name }}\n      ^"


def test_errors_come_first():
    told = problems("email", {"subject": "{{ recipient.name }}", "body": "{{ oops }}"})

    assert [problem.level for problem in told] == ["error", "warning"]
