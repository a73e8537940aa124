"""The demo's shop: its words are fit to be read, and making it again changes nothing."""

import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.apps import apps
from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import transaction

from delivery import channels
from notifications.catalog import checks, publish, types
from notifications.demo import access, content, entry, files, people
from notifications.models import (
    ApiKey,
    NotificationType,
    Service,
    Template,
    TemplateVersion,
)
from notifications.rendering.render import render
from notifications.rendering.schema import validate
from notifications.services import keys
from notifications.words import Mode
from preferences.models import Address, Category, Recipient

LINKS = {
    name: f"http://testserver/{name}/t/" for name in ("preferences", "unsubscribe", "view", "why")
}
BRAND = {
    "name": "Juniper",
    "url": "http://testserver/demo/",
    "address": "Juniper Plants, 12 Garden Row, Exampletown",
    "support": "hello@juniper.example",
}


@pytest.fixture(scope="module")
def shop(django_db_setup: None, django_db_blocker: Any) -> Iterator[None]:
    """The content, made once for this module: each test's own transaction lies inside this one."""
    with django_db_blocker.unblock(), transaction.atomic():
        content.make()
        yield
        transaction.set_rollback(True)


@pytest.fixture
def demo_env(db: None, shop: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv("NOTIFYSITE_ADMIN_USER", raising=False)
    monkeypatch.setenv("NOTIFYSITE_ADMIN_PASSWORD", "not so secret")
    return tmp_path / "demo.env"


def fill_in(path: Path) -> dict[str, str]:
    call_command("demo_content", file=path)
    return access.read(path)


def all_rows() -> dict[str, list[dict[str, Any]]]:
    models = [model for model in apps.get_models(include_auto_created=True) if model._meta.managed]
    return {
        model._meta.label: list(model._base_manager.order_by("pk").values()) for model in models
    }


def test_a_second_run_changes_nothing(demo_env: Path) -> None:
    fill_in(demo_env)
    before, text = all_rows(), demo_env.read_text()

    fill_in(demo_env)

    assert all_rows() == before
    assert demo_env.read_text() == text


def test_the_file_says_how_to_get_in_and_only_its_owner_reads_it(demo_env: Path) -> None:
    said = fill_in(demo_env)

    assert list(said) == [
        "NOTIFYSITE_URL",
        "NOTIFYSITE_API_KEY",
        "NOTIFYSITE_TEST_KEY",
        "NOTIFYSITE_ADMIN_USER",
        "NOTIFYSITE_ADMIN_PASSWORD",
        "NOTIFYSITE_DEMO_USER_ID",
    ]
    assert said["NOTIFYSITE_URL"] == "http://testserver"
    assert stat.S_IMODE(demo_env.stat().st_mode) == 0o600
    admin = get_user_model().objects.get(username=said["NOTIFYSITE_ADMIN_USER"])
    assert admin.is_superuser
    assert admin.check_password("not so secret")
    assert admin.recipient.user_id == said["NOTIFYSITE_DEMO_USER_ID"]


def test_keys_that_work_are_kept_and_lost_ones_replaced(demo_env: Path) -> None:
    first = fill_in(demo_env)
    shop_service = Service.objects.get(key="shop")

    demo_env.write_text(f"NOTIFYSITE_API_KEY={first['NOTIFYSITE_API_KEY']}\n")
    second = fill_in(demo_env)

    assert second["NOTIFYSITE_API_KEY"] == first["NOTIFYSITE_API_KEY"]
    assert second["NOTIFYSITE_TEST_KEY"] != first["NOTIFYSITE_TEST_KEY"]
    assert access.works(second["NOTIFYSITE_TEST_KEY"], shop_service, Mode.TEST)
    assert not access.works(first["NOTIFYSITE_TEST_KEY"], shop_service, Mode.TEST)
    assert ApiKey.objects.filter(service=shop_service, revoked_at=None).count() == 2


def test_a_revoked_key_is_replaced(demo_env: Path) -> None:
    first = fill_in(demo_env)
    key = keys.find(first["NOTIFYSITE_API_KEY"])
    assert key is not None
    keys.revoke(key)

    assert fill_in(demo_env)["NOTIFYSITE_API_KEY"] != first["NOTIFYSITE_API_KEY"]


def test_without_a_password_it_says_what_is_missing(
    demo_env: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("NOTIFYSITE_ADMIN_PASSWORD")

    with pytest.raises(CommandError, match="NOTIFYSITE_ADMIN_PASSWORD"):
        fill_in(demo_env)


def test_what_people_changed_stays(demo_env: Path) -> None:
    fill_in(demo_env)
    kind = NotificationType.objects.get(key="order_shipped")
    publish.say(kind, "in_app", "en", {"title": "Off it went", "body": "Bye"}, actor="editor")
    Category.objects.filter(key="orders").update(name="Purchases")
    Recipient.objects.filter(user_id=people.FIRST).update(locale="de")

    fill_in(demo_env)

    version = TemplateVersion.objects.get(
        template__type=kind, template__channel=5, template__locale="en", state=3
    )
    assert version.source["title"] == "Off it went"
    assert Category.objects.get(key="orders").name == "Purchases"
    assert Recipient.objects.get(user_id=people.FIRST).locale == "de"


def test_people_can_be_reached_on_every_channel_at_any_hour(demo_env: Path) -> None:
    fill_in(demo_env)

    assert list(Recipient.objects.order_by("user_id").values_list("user_id", "locale")) == [
        ("customer-1001", "en"),
        ("customer-1002", "en"),
        ("customer-1003", "de"),
    ]
    assert not Recipient.objects.exclude(quiet_hours=None).exists()
    addressed = {spec.number for spec in channels.every() if spec.addressed}
    for person in Recipient.objects.all():
        in_use = Address.objects.filter(recipient=person, retired_at=None)
        assert set(in_use.values_list("channel", flat=True)) == addressed


@pytest.mark.parametrize("said", files.types(), ids=lambda said: said.key)
def test_a_types_sample_satisfies_its_schema(said: files.TypeFile) -> None:
    assert validate(said.sample_data, said.data_schema) == []


@pytest.mark.django_db
@pytest.mark.parametrize("said", files.types(), ids=lambda said: said.key)
def test_nothing_published_has_a_fault_worth_a_word(shop: None, said: files.TypeFile) -> None:
    versions = TemplateVersion.objects.filter(template__type__key=said.key)

    assert [problem for version in versions for problem in publish.problems(version)] == []


@pytest.mark.django_db
@pytest.mark.parametrize("said", files.types(), ids=lambda said: said.key)
def test_every_message_can_be_rendered_in_both_languages(shop: None, said: files.TypeFile) -> None:
    kind = types.by_keys([said.key]).get(said.key)
    assert kind is not None
    checks.check_data(said.sample_data, kind, channels=kind.channels())
    for (number, locale), version in kind.versions.items():
        reader = {"user_id": "u", "name": "Sam", "locale": locale, "timezone": "Europe/Berlin"}
        compiled = TemplateVersion.objects.get(id=version).compiled
        variables = {"data": said.sample_data, "recipient": reader, "brand": BRAND, "links": LINKS}

        rendered = render(compiled, variables, channel=channels.by_number(number).key)

        assert rendered.title or rendered.subject or rendered.text
        assert "{{" not in f"{rendered}"
    spoken = Template.objects.filter(type_id=kind.id).values_list("locale", flat=True)
    assert set(spoken) == {"en", "de"}
    assert {step["channel"] for step in said.steps} - {"preferred"} <= {
        channels.by_number(number).key for number, _ in kind.versions
    }


@pytest.mark.django_db
def test_a_letter_offers_the_way_out_and_a_notice_of_security_does_not(shop: None) -> None:
    for key, offered in (("order_shipped", True), ("sign_in_code", False)):
        version = TemplateVersion.objects.get(
            template__type__key=key, template__channel=1, template__locale="de"
        )
        html = version.compiled["channels"]["email"]["parts"]["html"]
        assert ("links.unsubscribe" in html) is offered
        assert "links.preferences" in html
        assert "brand.address" in html


@pytest.mark.parametrize(("port", "url"), [("8001", "http://new"), (None, "http://old")])
def test_what_a_shell_remembers_of_another_stack_is_not_asked(
    settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, port: str | None, url: str
) -> None:
    settings.NOTIFYSITE_VAR, settings.EMBEDDED = tmp_path, True
    access.write(tmp_path / "demo.env", {"NOTIFYSITE_URL": "http://new"})
    monkeypatch.setenv("NOTIFYSITE_URL", "http://old")
    if port:
        monkeypatch.setenv("PORT", port)
    else:
        monkeypatch.delenv("PORT", raising=False)

    assert entry.variables()["NOTIFYSITE_URL"] == url
