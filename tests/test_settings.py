"""How settings are read from the environment."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from notifysite.settings.env import env, log_level, redis_url


def test_a_value_from_a_file_ends_before_its_newline(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "hosts").write_text("shop.example,mail.example\n")
    monkeypatch.setenv("SOME_HOSTS_FILE", str(tmp_path / "hosts"))

    assert env.list("SOME_HOSTS") == ["shop.example", "mail.example"]


@pytest.mark.parametrize("secret", ["$ecret", "pa$$word", "\\$x\\\\$", "$"])
def test_a_secret_with_a_dollar_sign_is_no_name_of_a_variable(
    secret: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOME_SECRET", secret)

    assert env("SOME_SECRET", default="") == secret


def fault(
    read: Callable[[str], object], url: str, monkeypatch: pytest.MonkeyPatch
) -> BaseException:
    """What is said of a URL that cannot be read; its password, pw, is not."""
    monkeypatch.setenv("SOME_URL", url)
    with pytest.raises(ImproperlyConfigured) as caught:
        read("SOME_URL")
    assert "pw" not in str(caught.value).replace("password", "")
    return caught.value


@pytest.mark.parametrize(
    "url", ["pw", "smtp://ann:hush#pw@mail.example", "hush://pw", "smtp://h:pw"]
)
def test_an_unreadable_mail_server_is_named_by_its_variable_and_not_shown(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = fault(env.email_url, url, monkeypatch)
    assert str(found).startswith("SOME_URL is no URL such as smtp")
    assert found.__suppress_context__


@pytest.mark.parametrize("url", ["", "pw", "mysql://pw/shop", "postgres://ann:hush@db:pw/shop"])
@pytest.mark.filterwarnings("ignore:Engine not recognized")
def test_an_unreadable_database_is_named_by_its_variable_and_not_shown(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = fault(env.db, url, monkeypatch)
    assert str(found).startswith("SOME_URL is no URL such as postgres")
    assert found.__context__ is None


def test_what_is_no_number_is_named_by_its_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOME_NUMBER", "many")

    with pytest.raises(ImproperlyConfigured, match=r"^SOME_NUMBER cannot be read"):
        env.int("SOME_NUMBER", default=1)


@pytest.mark.parametrize(("name", "cast"), [("A_REDIS", redis_url), ("A_LEVEL", log_level)])
def test_what_is_no_redis_or_no_level_is_named_by_its_variable(
    name: str, cast: Callable[[str], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, "loud")

    with pytest.raises(ImproperlyConfigured, match=f"^{name} cannot be read"):
        env(name, cast=cast)


@pytest.mark.parametrize("url", ["redis://h/0", "rediss://u:p@h:6380/1", "unix:///run/redis.sock"])
def test_a_redis_is_reached_by_tcp_tls_or_socket(url: str) -> None:
    assert redis_url(url) == url


def test_a_level_of_logging_is_taken_in_any_case() -> None:
    assert log_level("debug") == "DEBUG"


def test_tests_that_run_side_by_side_have_queues_of_their_own() -> None:
    assert settings.NUDGE_QUEUES.endswith(os.environ.get("PYTEST_XDIST_WORKER", ""))
    assert settings.CELERY_TASK_QUEUES[0].name.startswith(settings.NUDGE_QUEUES)
