"""One test per known way to make a template eat a machine: each is refused, or stays small."""

import pytest

from notifications.rendering import limits
from notifications.rendering.context import Context
from notifications.rendering.errors import LimitExceeded, RenderError, SourceError
from notifications.rendering.liquid import HTML, TEXT, parse
from notifications.rendering.plan.texts import Plan

LONG = "x" * 60_000
DATA = {
    "data": {
        "long": LONG,
        "items": list(range(1000)),
        "many": list(range(1001)),
        "rows": [{"k": n} for n in range(1000)],
        "n": 10**30,
    }
}

REFUSED = {
    "huge range in a loop": "{% for i in (1..100000000) %}x{% endfor %}",
    "huge range joined": "{{ (1..100000000) | join: ',' }}",
    "huge range searched": "{% if (1..1000000000) contains 1.5 %}x{% endif %}",
    "huge range made of data": "{% assign n = 999999 %}{% for i in (1..n) %}{% endfor %}",
    "range beyond machine words": "{% for i in (1..99999999999999999999999) %}{% endfor %}",
    "range sliced": "{{ (1..5000000) | slice: 0, 5000000 | join }}",
    "join with a long separator": "{{ data.items | join: data.long }}",
    "replace with a long text": "{{ data.long | replace: 'x', data.long }}",
    "replace of nothing": "{{ data.long | replace: '', data.long }}",
    "append in a loop": (
        "{% assign s = 'xxxxxxxxxx' %}{% for i in (1..1000) %}{% assign s = s | append: s %}"
        "{% endfor %}"
    ),
    "prepend in a loop": (
        "{% assign s = 'xxxxxxxxxx' %}{% for i in (1..1000) %}{% assign s = s | prepend: s %}"
        "{% endfor %}"
    ),
    "capture that grows": (
        "{% capture s %}xxxxxxxxxx{% endcapture %}{% for i in (1..1000) %}"
        "{% capture s %}{{ s }}{{ s }}{% endcapture %}{% endfor %}"
    ),
    "many captures": "".join(
        f"{{% capture s{n} %}}{{{{ data.long }}}}{{% endcapture %}}" for n in range(100)
    ),
    "list concatenated with itself": (
        "{% assign a = data.items %}{% for i in (1..30) %}{% assign a = a | concat: a %}"
        "{% endfor %}"
    ),
    "split into characters": "{{ data.long | split: '' | join: data.long }}",
    "split into pieces": "{{ data.long | split: 'x' | size }}",
    "numbers that square": (
        "{% assign n = 9999999999 %}{% for i in (1..100) %}{% assign n = n | times: n %}"
        "{% endfor %}"
    ),
    "number to begin with": "{% assign n = data.n | times: data.n %}",
    "long list": "{% for i in data.many %}x{% endfor %}",
    "output in a loop": "{% for i in data.items %}{{ data.long }}{% endfor %}",
    "nested loops": (
        "{% for i in data.items %}{% for j in data.items %}{% assign x = i %}{% endfor %}"
        "{% endfor %}"
    ),
    "nested loops of nothing": (
        "{% for i in data.items %}{% for j in data.items %}{% endfor %}{% endfor %}"
    ),
    "long texts filtered in a loop": (
        "{% for i in data.items %}{% assign x = data.long | upcase %}{% endfor %}"
    ),
    "uniq in a loop": "{% for i in data.items %}{% assign x = data.rows | uniq %}{% endfor %}",
    "url_encode twelve times larger": "{{ data.long | url_encode | replace: 'x', '%%%%%%%%%%' }}",
    "date with a wide field": "{{ '2026-01-01' | date: '%1000000000Y' }}",
    "date with a long format": "{{ '2026-01-01' | date: data.long }}",
    "date without end": "{{ 1e300 | date: '%Y' }}",
    "infinity": "{{ '1e400' | ceil }}",
    "expression that nests": "{{ data" + "[data" * 150 + "]" * 150 + " }}",
}


@pytest.mark.parametrize("html", [False, True])
@pytest.mark.parametrize("source", REFUSED.values(), ids=REFUSED.keys())
def test_a_bomb_is_refused_within_bounded_work(source, html):
    template = parse(source, html=html)
    context = Context(HTML if html else TEXT, DATA)

    with pytest.raises(RenderError):
        template.run(context)

    assert context.steps <= 2 * limits.STEPS
    assert context.held <= limits.HELD_CHARS + limits.STRING_CHARS
    assert all(len(str(value)) <= limits.STRING_CHARS for value in context.locals.values())
    assert Plan([template]).texts(DATA) in (None, [None])


UNPUBLISHABLE = {
    "source too long": "x" * (limits.SOURCE_CHARS + 1),
    "too many tags": "{{ data.a }}" * (limits.NODES + 1),
    "too many parts": "{{ data.a | plus: 1 | plus: 1 | plus: 1 }}" * 600,
    "loop in a loop in a loop": "{% for a in data.a %}" * 3 + "{% endfor %}" * 3,
    "blocks without end": "{% if data.a %}" * 20 + "{% endif %}" * 20,
    "openings without end": "{{" * 50_000,
    "tags without end": "{% a" * 25_000,
    "raws without end": "{% raw %}" * 10_000,
    "docs without end": "{% doc %}" * 10_000,
    "blanks in a tag": "{{" + " " * 900 + "a }}",
    "long tag": "{{ data.a | append: '" + "x" * 1000 + "' }}",
    "conditions that nest": "{% if " + "a and " * 160 + "b %}{% endif %}" + "{{" * 9,
    "include": "{% include 'x' %}",
    "render": "{% render 'x' %}",
    "extends": "{% extends 'x' %}",
    "tablerow": "{% tablerow i in (1..100000) %}{% endtablerow %}",
    "increment": "{% increment x %}",
    "cycle": "{% cycle 1, 2 %}",
    "liquid": "{% liquid assign x = 1 %}",
    "safe": "{{ data.a | safe }}",
    "escapejs": "{{ data.a | escapejs }}",
    "base64": "{{ data.a | base64_decode }}",
    "ternary": "{{ data.a if data.b else data.c }}",
}


@pytest.mark.parametrize("source", UNPUBLISHABLE.values(), ids=UNPUBLISHABLE.keys())
def test_a_bomb_in_the_source_is_never_parsed(source):
    with pytest.raises(SourceError):
        parse(source)


def test_a_case_renders_its_branch_once_however_often_the_value_is_listed():
    ones = ",".join("1" * 200)
    source = f"{{% case 1 %}}{{% when {ones} %}}" * 6 + "x" + "{% endcase %}" * 6

    assert parse(source).render({}) == "x"


def test_a_loop_as_large_as_allowed_still_renders():
    source = "{% for i in data.items %}{{ i }},{% endfor %}"

    assert parse(source).render(DATA).count(",") == 1000


def test_text_multiplied_is_not_repeated():
    assert parse("{{ 'a' | times: 1000000000 }}").render({}) == "0"


def test_work_is_counted_the_same_every_time():
    template = parse("{% for r in data.rows %}{{ r.k | plus: 1 }}{% endfor %}")
    counts = set()
    for _ in range(3):
        context = Context(TEXT, DATA)
        template.run(context)
        counts.add(context.steps)

    assert len(counts) == 1


def test_the_clock_stops_a_loop_that_the_count_allows():
    template = parse("{% for i in data.items %}x{% endfor %}")
    context = Context(TEXT, DATA)
    context.deadline = 0.0

    with pytest.raises(LimitExceeded, match="seconds"):
        template.run(context)
