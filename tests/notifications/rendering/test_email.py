"""From an editor's MJML or HTML to the mail a person reads."""

import re

import pytest

from notifications.rendering.compile import publish
from notifications.rendering.email import Letter, compile_email
from notifications.rendering.errors import RenderError, TemplateRejected
from notifications.rendering.render import render

LAYOUT = """<mjml><mj-head><mj-attributes><mj-all font-family="Arial" /></mj-attributes>
<mj-style>.foot { color: {{ brand.color }} }</mj-style></mj-head><mj-body>
<mj-section><mj-column><mj-text>{{ brand.name }}</mj-text></mj-column></mj-section>
{{ content }}
<mj-section><mj-column><mj-text><p class="foot">{{ brand.address }}
<a href="{{ links.unsubscribe }}">Unsubscribe</a></p></mj-text></mj-column></mj-section>
</mj-body></mjml>"""

ANN = {
    "data": {
        "name": "Ann <b>",
        "count": 2,
        "url": "https://shop.test/o?a=1&b=2",
        "items": [{"name": "pen", "n": 1}, {"name": "cup & saucer", "n": 2}],
        "color": "#00ff00",
        "none": [],
    },
    "recipient": {"name": "Ann"},
    "brand": {"name": "Acme", "address": "1 Main St", "color": "#ff0000"},
    "links": {"unsubscribe": "https://n.test/u/abc"},
}


def mail(body, *, layout="", variables=ANN, locale="", **fields):
    content = {"subject": "s", "body": body, **fields}
    compiled = publish(content, channels=["email"], layout=layout, locale=locale)
    return render(compiled, variables, channel="email")


def shown(html):
    """The text between the tags of the mail's body, comments left out."""
    body = re.sub(r"<!--.*?-->", "", html[html.find("<body") :], flags=re.S)
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", body)).strip()


def test_mjml_in_a_layout_becomes_html_with_its_css_inlined():
    html = mail("<mj-text>Hi {{ data.name }}</mj-text>", layout=LAYOUT).html

    assert shown(html) == "Acme Hi Ann &lt;b&gt; 1 Main St Unsubscribe"
    assert 'class="foot" style="display: block;margin: 13px 0;color: #ff0000;"' in html
    assert '<a href="https://n.test/u/abc">' in html
    assert "{{" not in html
    assert "{%" not in html


def test_no_mail_fetches_anything_from_another_server():
    html = mail("<mj-text>Hi</mj-text>").html

    assert "googleapis" not in html
    assert "@import" not in html


def test_a_condition_with_an_angle_bracket_survives_mjml():
    body = "<mj-text>{% if data.count < 3 %}few{% endif %}{% if data.count > 3 %}many{% endif %}"

    assert shown(mail(f"{body}</mj-text>").html) == "few"


def test_a_loop_around_mjml_rows_repeats_them():
    body = """{% for item in data.items %}<mj-text>{{ item.name }}</mj-text>{% endfor %}
    {% if data.count == 2 %}<mj-divider />{% endif %}<mj-text>end</mj-text>"""
    html = mail(body, layout=LAYOUT).html

    assert shown(html) == "Acme pen cup &amp; saucer end 1 Main St Unsubscribe"
    assert html.count("</tr>") - html.count("<tr") == 0


def test_a_loop_around_sections_and_columns_repeats_them():
    body = """{% for item in data.items %}<mj-section>{% for j in (1..2) %}<mj-column>
    <mj-text>{{ item.name }}{{ j }}</mj-text></mj-column>{% endfor %}</mj-section>{% endfor %}"""

    assert shown(mail(body).html) == "pen 1 pen 2 cup &amp; saucer 1 cup &amp; saucer 2".replace(
        " 1", "1"
    ).replace(" 2", "2")


@pytest.mark.parametrize("opening", ["mj-table", "table"])
def test_a_loop_inside_a_table_stays_inside_it(opening):
    rows = "{% for i in data.items %}<tr><td>{{ i.name }}</td></tr>{% endfor %}"
    table = f"<{opening}>{rows}</{opening}>"
    html = mail(table).html

    assert re.search(r"<tbody>\s*<tr>\s*<td[^>]*>pen</td></tr>\s*<tr><td[^>]*>cup", html)
    assert html.count("<tbody") == html.count("</tbody>")


def test_liquid_in_attributes_survives():
    body = """<mj-text color="{% if data.count < 3 %}red{% else %}{{ data.color }}{% endif %}">
    <a title="{{ data.name }}" href="{{ data.url }}">x</a></mj-text>
    <mj-button href="{{ data.url }}">Go</mj-button>"""
    html = mail(body).html

    assert "color:red" in html
    assert 'title="Ann &lt;b&gt;"' in html
    assert html.count('href="https://shop.test/o?a=1&amp;b=2"') == 2


def test_html_that_is_no_xml_is_taken_as_it_is():
    html = mail("<mj-text>a < 3 & b<br>&nbsp;<p>open<img src='https://x.test/a' alt=''></mj-text>")

    assert shown(html.html) == "a &lt; 3 &amp; b &nbsp; open"


def test_an_html_fragment_stands_in_the_layout():
    html = mail("<h1>Hi</h1><p>{{ data.name }}</p>", layout=LAYOUT).html

    assert shown(html) == "Acme Hi Ann &lt;b&gt; 1 Main St Unsubscribe"


def test_plain_text_becomes_paragraphs_and_buttons():
    actions = [{"label": "See {{ data.name }}", "url": "{{ data.url }}"}]
    mailed = mail("Hi {{ data.name }},\n\n1 < 2\nok", actions=actions)

    assert "<p" in mailed.html
    assert shown(mailed.html) == "Hi Ann &lt;b&gt;, 1 &lt; 2 ok See Ann &lt;b&gt;"
    assert mailed.text == ("Hi Ann <b>,\n\n1 < 2\nok\n\nSee Ann <b>: https://shop.test/o?a=1&b=2")
    assert mailed.actions == ()


def test_the_text_part_is_derived_with_the_same_variables():
    body = """<mj-text><h1>Order {{ data.count }}</h1><p>Hi&nbsp;{{ data.name }}</p></mj-text>
    <mj-table>{% for i in data.items %}<tr><td>{{ i.n }}</td><td>{{ i.name }}</td></tr>{% endfor %}
    </mj-table><mj-image src="https://x.test/i.png" alt="A {{ data.color }} box" />
    {% if data.count > 5 %}<mj-text>never</mj-text>{% endif %}
    <mj-button href="{{ data.url }}">View</mj-button>"""

    assert mail(body, layout=LAYOUT).text == (
        "Acme\n\nOrder 2\n\nHi Ann <b>\n\n1 pen\n2 cup & saucer\n\nA #00ff00 box\n\n"
        "View: https://shop.test/o?a=1&b=2\n\n1 Main St Unsubscribe: https://n.test/u/abc"
    )


def test_a_text_part_of_the_editors_own_is_used_as_it_is():
    assert mail("<mj-text>x</mj-text>", text="Dear {{ data.name }}").text == "Dear Ann <b>"


def test_the_preheader_is_in_the_mail_but_not_in_its_text():
    mailed = mail("<mj-text>x</mj-text>", preheader="Soon, {{ data.name }}", layout=LAYOUT)

    assert mailed.preheader == "Soon, Ann <b>"
    assert "Soon, Ann &lt;b&gt;</div>" in mailed.html
    assert "Soon" not in mailed.text


def test_a_layout_says_where_the_preheader_goes():
    layout = """<mjml><mj-head><mj-preview>> {{ preheader }} <</mj-preview></mj-head>
    <mj-body>{{ content }}</mj-body></mjml>"""

    assert shown(mail("<mj-text>x</mj-text>", preheader="P", layout=layout).html) == "&gt; P &lt; x"


def test_a_layout_with_a_column_takes_components():
    layout = """<mjml><mj-body><mj-section><mj-column>{{ content }}</mj-column></mj-section>
    </mj-body></mjml>"""

    assert shown(mail("<mj-text>a</mj-text><mj-text>b</mj-text>", layout=layout).html) == "a b"
    assert shown(mail("just text", layout=layout).html) == "just text"


def test_a_layout_may_put_html_inside_a_text():
    layout = """<mjml><mj-body><mj-section><mj-column><mj-text>[{{ content }}]</mj-text>
    </mj-column></mj-section></mj-body></mjml>"""

    assert shown(mail("<b>{{ data.count }}</b>", layout=layout).html) == "[ 2 ]"


def test_a_complete_mjml_document_needs_no_layout():
    body = "<mjml><mj-body><mj-section><mj-column><mj-text>{{ data.count }}</mj-text></mj-column>"

    mailed = mail(f"{body}</mj-section></mj-body></mjml>", layout=LAYOUT)
    assert (shown(mailed.html), mailed.text) == ("2", "2")


def test_an_anchor_and_a_mail_address_are_not_written_out_in_the_text():
    body = '<p><a href="#top">Top</a> <a href="mailto:a@x.test">Write</a> <a>x</a></p>'

    assert mail(body).text == "Top Write x"


def test_words_that_look_like_ours_are_left_alone():
    assert shown(mail("<p>lq0q lqz1q {{ data.count }}</p>").html) == "lq0q lqz1q 2"


def test_the_language_of_the_mail_is_said():
    assert '<html lang="fr"' in mail("<mj-text>x</mj-text>", locale="fr").html


def test_a_complete_html_document_needs_no_layout():
    html = mail("<html><head><style>p{color:red}</style></head><body><p>{{ data.name }}</p>").html

    assert '<p style="color: red;">Ann &lt;b&gt;</p>' in html


def test_an_editors_comment_goes_no_further():
    body = "a<!-- {{ data.secret }} -->b{% comment %}{{ data.oops }}{% endcomment %}"

    assert shown(mail(f"<mj-text>{body}</mj-text>").html) == "ab"


@pytest.mark.parametrize(
    "url",
    ["javascript:alert(1)", " javascript:alert(1)", "JAVASCRIPT:x", "data:text/html,x",
     "//evil.test", "vbscript:x", "https://a.test/ onclick=x", "java\nscript:x", "/local",
     "https://u:p@x.test"],
)  # fmt: skip
@pytest.mark.parametrize(
    "body",
    [
        "<mj-text><a href='{{ data.url }}'>x</a></mj-text>",
        '<mj-button href="{{ data.url }}">x</mj-button>',
        '<mj-image src="{{ data.url }}" alt="" />',
        '<mj-text><a href="{% if data.count %}{{ data.url }}{% endif %}">x</a></mj-text>',
    ],
)
def test_data_cannot_be_a_dangerous_link(body, url):
    data = {**ANN["data"], "url": url, "void": ""}

    with pytest.raises(RenderError):
        mail(body, variables={**ANN, "data": data})


@pytest.mark.parametrize("url", ["javascript:alert(1)", "data:text/html,x", "/a b", 'x"y'])
def test_the_end_of_a_link_cannot_become_its_beginning(url):
    body = '<mj-text><a href="{{ data.void }}{{ data.url }}">x</a></mj-text>'

    with pytest.raises(RenderError):
        mail(body, variables={"data": {"void": "", "url": url}})


def test_a_link_made_of_two_values_works():
    body = '<mj-text><a href="{{ data.base }}{{ data.path }}">x</a></mj-text>'
    html = mail(body, variables={"data": {"base": "https://x.test", "path": "/a?b=1"}}).html

    assert 'href="https://x.test/a?b=1"' in html


@pytest.mark.parametrize(
    "value", ["red;background:url(//evil.test)", "expression(alert(1))", "}</style><script>"]
)
@pytest.mark.parametrize(
    "body",
    [
        "<mj-text><p style='color: {{ data.color }}'>x</p></mj-text>",
        '<mj-text color="{{ data.color }}">x</mj-text>',
    ],
)
def test_data_cannot_break_out_of_a_style(body, value):
    data = {**ANN["data"], "color": value}

    with pytest.raises(RenderError, match="style"):
        mail(body, variables={**ANN, "data": data})


@pytest.mark.parametrize(
    ("body", "where", "words"),
    [
        ("<mj-include path='/etc/passwd' />", "body", "mj-include cannot be used"),
        ("<mj-text>x", "body", "mj-text is never closed"),
        ("<mj-section><mj-column></mj-section>", "body", "closes mj-section, which is not open"),
        ("<mj-frob>x</mj-frob>", "body", "MJML has no mj-frob"),
        ("<mj-text>a</mj-text>loose", "body", "Text must stand inside mj-text"),
        ("<mj-text>a</mj-text>{{ data.x }}", "body", "Put this inside mj-text"),
        ("<mj-text {{ data.x }}>a</mj-text>", "body", "between quotes"),
        ("<mj-text><a href={{ data.x }}>a</a></mj-text>", "body", "between quotes"),
        ("<p {% if data.x %}class='a'{% endif %}>a</p>", "body", "between quotes"),
        ("<mj-text>{% if data.x %}</mj-text>", "body", "never closed by endif"),
        ("<p>{{ data.x | nope }}</p>", "body", "no filter named nope"),
        ("<style>{% if data.x %}p{}{% endif %}</style><p>x</p>", "body", "Inside a style"),
        ("<p><{{ data.x }}>a</p>", "body", "cannot name an element"),
        ("<p></{{ data.x }}>a</p>", "body", "cannot name an element"),
        ("<p><{% if data.x %}b{% endif %}>a</p>", "body", "cannot name an element"),
        ("<p><a{{ data.x }}>a</p>", "body", "between quotes"),
        ("<p><!doctype", "body", "never closed by >"),
        ("<p><a title='x", "body", "never closed by >"),
        ("<style>p{}", "body", "style is never closed"),
        ("<mj-social>{% if data.x %}{% endif %}</mj-social>", "body", "directly inside mj-social"),
        ("<mj-text>a</mj-text><mj-section></mj-section>", "body", "cannot stand inside mj-column"),
        ("<p><!-- open", "body", "never closed by -->"),
    ],
)
def test_a_body_that_cannot_be_compiled_says_why(body, where, words):
    with pytest.raises(TemplateRejected) as caught:
        mail(body)

    (problem,) = caught.value.problems
    assert words in problem.message
    assert problem.where == where


@pytest.mark.parametrize(
    ("layout", "words"),
    [
        ("<mjml><mj-body></mj-body></mjml>", "no {{ content }}"),
        ("<mjml><mj-body>{{ content }}", "never closed"),
        ("<mjml><mj-body><mj-include path='x' />{{ content }}</mj-body></mjml>", "mj-include"),
        ("<mjml>{{ content }}</mjml>", "cannot hold"),
    ],
)
def test_a_broken_layout_is_told_from_a_broken_body(layout, words):
    with pytest.raises(TemplateRejected) as caught:
        mail("<mj-text>x</mj-text>", layout=layout)

    (problem,) = caught.value.problems
    assert words in problem.message


def test_inline_styles_reach_what_an_editor_wrote_and_lose_no_table():
    layout = """<mjml><mj-head><mj-style inline="inline">a { color: #2f6b4f }</mj-style></mj-head>
    <mj-body>{{ content }}</mj-body></mjml>"""
    body = """<mj-text><a href="https://x.test">x</a></mj-text>
    <mj-table>{% for i in data.list %}<tr><td>{{ i }}</td></tr>{% endfor %}</mj-table>"""

    html, _ = compile_email(Letter(body=body, layout=layout))

    assert 'style="color: #2f6b4f' in html
    assert re.search(r"<table[^>]*>\s*<tbody>\s*{% for i in data.list %}<tr", html)
