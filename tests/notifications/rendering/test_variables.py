"""What a source needs is known without running it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifications.rendering import paths
from notifications.rendering.variables import check, required, variables_used


@pytest.mark.parametrize(
    ("source", "used", "needed"),
    [
        ("{{ data.order.number }}", {"data.order.number"}, {"data.order.number"}),
        ("{{ recipient.name }}", {"recipient.name"}, set()),
        ("{{ data.a | default: 'x' }}", {"data.a"}, set()),
        ("{{ data.a | upcase | default: 'x' }}", {"data.a"}, {"data.a"}),
        ("{{ data.a | default: data.b }}", {"data.a", "data.b"}, set()),
        ("{% if data.a %}{{ data.a }}{% endif %}", {"data.a"}, set()),
        ("{% if data.a.b %}{{ data.a }}{% endif %}", {"data.a", "data.a.b"}, set()),
        ("{% if data.a %}{{ data.b }}{% endif %}", {"data.a", "data.b"}, set()),
        ("{% if data.a == 'x' %}{{ data.a }}{% endif %}", {"data.a"}, set()),
        ("{% unless data.a == nil %}{{ data.a }}{% endunless %}", {"data.a"}, set()),
        ("{% if data.a and data.b %}{{ data.a }}{{ data.b }}{% endif %}",
         {"data.a", "data.b"}, set()),
        ("{% if data.a or data.b %}{{ data.a }}{% endif %}{{ data.b }}", {"data.a", "data.b"},
         {"data.b"}),
        ("{% if data.a != nil %}{{ data.a }}{% elsif data.b %}{{ data.b }}{% else %}{{ data.c }}"
         "{% endif %}", {"data.a", "data.b", "data.c"}, set()),
        ("{% if data.a == nil or data.b == nil %}x{% else %}{{ data.a }}{{ data.b }}{% endif %}",
         {"data.a", "data.b"}, set()),
        ("{% if 'x' == data.a %}{% endif %}{% for i in data.l %}{% else %}{{ data.e }}{% endfor %}",
         {"data.a", "data.l", "data.e"}, {"data.l"}),
        ("{% for p in data.map %}{{ p[0] }}{% endfor %}", {"data.map", "data.map[][0]"},
         {"data.map", "data.map[][0]"}),
        ("{% if data.a %}1{% endif %}{{ data.a }}", {"data.a"}, {"data.a"}),
        (
            "{% for i in data.items %}{{ i.name }}{{ data.c }}{% endfor %}",
            {"data.items", "data.items[].name", "data.c"},
            {"data.items", "data.items[].name"},
        ),
        (
            "{% for i in data.items limit: 2 %}{{ i.name }}{% endfor %}",
            {"data.items", "data.items[].name"},
            {"data.items"},
        ),
        (
            "{% for r in data.rows %}{% for c in r.cells %}{{ c.v }}{% endfor %}{% endfor %}",
            {"data.rows", "data.rows[].cells", "data.rows[].cells[].v"},
            {"data.rows", "data.rows[].cells", "data.rows[].cells[].v"},
        ),
        (
            "{% assign o = data.order %}{{ o.id }}",
            {"data.order", "data.order.id"},
            {"data.order.id"},
        ),
        ("{% capture x %}{{ data.a }}{% endcapture %}{{ x }}", {"data.a"}, {"data.a"}),
        ("{{ data.p[data.q].r }}", {"data.p", "data.q"}, {"data.p", "data.q"}),
        ('{{ data["a b"][0].c }}', {'data["a b"][0].c'}, {'data["a b"][0].c'}),
        ("{% case data.k %}{% when data.m %}{{ data.z }}{% endcase %}",
         {"data.k", "data.m", "data.z"}, set()),
        ("{% raw %}{{ data.a }}{% endraw %}{% comment %}{{ data.b }}{% endcomment %}",
         set(), set()),
    ],
)  # fmt: skip
def test_variables_are_known_by_their_full_path(source, used, needed):
    assert variables_used(source) == used
    assert required(source) == needed


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("{{ name }}", "There is no variable name"),
        ("{{ user.name }}", "There is no variable user"),
        ("{{ recipient.email }}", "recipient has no email"),
        ("{{ links.home }}", "links has no home"),
        ("{{ digest.total }}", "digest has no total"),
        ("{{ data }}", "data needs a field"),
        ("{% if oops %}{% endif %}", "There is no variable oops"),
        ("{{ data.x | shout }}", "There is no filter named shout"),
    ],
)
def test_a_variable_or_filter_that_does_not_exist_is_a_problem(source, words):
    (problem,) = check(f"first line\n{source}", where="subject")

    assert words in problem.message
    assert (problem.level, problem.where, problem.line) == ("error", "subject", 2)


@pytest.mark.parametrize(
    "source",
    [
        "{{ data.anything.at.all }}",
        "{{ recipient.user_id }}{{ recipient.locale }}{{ recipient.timezone }}",
        "{{ recipient.attributes.plan | default: 'free' }}",
        "{{ actor.name }}{{ brand.address }}",
        "{{ links.preferences }}{{ links.unsubscribe }}{{ links.view }}{{ links.why }}",
        "{% for i in digest.items %}{{ i.title }}{% endfor %}{{ digest.count }}",
    ],
)
def test_what_every_template_may_use_is_no_problem(source):
    assert check(source) == []


def test_what_may_be_unknown_of_a_person_is_a_warning():
    (problem,) = check("Hi {{ recipient.name }}")

    assert problem.level == "warning"
    assert "add a default" in problem.message


@given(st.lists(st.one_of(st.text(min_size=1), st.integers(), st.just("[]")), min_size=1))
def test_a_path_survives_being_written(segments):
    assert paths.segments(paths.dotted(segments)) == tuple(segments)
