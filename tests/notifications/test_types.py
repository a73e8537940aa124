"""Types as they are now, though a process keeps what it has loaded."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from delivery.channels import EMAIL, IN_APP, SMS, every
from notifications.catalog import types
from notifications.catalog.publish import say
from notifications.models import NotificationType, Step, TemplateVersion, VersionState
from notifications.rendering import compile
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


GENERAL, OWN = {"title": "General", "body": "b"}, {"text": "Own"}


def words(kind, channel, locale, source):
    return say(kind, channel, locale, source, actor="test").pk


def test_words_for_every_channel_are_what_each_says_that_has_none_of_its_own():
    kind = make_type("order_late", steps=[{"channel": "sms"}, {"channel": "in_app"}], words={
        "sms": OWN, "general": GENERAL,
    })  # fmt: skip
    own, general = (kind.templates.get(channel=n).versions.get().pk for n in (SMS.number, 0))

    late = now("order_late")

    assert late.facts.templates == {spec.number for spec in every()}
    assert late.version(SMS.number, "en") == own
    assert late.version(IN_APP.number, "en") == general


def test_a_language_comes_before_a_channel():
    kind = make_type("order_late", steps=[{"channel": "sms"}], words={"sms": OWN})
    own_en = kind.templates.get().versions.get().pk
    general_de = words(kind, "general", "de", GENERAL)
    own_at = words(kind, "sms", "de-AT", OWN)
    words(kind, "general", "de-at", GENERAL)
    words(kind, "general", "en", GENERAL)

    late = now("order_late")

    read = {locale: late.version(SMS.number, locale) for locale in ("de-AT", "de-CH", "de", "fr")}
    assert read == {"de-AT": own_at, "de-CH": general_de, "de": general_de, "fr": own_en}


def test_whoever_reads_any_language_reads_the_channels_own_words(settings):
    settings.LANGUAGE_CODE = "it"
    kind = make_type("order_late", steps=[{"channel": "sms"}], words={"general": GENERAL})
    own_de = words(kind, "sms", "de", OWN)

    assert now("order_late").version(SMS.number, "fr") == own_de


def test_words_for_every_channel_that_are_retired_leave_a_channel_without_any():
    kind = make_type("order_late", steps=[{"channel": "sms"}], words={"general": GENERAL})
    now("order_late")
    TemplateVersion.objects.filter(template__type=kind).update(state=VersionState.RETIRED)

    assert now("order_late").facts.templates == frozenset()


def test_a_channel_that_came_later_has_no_words_until_they_are_published_again():
    kind = make_type("order_late", steps=[{"channel": "sms"}], words={"general": GENERAL})
    version = TemplateVersion.objects.get(template__type=kind)
    form = compile.publish(GENERAL, channels=["email", "sms"])
    version.state = VersionState.RETIRED
    version.save()
    TemplateVersion.objects.create(
        template=version.template, number=2, state=VersionState.PUBLISHED, source=GENERAL,
        compiled=form, published_at=timezone.now(),
    )  # fmt: skip

    assert now("order_late").facts.templates == {EMAIL.number, SMS.number}
