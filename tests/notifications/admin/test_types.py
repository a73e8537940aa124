"""Types and their steps: checked where they are written, with pointers to what is wrong."""

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from delivery.lifecycle import Uncertain
from delivery.models import AuditEntry
from notifications.models import Condition, NotificationType
from preferences.models import CategoryKind
from tests import factories
from tests.notifications.admin.rows import pretty

EXPRESSION = {"path": "data.total", "is": "gt", "value": 100}


def form(kind: NotificationType, steps: list[dict[str, Any]], **said: Any) -> dict[str, Any]:
    old = list(kind.steps.all())
    values: dict[str, Any] = {
        "name": kind.name,
        "category": kind.category_id,
        "priority": kind.priority,
        "active": "on",
        "email_interrupts": "on",
        "data_schema": pretty(kind.data_schema),
        "sample_data": pretty(kind.sample_data),
        "uncertain": kind.uncertain,
        "over_cap": kind.over_cap,
        "steps-TOTAL_FORMS": len(steps),
        "steps-INITIAL_FORMS": len(old),
        **said,
    }
    for index, step in enumerate(steps):
        own = {"id": old[index].pk if index < len(old) else "", "type": kind.pk}
        defaults = {"wait_seconds": 0, "condition": Condition.ALWAYS, "expression": ""}
        for name, value in {**own, **defaults, **step}.items():
            values[f"steps-{index}-{name}"] = value
    return values


def change(kind: NotificationType) -> str:
    return reverse("admin:notifications_notificationtype_change", args=[kind.pk])


@pytest.fixture
def kind(db: None) -> NotificationType:
    return factories.make_type(steps=[{"channel": "email"}, {"channel": "sms"}])


def test_two_steps_swap_places(desk: Client, kind: NotificationType) -> None:
    steps = [{"position": 2, "channel": 1}, {"position": 1, "channel": 2}]
    assert desk.post(change(kind), form(kind, steps)).status_code == 302
    assert [(step.position, step.channel) for step in kind.steps.all()] == [(1, 2), (2, 1)]


def test_a_place_is_taken_once(desk: Client, kind: NotificationType) -> None:
    steps = [{"position": 1, "channel": 1}, {"position": 1, "channel": 2}]
    response = desk.post(change(kind), form(kind, steps))
    assert "Two steps have the same place in the order." in response.content.decode()
    assert [step.position for step in kind.steps.all()] == [1, 2]


def test_a_step_is_taken_away_and_another_put_in_its_place(
    desk: Client, kind: NotificationType
) -> None:
    steps = [
        {"position": 1, "channel": 1},
        {"position": 2, "channel": 2, "DELETE": "on"},
        {"position": 2, "channel": 5},
    ]
    assert desk.post(change(kind), form(kind, steps)).status_code == 302
    assert [(step.position, step.channel) for step in kind.steps.all()] == [(1, 1), (2, 5)]


@pytest.mark.parametrize(
    ("expression", "complaint"),
    [
        ('{"all": []}', "/all: must be a list with at least one condition"),
        ('{"path": "recipent.x", "is": "eq", "value": 1}', "/path: must start with"),
        ("", "Write the expression that must hold."),
        ("{broken", "Enter a valid JSON."),
    ],
)
def test_an_expression_is_checked(
    desk: Client, kind: NotificationType, expression: str, complaint: str
) -> None:
    step = {"position": 1, "channel": 1, "condition": Condition.EXPRESSION}
    steps = [{**step, "expression": expression}, {"position": 2, "channel": 2}]
    response = desk.post(change(kind), form(kind, steps))
    assert complaint in response.content.decode()


def test_an_expression_is_kept_only_where_it_is_asked_for(
    desk: Client, kind: NotificationType
) -> None:
    steps = [
        {
            "position": 1,
            "channel": 1,
            "condition": Condition.EXPRESSION,
            "expression": pretty(EXPRESSION),
        },
        {"position": 2, "channel": 2, "expression": pretty(EXPRESSION)},
    ]
    assert desk.post(change(kind), form(kind, steps)).status_code == 302
    assert [step.expression for step in kind.steps.all()] == [EXPRESSION, None]


@pytest.mark.parametrize(
    ("said", "complaint"),
    [
        ({"data_schema": '{"type": "nope"}'}, "/type: "),
        (
            {"data_schema": '{"properties": {"a": {"pattern": "(a+)+"}}}'},
            "/properties/a/pattern: ",
        ),
        ({"data_schema": '{"required": ["a"]}'}, "/a: This is missing."),
        ({"batch": '{"key": "data.post"}'}, "Write {&quot;key&quot;"),
        ({"batch": '{"key": "data.post", "window": -1, "max": 2}'}, "are whole numbers"),
    ],
)
def test_data_and_policies_are_checked(
    desk: Client, kind: NotificationType, said: dict[str, str], complaint: str
) -> None:
    steps = [{"position": 1, "channel": 1}, {"position": 2, "channel": 2}]
    response = desk.post(change(kind), form(kind, steps, **said))
    assert response.status_code == 200
    assert complaint in response.content.decode()


def test_the_key_of_a_type_never_changes(desk: Client, kind: NotificationType) -> None:
    steps = [{"position": 1, "channel": 1}, {"position": 2, "channel": 2}]
    desk.post(change(kind), form(kind, steps, key="another", name="Another name"))
    before = kind.key
    kind.refresh_from_db()
    assert (kind.key, kind.name) == (before, "Another name")


def test_what_was_changed_is_in_the_audit_trail_by_name_only(
    desk: Client, kind: NotificationType
) -> None:
    steps = [{"position": 1, "channel": 1}, {"position": 2, "channel": 2}]
    desk.post(change(kind), form(kind, steps, name="Secret plans"))
    entry = AuditEntry.objects.get(action="notificationtype.changed")
    assert entry.target == f"notificationtype:{kind.pk}"
    assert entry.detail == {"fields": ["Name"]}


@pytest.mark.parametrize(
    ("said", "complaint"),
    [
        ({"data_schema": '{"properties": {"code": {"x-sensitive": true}}}'}, "carries secrets"),
        ({"uncertain": Uncertain.STOP}, "must never be sent twice"),
        ({"category": "security"}, "Mail of a security category is not tracked"),
    ],
)
def test_what_must_not_be_tracked_cannot_be(
    desk: Client, kind: NotificationType, said: dict[str, Any], complaint: str
) -> None:
    if "category" in said:
        category = factories.make_category(kind=CategoryKind.SECURITY)
        said = {"category": category.pk}
    steps = [{"position": 1, "channel": 1}, {"position": 2, "channel": 2}]
    response = desk.post(change(kind), form(kind, steps, tracking="on", **said))
    assert complaint in response.content.decode()
    assert not NotificationType.objects.get().tracking


def test_a_type_can_be_tracked(desk: Client, kind: NotificationType) -> None:
    steps = [{"position": 1, "channel": 1}, {"position": 2, "channel": 2}]
    assert desk.post(change(kind), form(kind, steps, tracking="on")).status_code == 302
    assert NotificationType.objects.get().tracking
