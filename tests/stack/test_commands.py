"""The commands a person types, and the one line each says when it cannot go on."""

import json
import os
import socket
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from notifysite.stack import keys
from notifysite.stack.binaries import find_postgres, find_valkey
from notifysite.stack.console import Halt
from notifysite.stack.valkey import broker_url
from tests.stack.conftest import ROOT, LittleStack, clean_environment

Run = Callable[..., subprocess.CompletedProcess[str]]

ASK_BOTH_SERVERS = """
import os, sys, psycopg2, redis
cursor = psycopg2.connect(os.environ["DATABASE_URL"]).cursor()
for setting in ("fsync", "synchronous_commit", "listen_addresses", "data_checksums"):
    cursor.execute(f"SHOW {setting}")
    print(setting, "=", cursor.fetchone()[0])
client = redis.from_url(os.environ["REDIS_URL"])
for setting in ("appendonly", "appendfsync", "maxmemory-policy", "port"):
    print(setting, "=", client.config_get(setting)[setting])
sys.exit(7)
"""


def test_services_surround_a_command_with_durable_private_servers(run_stack: Run) -> None:
    done = run_stack("services", "--", sys.executable, "-c", ASK_BOTH_SERVERS)

    assert [line for line in done.stdout.splitlines() if " = " in line or line.endswith("=")] == [
        "fsync = on",
        "synchronous_commit = on",
        "listen_addresses = ",
        "data_checksums = on",
        "appendonly = yes",
        "appendfsync = everysec",
        "maxmemory-policy = noeviction",
        "port = 0",
    ]
    assert done.returncode == 7


def test_a_folder_of_any_length_and_a_foreign_pgport_do_no_harm(
    run_stack: Run, tmp_path: Path
) -> None:
    deep = tmp_path / "a folder with spaces" / ("x" * 200)
    query = "import os, psycopg2; psycopg2.connect(os.environ['DATABASE_URL']); print('connected')"

    words = ("services", "--var", str(deep), "--", sys.executable, "-c", query)
    done = run_stack(*words, PGPORT="6543")

    assert done.stdout.splitlines()[-1] == "connected"


def test_a_thrown_away_folder_is_gone_afterwards(run_stack: Run) -> None:
    script = "import os; print(os.environ['NOTIFYSITE_VAR'])"

    done = run_stack("services", "--", sys.executable, "-c", script)

    assert not Path(done.stdout.splitlines()[-1]).exists()


def test_servers_named_by_the_environment_are_used_as_they_are(run_stack: Run) -> None:
    script = "import os; print(*(os.environ[n] for n in ('DATABASE_URL', 'CELERY_BROKER_URL')))"
    given = {"DATABASE_URL": "postgres://db.test/n", "REDIS_URL": "redis://cache.test/3"}

    done = run_stack("services", "--", sys.executable, "-c", script, **given)

    assert done.stdout.splitlines() == ["postgres://db.test/n redis://cache.test/3"]


def test_a_second_start_says_who_holds_the_folder(little: LittleStack, run_stack: Run) -> None:
    little.start(LITTLE_BARE="1")

    done = run_stack("services", "--var", str(little.folder.path), "--", "true")

    assert done.returncode == 1
    reason, advice = done.stdout.splitlines()
    assert reason.startswith(
        f"notifysite: {little.folder.path} is in use by a little stack (process "
    )
    assert "make stop" in advice


def test_data_of_another_major_version_is_left_alone(run_stack: Run, tmp_path: Path) -> None:
    data = tmp_path / "var" / "postgres"
    data.mkdir(parents=True)
    (data / "PG_VERSION").write_text("11\n")

    done = run_stack("services", "--var", str(tmp_path / "var"), "--", "true")

    assert done.returncode == 1
    reason, advice = done.stdout.splitlines()
    assert reason.startswith("notifysite: the data was made by PostgreSQL 11, but found was ")
    assert "Install postgresql-11" in advice
    assert [path.name for path in data.iterdir()] == ["PG_VERSION"]


def test_a_busy_port_stops_before_anything_is_started(run_stack: Run, tmp_path: Path) -> None:
    with socket.socket() as door:
        door.bind(("127.0.0.1", 0))
        door.listen()
        port = door.getsockname()[1]

        done = run_stack("run", PORT=str(port))

    assert done.returncode == 1
    reason, advice = done.stdout.splitlines()[-2:]
    assert reason == f"notifysite: port {port} on 127.0.0.1 is not free"
    assert "make run PORT=" in advice
    assert not (tmp_path / "var" / "postgres").exists()


@pytest.mark.parametrize("word", ["http", "0", "65536", "-1"])
def test_a_port_that_is_none_is_refused(run_stack: Run, word: str) -> None:
    done = run_stack("run", PORT=word)

    assert done.returncode == 1
    assert done.stdout.splitlines()[0] == f"notifysite: PORT={word} is no port number"


def test_another_terminal_finds_and_stops_the_stack(little: LittleStack, run_stack: Run) -> None:
    little.start("sleeper=exec sleep 600")
    var = {"NOTIFYSITE_VAR": str(little.folder.path)}

    status = run_stack("status", **var)
    env = json.loads(little.folder.record.read_text())["env"]
    stopped = run_stack("stop", **var)

    assert status.returncode == 0
    running = [line.split()[0] for line in status.stdout.splitlines() if line.endswith("running")]
    assert running == ["supervisor", "postgres", "valkey", "sleeper"]
    assert {"DATABASE_URL", "REDIS_URL", "CELERY_BROKER_URL", "SECRET_KEY"} <= env.keys()
    assert stopped.stdout == "stopped\n"
    assert little.end() == 0
    assert run_stack("status", **var).returncode == 1
    assert json.loads(little.folder.record.read_text())["env"] == {}


def test_secrets_are_made_once_and_for_their_owner_only(tmp_path: Path) -> None:
    path = tmp_path / "secrets.json"

    first = keys.ensure(path)
    path.write_text(json.dumps({name: first[name] for name in first if name != "SECRET_KEY"}))
    path.chmod(0o600)
    second = keys.ensure(path)

    assert {name: second[name] for name in first if name != "SECRET_KEY"} == {
        name: first[name] for name in first if name != "SECRET_KEY"
    }
    assert second["SECRET_KEY"] != first["SECRET_KEY"]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_unreadable_secrets_are_never_replaced(tmp_path: Path) -> None:
    path = tmp_path / "secrets.json"
    path.write_text("{")

    with pytest.raises(Halt, match="cannot be read"):
        keys.ensure(path)

    assert path.read_text() == "{"


def test_a_shim_that_does_not_work_is_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("postgres", "valkey-server", "redis-server"):
        (tmp_path / name).write_text("#!/bin/sh\nexit 127\n")
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))

    postgres, valkey = find_postgres(recorded=None, made_by=None), find_valkey(recorded=None)

    assert postgres.version[0] >= 14
    assert tmp_path not in postgres.path.parents
    assert tmp_path not in valkey.path.parents


def test_celery_is_told_the_same_server_in_its_own_words() -> None:
    assert (
        broker_url("unix:///tmp/a/valkey.sock")
        == "redis+socket:///tmp/a/valkey.sock?virtual_host=1"
    )
    assert broker_url("rediss://cache.test:6380/2") == "rediss://cache.test:6380/2"


def test_the_environment_is_made_once(tmp_path: Path) -> None:
    script = tmp_path / "notifysite" / "stack" / "bootstrap.py"
    script.parent.mkdir(parents=True)
    script.write_bytes((ROOT / "notifysite" / "stack" / "bootstrap.py").read_bytes())
    (tmp_path / "requirements").mkdir()
    for name in ("base.txt", "embedded.txt"):
        (tmp_path / "requirements" / name).write_text("")
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"

    def bootstrap() -> str:
        words = [sys.executable, str(script), "embedded"]
        env = {**clean_environment(), "PATH": path}
        return subprocess.run(words, capture_output=True, text=True, check=True, env=env).stdout

    first, second = bootstrap(), bootstrap()

    assert "installing 0 packages" in first
    assert second == ""
    assert (tmp_path / ".venv" / "bin" / "python").exists()
