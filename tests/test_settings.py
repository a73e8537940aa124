"""How settings are read from the environment."""

from pathlib import Path

import pytest

from notifysite.settings.env import env


def test_a_value_from_a_file_ends_before_its_newline(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "hosts").write_text("shop.example,mail.example\n")
    monkeypatch.setenv("SOME_HOSTS_FILE", str(tmp_path / "hosts"))

    assert env.list("SOME_HOSTS") == ["shop.example", "mail.example"]
