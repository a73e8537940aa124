"""The short way through a template says what the nodes say, or leaves it to them."""

from types import MappingProxyType

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markupsafe import Markup

from notifications.rendering.compile import publish
from notifications.rendering.errors import LimitExceeded, RenderError, SourceError, TemplateRejected
from notifications.rendering.liquid import parse
from notifications.rendering.plan.texts import Plan
from notifications.rendering.render import render


def outcome(work, *args, **kwargs):
    """What came of it: a result, or all that an error says."""
    try:
        return work(*args, **kwargs)
    except RenderError as error:
        return type(error), str(error), error.part, getattr(error, "path", None)


def by_nodes(variables):
    """The same variables, in a form that no plan takes."""
    return MappingProxyType(variables)


class Odd(str):
    """Text of a kind of its own."""


USUAL = st.sampled_from(["data.a", "data.b", "recipient.name"])
PATHS = USUAL | st.sampled_from(
    ["data.c.d", "data.list", "data.list[0]", "data.list.first", "data.a.size", "data['a b']",
     "data.map", "data", "nothing", "data.list[0].x", "data[data.a]", "data.who"]
)  # fmt: skip
LITERALS = st.sampled_from(
    ["'x'", "''", "' '", "'<b>y</b>'", "'<b'", "'a & b'", "3", "-1", "2.50", "true", "false", "nil",
     "empty", "blank", "(1..3)", "'-1'", "9" * 50]
)  # fmt: skip
ARGUMENTS = LITERALS | PATHS
FILTERS = st.one_of(
    st.sampled_from(
        ["upcase", "escape", "strip", "size", "first", "join", "newline_to_br", "url_encode",
         "strip_html", "squish", "_link", "_tail", "_css", "default", "abs", "url_decode", "uniq",
         "split: 'a'", "date: '%Y'", "truncate: 3", "slice: 0, 2",
         "default: 'x', allow_false: true"]
    ),
    st.builds(
        "{}: {}".format,
        st.sampled_from(
            ["default", "append", "prepend", "plus", "times", "divided_by", "remove", "_link"]
        ),
        ARGUMENTS,
    ),
    st.builds("replace: {}, {}".format, ARGUMENTS, ARGUMENTS),
)  # fmt: skip
OUTPUTS = st.builds(
    lambda value, used: "{{ " + " | ".join([value, *used]) + " }}",
    USUAL | PATHS | LITERALS,
    st.lists(FILTERS, max_size=2),
)
COMPARISONS = st.builds(
    "{} {} {}".format,
    PATHS | LITERALS,
    st.sampled_from(["==", "!=", "<>", "<", ">", "<=", ">=", "contains"]),
    ARGUMENTS,
)
CONDITIONS = st.recursive(
    PATHS | LITERALS | COMPARISONS,
    lambda inner: st.builds("{} {} {}".format, inner, st.sampled_from(["and", "or"]), inner),
    max_leaves=3,
)
WORDS = st.sampled_from(["", " ", "Hello <b>", "\n\n", "é & ü", "{% comment %}x{% endcomment %}"])


def blocks(inner):
    return st.one_of(
        st.builds("{}{}{}".format, inner, inner, inner),
        st.builds("{{% if {} %}}{}{{% endif %}}".format, CONDITIONS, inner),
        st.builds(
            "{{% unless {} %}}{}{{% else %}}{}{{% endunless %}}".format, CONDITIONS, inner, inner
        ),
        st.builds(
            "{{% if {} %}}{}{{% elsif {} %}}{}{{% else %}}{}{{% endif %}}".format,
            CONDITIONS, inner, CONDITIONS, inner, inner,
        ),
        st.builds("{{% case {} %}}{{% when {} %}}{}{{% endcase %}}".format, PATHS, LITERALS, inner),
        st.builds("{{% for i in {} %}}{{{{ i }}}}{}{{% endfor %}}".format, PATHS, inner),
        st.builds("{{% assign data = {} %}}{}".format, ARGUMENTS, inner),
        st.builds("{{% capture c %}}{}{{% endcapture %}}{{{{ c }}}}".format, inner),
    )  # fmt: skip


SMALL = OUTPUTS | WORDS
TEMPLATES = st.lists(
    st.one_of(OUTPUTS, SMALL, blocks(SMALL), blocks(blocks(SMALL))), min_size=1, max_size=3
).map("".join)
TEXTS = st.one_of(
    st.sampled_from(
        ["", " ", "x", "Ann 5", "<b>&\"'", "https://a.test/?x=1&y=2", "a b", "\n", "\u2028",
         "\ud800", "a\r\nb", "2026-01-01", "javascript:x", "9" * 300, "y" * 20_000, "é"]
    ),
    st.text(max_size=5),
)  # fmt: skip
SIMPLE = st.one_of(
    TEXTS, st.none(), st.booleans(), st.integers(), st.floats(),
    st.sampled_from([0, -1, 10**40, 10**5000, Markup("<i>m</i>"), Odd("<o>"), 1e308, object, b"x"]),
)  # fmt: skip
VALUES = st.one_of(
    SIMPLE,
    st.lists(SIMPLE, max_size=3),
    st.tuples(SIMPLE),
    st.dictionaries(st.sampled_from(["d", "x", "size"]), SIMPLE),
    st.builds(MappingProxyType, st.dictionaries(st.just("d"), SIMPLE)),
)
NAMES = dict.fromkeys(["a", "b", "c", "list", "map", "a b"], VALUES)
DATA = st.fixed_dictionaries(NAMES) | st.fixed_dictionaries({}, optional=NAMES)
VARIABLES = st.fixed_dictionaries(
    {"data": DATA}, optional={"recipient": st.fixed_dictionaries({"name": SIMPLE})}
)


@settings(max_examples=600, deadline=None)
@given(source=TEMPLATES, html=st.booleans(), variables=VARIABLES)
def test_a_plan_says_what_the_nodes_say_or_nothing(source, html, variables):
    try:
        template = parse(source, html=html)
    except SourceError:
        return
    planned = Plan([template]).texts(variables)

    rendered = outcome(template.render, by_nodes(variables))
    assert planned is None or planned[0] in (None, rendered)


@settings(max_examples=300, deadline=None)
@given(subject=OUTPUTS, body=TEMPLATES, text=TEMPLATES, action=OUTPUTS, data=DATA, name=VALUES)
def test_a_message_is_the_same_by_its_plan_and_by_its_nodes(
    subject, body, text, action, data, name
):
    content = {"subject": subject + "s", "title": "t", "body": body + "b", "text": text + "t",
               "actions": [{"label": subject, "url": action}]}  # fmt: skip
    try:
        compiled = publish(content, channels=["email", "web_push", "sms"])
    except TemplateRejected:
        return
    variables = {"data": data, "recipient": {"name": name}}

    for channel in compiled["channels"]:
        planned = outcome(render, compiled, variables, channel=channel)
        assert planned == outcome(render, compiled, by_nodes(variables), channel=channel)


ANN = {
    "data": {"order": "A-1", "by": "Bicycle & Sons", "weight": 30, "gift": False, "note": None,
             "lines": [{"name": "pen", "n": 1}, {"name": "cup", "n": 2}]},
    "recipient": {"name": "Ann <3"},
    "links": {"view": "https://n.test/v/1"},
}  # fmt: skip


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("Hello {{ data.order }}{{ data.weight }}", "Hello A-130"),
        ("{{ recipient.name | default: 'friend' }}", "Ann &lt;3"),
        ("{{ data.who | default: 'friend' }}, {{ data.note | default: 'no' }}", "friend, no"),
        ("{{ data.who | default: '<i>you</i>' }}", "<i>you</i>"),
        ("{{ data.who | default: data.order | default: 'x' }}", "A-1"),
        ("{{ data.by | upcase | append: '!' }}", "BICYCLE &amp; SONS!"),
        ("{{ data.weight | plus: 1 }}", "31"),
        ("{{ links.view | _link }}", "https://n.test/v/1"),
        ("{{ data.lines[1].name }}{{ data.lines.size }}", "cup2"),
        ("{% if data.weight > 20 and data.by %}heavy{% else %}light{% endif %}", "heavy"),
        ("{% if data.gift %}a{% elsif data.order == 'A-1' %}b{% endif %}", "b"),
        ("{% if data.who == 'x' or data.who %}a{% else %}{{ data.by }}{% endif %}",
         "Bicycle &amp; Sons"),
        ("{% unless data.gift %}no {{ data.order }}{% endunless %}", "no A-1"),
        ("{% if data.weight %}  \n{% endif %}", ""),
        ("{% for i in data.lines %}{{ i.n }} {{ i.name }}, {% endfor %}", "1 pen, 2 cup, "),
        ("{% case data.order %}{% when 'A-1' %}one{% endcase %}{% comment %}x{% endcomment %}",
         "one"),
    ],
)  # fmt: skip
def test_what_is_usual_has_a_plan(source, expected):
    assert Plan([parse(source, html=True)]).texts(ANN) == [expected]


def test_what_two_texts_share_is_escaped_in_only_one_of_them():
    words = "{{ data.by }}, {{ data.by }}"
    plan = Plan([parse(words), parse(words, html=True), parse("{{ data.by }}")])

    plain, html = "Bicycle & Sons", "Bicycle &amp; Sons"
    assert plan.texts(ANN) == [f"{plain}, {plain}", f"{html}, {html}", plain]


@pytest.mark.parametrize(
    "source",
    [
        "{{ data.who }}",
        "{{ data.lines }}",
        "{{ data }}",
        "{{ data.order | divided_by: 0 }}",
        "{{ data.by | _link }}",
        "{{ data.long }}",
        "{{ data.long | default: 'x' }}",
        "{{ data.big | default: 'x' }}",
        "{% if data.order > 3 %}{% endif %}",
        "{% if data.weight %} {% if data.order > 3 %}{% endif %}{% endif %}",
        "{% for i in data.who %}{% endfor %}",
    ],
)
def test_what_is_unusual_is_left_to_the_nodes(source):
    data = {**ANN["data"], "long": "x" * 20_000, "big": 2**200}

    assert Plan([parse(source, html=True)]).texts({**ANN, "data": data}) is None


def test_a_template_that_names_things_has_no_plan_but_its_neighbour_has():
    templates = [parse("{% assign data = 1 %}{{ data }}"), parse("{{ data.order }}")]

    assert Plan(templates).texts(ANN) == [None, "A-1"]


def test_long_values_never_come_to_more_than_a_text_may_hold():
    template = parse("{{ data.x }}" * 600, html=True)
    plan = Plan([template])

    # Each value that is let through is so short that all of them, escaped, are held with ease.
    assert plan.texts({"data": {"x": "'" * 20_000}}) is None
    assert plan.texts({"data": {"x": "'" * 800}}) is None
    assert len(plan.texts({"data": {"x": "'" * 100}})[0]) == 300_000


def test_a_loop_of_a_plan_spends_no_more_than_the_nodes_may():
    rows = {"data": {"rows": list(range(150))}}
    loop = "{% for a in data.rows %}{% for b in data.rows %}{% endfor %}{% endfor %}"

    assert Plan([parse(loop * 2)]).texts(rows) == [parse(loop * 2).render(rows)] == [""]
    assert Plan([parse(loop * 3)]).texts(rows) is None
    with pytest.raises(LimitExceeded):
        parse(loop * 3).render(rows)
