"""How settings are read from the environment."""

import os
from pathlib import Path

import pytest
from django.conf import settings

from notifysite.settings.env import env


def test_a_value_from_a_file_ends_before_its_newline(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "hosts").write_text("shop.example,mail.example\n")
    monkeypatch.setenv("SOME_HOSTS_FILE", str(tmp_path / "hosts"))

    assert env.list("SOME_HOSTS") == ["shop.example", "mail.example"]


def test_tests_that_run_side_by_side_have_queues_of_their_own() -> None:
    assert settings.NUDGE_QUEUES.endswith(os.environ.get("PYTEST_XDIST_WORKER", ""))
    assert settings.CELERY_TASK_QUEUES[0].name.startswith(settings.NUDGE_QUEUES)
