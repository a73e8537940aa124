"""The language as an editor meets it."""

import threading

import pytest

from notifications.rendering.errors import MissingVariable, RenderError, SourceError, problem_at
from notifications.rendering.liquid import parse
from notifications.rendering.plan.texts import Plan

ANN = {
    "data": {
        "name": "Ann",
        "nothing": None,
        "yes": True,
        "count": 3,
        "price": 1.5,
        "items": [{"name": "pen", "n": 1}, {"name": "cup", "n": 2}],
        "map": {"a": 1},
        "key with space": "v",
    }
}


def text(source, variables=ANN, *, html=False):
    template = parse(source, html=html)
    planned = Plan([template]).texts(variables)
    rendered = template.render(variables)
    assert planned is None or planned[0] in (None, rendered)
    return rendered


def html(source, variables=ANN):
    return text(source, variables, html=True)


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("Hi {{ data.name }}!", "Hi Ann!"),
        ("{{ data.yes }} {{ data.count }} {{ data.price }}", "true 3 1.5"),
        ("[{{ data.nothing }}]", "[]"),
        ("{{ data.items[1].name }}{{ data.items.first.name }}{{ data.items.size }}", "cuppen2"),
        ("{{ data['key with space'] }}", "v"),
        ("{{ data.name.size }}", "3"),
        ("{% for i in data.items %}{{ forloop.index }}{{ i.name }} {% endfor %}", "1pen 2cup "),
        ("{% for i in data.items reversed %}{{ i.n }}{% endfor %}", "21"),
        ("{% for i in data.items limit: 1 offset: 1 %}{{ i.n }}{% endfor %}", "2"),
        ("{% for p in data.map %}{{ p[0] }}={{ p[1] }}{% endfor %}", "a=1"),
        ("{% for i in (1..3) %}{{ i }}{% if i == 2 %}{% break %}{% endif %}{% endfor %}", "12"),
        ("{% for i in data.nothing %}x{% else %}none{% endfor %}", "none"),
        ("{% if data.count < 4 and data.yes %}few{% endif %}", "few"),
        ("{% unless data.yes %}a{% else %}b{% endunless %}", "b"),
        ("{% case data.count %}{% when 1, 2 %}low{% when 3 %}three{% endcase %}", "three"),
        ("{% assign n = data.count | plus: 1 %}{{ n }}", "4"),
        ("{% capture c %}<{{ data.name }}>{% endcapture %}{{ c }}", "<Ann>"),
        ("{% comment %}{{ data.oops }}{% endcomment %}ok", "ok"),
        ("{% # a note %}ok", "ok"),
        ("{% raw %}{{ data.name }}{% endraw %}", "{{ data.name }}"),
        ("{{ data.items | map: 'name' | join: ', ' | upcase }}", "PEN, CUP"),
        ("{{ data.items | where: 'n', 2 | size }}", "1"),
        ("{{ 'a,b' | split: ',' | last }}", "b"),
        ("{{ '' | split: ',' | size }}{{ 'ab' | split: '' | join: '-' }}", "0a-b"),
        ("{{ 'a b a' | replace_last: 'a', 'c' }}{{ 'x' | remove_last: 'y' }}", "a b cx"),
        ("{{ 'x' | append: data.yes }}{{ 'x' | append: data.count }}", "xtruex3"),
        ("{{ 'x' | join: ',' }}", "x"),
        ("{% for i in (1..3) %}{% if i == 2 %}{% continue %}{% endif %}{{ i }}{% endfor %}", "13"),
        ("{% if data.count > 9 %}a{% elsif data.count > 2 %}b{% endif %}", "b"),
        ("{{ 1767225600 | date: '%Y-%m-%d' }}{{ data.nothing | date: '%Y' }}", "2026-01-01"),
        ("{{ 'one two three' | truncatewords: 2 }}", "one two..."),
        ("{{ 'a  b' | squish | replace: ' ', '-' }}", "a-b"),
        ("{{ 'a b&c' | url_encode }}", "a+b%26c"),
        ("{{ '<b>x</b>' | strip_html }}", "x"),
    ],
)
def test_what_editors_may_write(source, expected):
    assert text(source) == expected


@pytest.mark.parametrize(
    ("form", "expected"),
    [
        ("'%-d %B %Y'", "5 January 2026"),
        ("'%a %d %b, %H:%M'", "Mon 05 Jan, 23:04"),
        ("'%H:%M', 'Europe/Paris'", "00:04"),
        ("'%I:%M %p 100%%'", "11:04 PM 100%"),
    ],
)
def test_dates_are_written_as_asked_in_the_zone_asked(form, expected):
    assert text(f"{{{{ '2026-01-05T23:04:00Z' | date: {form} }}}}") == expected


@pytest.mark.parametrize(
    "value", ["'now'", "'today'", "'10:00'", "'yesterday'", "'2026-01-01' | date: '%Q'"]
)
def test_a_date_never_reads_the_clock(value):
    with pytest.raises(RenderError):
        text(f"{{{{ {value} | date: '%Y' }}}}")


@pytest.mark.parametrize(
    ("source", "path"),
    [
        ("{{ data.who }}", "data.who"),
        ("{{ data.order.number }}", "data.order"),
        ("{{ data.items[9].name }}", "data.items[9]"),
        ("{{ data.who | upcase }}", "data.who"),
        ("{{ 'a' | append: data.who }}", "data.who"),
        ("{% for i in data.list %}{% endfor %}", "data.list"),
        ("{% assign x = data.who %}{{ x }}", "data.who"),
        ("{% for i in data.items %}{{ i.price }}{% endfor %}", "i.price"),
        ("{{ data.items[data.who] }}", "data.who"),
        ("{% for i in (1..data.who) %}{% endfor %}", "data.who"),
        ("{% for i in data.items limit: data.who %}{% endfor %}", "data.who"),
        ("{{ now }}", "now"),
        ("{{ today }}", "today"),
    ],
)
def test_a_missing_variable_is_named_and_never_a_blank(source, path):
    with pytest.raises(MissingVariable) as caught:
        text(source)

    assert caught.value.path == path


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("{{ data.who | default: '' }}", ""),
        ("{{ data.who | default: 'you' }}", "you"),
        ("{{ data.a.b.c | default: data.d | default: 'e' }}", "e"),
        ("{% if data.who %}a{% else %}b{% endif %}", "b"),
        ("{% if data.who == 'x' or data.who contains 'y' or data.who > 1 %}a{% endif %}", ""),
        ("{% unless data.who %}b{% endunless %}", "b"),
        ("{% if data.who == nil %}b{% endif %}", "b"),
        ("{% case data.who %}{% when 'x' %}a{% else %}b{% endcase %}", "b"),
        ("{% assign x = data.who %}{{ x | default: 'c' }}", "c"),
    ],
)
def test_an_editor_can_provide_for_a_missing_variable(source, expected):
    assert text(source) == expected


@pytest.mark.parametrize(
    "source", ["{{ data.items }}", "{{ data.map }}", "{{ data }}", "{{ (1..3) }}"]
)
def test_lists_and_objects_are_not_printed_as_code(source):
    with pytest.raises(RenderError, match="cannot be printed"):
        text(source)


@pytest.mark.parametrize("path", ["name.__class__", "name.upper", "items.append", "map.keys"])
def test_nothing_of_python_is_reachable(path):
    with pytest.raises(MissingVariable):
        text(f"{{{{ data.{path} }}}}")


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("{{ data.items | upcase }}", "works on text"),
        ("{{ data.items | concat: data.name }}", "joins two lists"),
        ("{{ data.items | map: 'price' }}", "has no price"),
        ("{{ data.name | map: 'x' }}", "works on a list"),
        ("{% for i in data.name %}{% endfor %}", "needs a list"),
        ("{% for i in data.items limit: 'x' %}{% endfor %}", "whole numbers"),
        ("{{ data.count | divided_by: 0 }}", "divide by 0"),
        ("{% if data.name > 3 %}{% endif %}", "not supported"),
        ("{{ data.name | truncate: 1, 2, 3 }}", "rguments"),
        ("{{ data.name | origin }}", "full http"),
    ],
)
def test_a_filter_that_cannot_work_says_so(source, words):
    with pytest.raises(RenderError, match=words):
        text(source)


def test_an_object_that_is_no_plain_data_is_not_printed():
    with pytest.raises(RenderError, match="cannot be printed"):
        text("{{ data.x }}", {"data": {"x": object()}})


@pytest.mark.parametrize(
    "source",
    [
        "{{ data.x }}",
        "{{ data.x | upcase | downcase }}",
        "{{ data.x | escape }}",
        "{{ data.x | escape_once }}",
        "{{ data.x | append: '!' }}",
        "{{ '!' | append: data.x }}",
        "{{ 'NAME' | replace: 'NAME', data.x }}",
        "{{ data.x | newline_to_br }}",
        "{{ data.x | newline_to_br | replace: '&lt;', '<' }}",
        "{{ data.x | newline_to_br | split: '&lt;' | join: '<' }}",
        "{{ data.x | newline_to_br | url_decode }}",
        "{{ data.x | url_encode | url_decode }}",
        "{{ data.x | newline_to_br | escape }}",
        "{{ data.x | newline_to_br | strip_html }}",
        "{{ data.x | split: ' ' | join: '<br>' }}",
        "{{ data.none | default: data.x }}",
        "{{ data.x | default: '<b>' }}",
        "{% capture c %}{{ data.x }}{% endcapture %}{{ c }}{{ c | append: data.x }}",
        "{% capture c %}{{ data.x }}{% endcapture %}{{ c | replace: '&lt;', '<' }}",
        "{% assign c = data.x %}{{ c }}",
        "{{ data.list | join: ' ' }}{{ data.list | first }}",
        "{% for i in data.list %}{{ i }}{% endfor %}",
        "{{ data.rows | map: 'v' | join }}",
        "{{ '<' | append: data.x }}{{ data.none | default: '<b' | append: data.x }}",
        "{{ data.x | slice: 0, 40 }}",
        "{{ data.x | truncate: 40 }}",
        "{{ data.x | strip_newlines }}",
    ],
)
@pytest.mark.parametrize(
    "payload", ["<script>alert(1)</script>", "\"><img src=x onerror='a'>", "a\n<svg/onload=x>"]
)
def test_data_never_becomes_markup(source, payload):
    data = {"x": payload, "list": [payload], "rows": [{"v": payload}]}
    rendered = html(source, {"data": data}).replace("<br />", "").replace("<br>", "")

    assert "<" not in rendered


def test_an_editors_own_markup_stays():
    assert html("<b>{{ data.none | default: '<i>x</i>' }}</b>") == "<b><i>x</i></b>"
    assert html("{{ data.lines | newline_to_br }}", {"data": {"lines": "a\nb"}}) == "a<br />\nb"


def test_text_is_not_escaped():
    assert text("{{ data.x | newline_to_br }}", {"data": {"x": "a < b\nc"}}) == "a < b\nc"


@pytest.mark.parametrize(
    ("source", "line", "column", "words"),
    [
        ("a\nbc {{ data.x", 2, 4, "No }} closes this"),
        ("{% if data.x %}\nx", 1, 1, "never closed by endif"),
        ("x\n{% endif %}", 2, 1, "There is no if for this endif"),
        ("{% for i in data.x %}{% endif %}", 1, 22, "the block open is for"),
        ("{% if a %}{% when 1 %}{% endif %}", 1, 11, "no open block that when"),
        ("x {% break %}", 1, 3, "only works inside a for loop"),
        ("{{ data.x | upcas }}", 1, 13, "Did you mean upcase?"),
        ("ok {{ data.x | }}", 1, 4, "Expected"),
        ("{{ data.y }} {% if data.x == %}{% endif %}", 1, 14, "Expected"),
        ("{% include 'x' %}", 1, 1, "cannot load another"),
        ("{% frob %}", 1, 1, "it is not known here"),
    ],
)
def test_a_mistake_is_shown_where_it_is_in_plain_words(source, line, column, words):
    with pytest.raises(SourceError) as caught:
        parse(source)
    problem = problem_at(
        source, caught.value.index, where="body", message=str(caught.value), level="error"
    )

    assert words in problem.message
    assert (problem.line, problem.column) == (line, column)
    assert problem.pointer.endswith("^")


def test_threads_share_a_template():
    template = parse("{% for i in data.items %}{% assign x = i.name %}{{ x }}{% endfor %}")
    results = []
    threads = [
        threading.Thread(target=lambda: results.append(template.render(ANN))) for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert results == ["pencup"] * 8
