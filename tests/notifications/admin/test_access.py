"""Who may do what: each role against each deed, and nobody by accident."""

import itertools
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.auth.models import Group, User
from django.core.management import call_command
from django.test import Client
from django.urls import reverse

from delivery.models import Suppression
from notifications.admin import access
from notifications.models import Audience, Service
from notifications.words import Status
from tests import factories
from tests.notifications.admin.rows import MAKERS, a_delivery, a_notification

ROLES = ("Editors", "Operators", "Support")


def kind_url(page: str) -> str:
    kind = factories.make_type(steps=[{"channel": "sms"}])
    args = [kind.pk, "sms", "en"]
    return reverse(f"admin:notifications_notificationtype_{page}", args=args)


def version_url() -> str:
    kind = factories.make_type(steps=[{"channel": "sms"}])
    args = [kind.pk, "sms", "en", 1]
    return reverse("admin:notifications_notificationtype_version_restore", args=args)


def row_url(model: Any, page: str) -> str:
    meta = model._meta
    row = MAKERS[model]()
    return reverse(f"admin:{meta.app_label}_{meta.model_name}_{page}", args=[row.pk])


def key_url(page: str) -> str:
    key = factories.make_key().key
    return reverse(f"admin:notifications_service_{page}", args=[key.service_id, key.pk])


def notification_url() -> str:
    row = a_notification(status=Status.DONE)
    return reverse("admin:notifications_notification_cancel", args=[row.pk])


def sent_url() -> str:
    row = a_delivery()
    return reverse("admin:notifications_notification_sent", args=[row.notification_id, row.pk])


def steering_url() -> str:
    return reverse("admin:delivery_breaker_deed", args=["sms", "sandbox", "resume"])


def add_url() -> str:
    return reverse("admin:delivery_suppression_add")


DEEDS: dict[str, tuple[str, Callable[[], str], set[str]]] = {
    "read words": ("GET", lambda: kind_url("words"), {"Editors", "Operators"}),
    "write words": ("POST", lambda: kind_url("words"), {"Editors"}),
    "check words": ("POST", lambda: kind_url("check"), {"Editors", "Operators"}),
    "preview words": ("POST", lambda: kind_url("preview"), {"Editors", "Operators"}),
    "publish words": ("POST", lambda: kind_url("publish"), {"Editors"}),
    "restore words": ("POST", version_url, {"Editors"}),
    "see a layout": ("GET", lambda: row_url(_layout(), "source"), {"Editors", "Operators"}),
    "write a layout": ("POST", lambda: row_url(_layout(), "source"), {"Editors"}),
    "issue a key": ("GET", lambda: row_url(Service, "issue"), {"Operators"}),
    "see a key": ("GET", lambda: key_url("key"), {"Operators"}),
    "rotate a key": ("POST", lambda: key_url("rotate"), {"Operators"}),
    "revoke a key": ("POST", lambda: key_url("revoke"), {"Operators"}),
    "see a person": ("GET", lambda: row_url(_person(), "change"), {"Operators", "Support"}),
    "look somebody up": (
        "POST", lambda: reverse("admin:preferences_recipient_find"), {"Operators", "Support"},
    ),
    "reveal a person": ("POST", lambda: row_url(_person(), "reveal"), {"Support"}),
    "erase a person": ("POST", lambda: row_url(_person(), "erase"), {"Operators"}),
    "cancel": ("POST", notification_url, {"Operators"}),
    "cancel many": ("POST", lambda: row_url(Audience, "cancel"), {"Operators"}),
    "see an audience": ("GET", lambda: row_url(Audience, "change"), {"Operators", "Support"}),
    "read what was sent": ("GET", sent_url, {"Operators", "Support"}),
    "see a suppression": (
        "GET", lambda: row_url(Suppression, "change"), {"Operators", "Support"},
    ),
    "suppress": ("GET", add_url, {"Operators", "Support"}),
    "lift": ("POST", lambda: row_url(Suppression, "lift"), {"Operators", "Support"}),
    "import suppressions": (
        "GET", lambda: reverse("admin:delivery_suppression_import"), {"Operators", "Support"},
    ),
    "import prices": (
        "GET", lambda: reverse("admin:delivery_messageprice_import"), {"Operators"},
    ),
    "see providers": (
        "GET", lambda: reverse("admin:delivery_breaker_changelist"), set(ROLES),
    ),
    "steer a provider": ("POST", steering_url, {"Operators"}),
    "read the outbox": ("GET", lambda: row_url(_outbox(), "frame"), {"Operators"}),
}  # fmt: skip


def _layout() -> Any:
    return next(model for model in MAKERS if model.__name__ == "Layout")


def _person() -> Any:
    return next(model for model in MAKERS if model.__name__ == "Recipient")


def _outbox() -> Any:
    return next(model for model in MAKERS if model.__name__ == "OutboxMessage")


@pytest.mark.parametrize(
    ("role", "deed"), list(itertools.product(ROLES, DEEDS)), ids=lambda one: one.replace(" ", "_")
)
def test_a_role_may_do_just_what_it_is_for(
    staff: Callable[[str], Client], role: str, deed: str
) -> None:
    method, url, allowed = DEEDS[deed]
    response = staff(role).generic(method, url(), content_type="application/x-www-form-urlencoded")
    assert (response.status_code != 403) is (role in allowed), response.status_code
    assert response.status_code < 500


SEEN = {
    "Editors": {"Breaker", "Category", "Layout", "NotificationType", "Template", "Topic"},
    "Operators": {
        "Category", "Layout", "NotificationType", "Template", "Topic", "Recipient", "Suppression",
        "CallbackEndpoint", "Attachment",
        "Notification", "Audience", "Delivery", "Breaker", "OutboxMessage", "Route", "Heartbeat",
        "MessagePrice",
        "AuditEntry",
        "Service", "PeriodicTask", "CrontabSchedule", "IntervalSchedule", "SolarSchedule",
        "ClockedSchedule",
    },
    "Support": {
        "Breaker", "Category", "Topic", "Recipient", "Suppression", "Notification", "Delivery",
        "Audience",
        "CallbackEndpoint", "Attachment",
    },
}  # fmt: skip


@pytest.mark.parametrize("role", ROLES)
def test_a_role_sees_just_the_tables_it_works_with(
    staff: Callable[[str], Client], role: str
) -> None:
    client = staff(role)
    seen = set()
    for model in admin.site._registry:
        meta = model._meta
        url = reverse(f"admin:{meta.app_label}_{meta.model_name}_changelist")
        if client.get(url).status_code == 200:
            seen.add(model.__name__)
    assert seen == SEEN[role]


@pytest.mark.parametrize("role", ROLES)
def test_every_role_has_a_first_page(staff: Callable[[str], Client], role: str) -> None:
    assert staff(role).get("/admin/").status_code == 200


def test_a_role_without_replay_is_not_offered_it(staff: Callable[[str], Client]) -> None:
    row = a_delivery()
    url = reverse("admin:delivery_delivery_changelist")
    staff("Support").post(url, {"action": "replay", "_selected_action": [str(row.pk)]})
    row.refresh_from_db()
    assert row.state == 15


@pytest.mark.django_db
def test_nobody_comes_in_without_being_staff(client: Client) -> None:
    client.force_login(User.objects.create_user("ann"))
    for model in MAKERS:
        meta = model._meta
        url = reverse(f"admin:{meta.app_label}_{meta.model_name}_changelist")
        assert client.get(url).status_code == 302


@pytest.mark.django_db
def test_the_command_makes_the_groups_what_they_are_meant_to_be() -> None:
    call_command("staff_groups", verbosity=0)
    Group.objects.get(name="Editors").permissions.clear()
    call_command("staff_groups", verbosity=0)
    editors = Group.objects.get(name="Editors").permissions.all()
    assert editors.count() == len(access.ROLES["Editors"])
    assert not editors.filter(content_type__model__in=["apikey", "service", "user"]).exists()


def test_roles_name_no_right_over_staff() -> None:
    named = {permission for role in access.ROLES.values() for permission in role}
    assert [one for one in named if one.startswith("auth.")] == []
