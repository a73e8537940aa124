"""Types as they are now, though a process keeps what it has loaded."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from delivery.channels import SMS
from notifications.catalog import types
from notifications.models import NotificationType, Step, TemplateVersion, VersionState
from preferences.models import Category
from tests.factories import make_type

pytestmark = pytest.mark.django_db


@pytest.fixture
def kind():
    return make_type("order_shipped")


def now(key="order_shipped"):
    return types.by_keys([key])[key]


def test_what_has_not_changed_is_asked_for_in_one_statement(kind):
    before = now()
    with CaptureQueriesContext(connection) as said:
        assert now() is before
    assert len(said) == 1


CHANGES = {
    "its row": lambda kind: NotificationType.objects.update(active=False),
    "a step more": lambda kind: Step.objects.create(type=kind, position=9, channel=SMS.number),
    "a step's wait": lambda kind: Step.objects.update(wait_seconds=60),
    "a step less": lambda kind: Step.objects.all().delete(),
    "words retired": lambda kind: TemplateVersion.objects.update(state=VersionState.RETIRED),
    "words gone": lambda kind: TemplateVersion.objects.all().delete(),
    "its category": lambda kind: Category.objects.update(mandatory=True),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_a_change_is_seen_at_once(kind, change):
    before = now()
    change(kind)
    assert now() != before


def test_a_change_of_another_type_is_none_of_this_one(kind):
    before = now()
    make_type("order_confirmed")
    NotificationType.objects.exclude(id=kind.id).update(active=False)
    assert now() is before


def test_a_type_that_is_gone_is_missing(kind):
    now()
    kind.delete()
    assert types.by_keys(["order_shipped"]) == {}
    assert types.load([kind.id]) == {}
