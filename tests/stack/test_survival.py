"""A kill -9 loses nothing and hinders no next start."""

import os
import shutil
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from tests.stack.conftest import LittleStack, all_gone, wait_until

SLEEPER = "sleeper=exec sleep 600"


def test_every_child_dies_with_the_supervisor(little: LittleStack) -> None:
    little.start(SLEEPER)
    running = little.processes()

    little.kill()

    assert sorted(running) == ["postgres", "sleeper", "supervisor", "valkey"]
    wait_until(lambda: all_gone(running), "all children were gone")


def test_data_is_there_after_everything_was_killed_again_and_again(little: LittleStack) -> None:
    little.start(SLEEPER)
    little.sql("CREATE TABLE kept (number int)")
    for number in range(3):
        little.sql(f"INSERT INTO kept VALUES ({number})")
        running = little.processes()
        little.kill_everything()
        wait_until(lambda now=running: all_gone(now), "all of it was gone")
        little.start(SLEEPER)

    assert little.sql("SELECT number FROM kept ORDER BY number") == [(0,), (1,), (2,)]


def test_what_a_kill_left_running_is_ended_by_the_next_start(
    little: LittleStack, tmp_path: Path
) -> None:
    without_ties = {"PATH": f"{broken_program(tmp_path, 'setpriv')}:{os.environ['PATH']}"}
    little.start(SLEEPER, **without_ties)
    little.sql("CREATE TABLE kept (number int)")
    left = {name: one for name, one in little.processes().items() if name != "supervisor"}

    little.kill()
    assert not all_gone(left)
    little.start(SLEEPER, **without_ties)

    assert all_gone(left)
    assert little.says(
        f"sleeper was left running by a killed stack (pid {left['sleeper'].pid}); ended"
    )
    assert little.sql("SELECT count(*) FROM kept") == [(0,)]


def test_a_postgres_the_record_does_not_know_is_ended_too(
    little: LittleStack, tmp_path: Path
) -> None:
    without_ties = {"PATH": f"{broken_program(tmp_path, 'setpriv')}:{os.environ['PATH']}"}
    little.start(**without_ties)
    left = little.processes()
    little.kill()
    little.folder.record.unlink()
    os.kill(left["valkey"].pid, signal.SIGTERM)

    little.start(**without_ties)

    assert all_gone(left)
    assert little.sql("SELECT 1") == [(1,)]


def test_a_stale_pid_that_is_someone_elses_now_does_not_hinder(little: LittleStack) -> None:
    little.start()
    little.kill_everything()
    other = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    for stale in (
        little.folder.path / "postgres" / "postmaster.pid",
        little.folder.sockets / ".s.PGSQL.5432.lock",
    ):
        words = stale.read_text().split("\n", 1)
        stale.write_text(f"{other.pid}\n{words[1]}")

    little.start()

    assert little.sql("SELECT 1") == [(1,)]
    assert other.poll() is None
    other.communicate(b"\n")


def test_half_a_database_is_made_again(little: LittleStack) -> None:
    little.launch()

    def drafts() -> list[Path]:
        return list(little.folder.path.glob("postgres.new-*"))

    wait_until(drafts, "the database was being made")
    little.kill()

    little.start()

    assert little.sql("SELECT current_database()") == [("notifysite",)]
    assert drafts() == []


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may become nobody")
def test_where_user_namespaces_are_refused_postgres_runs_as_nobody(
    little: LittleStack, tmp_path: Path
) -> None:
    refused = {"PATH": f"{broken_program(tmp_path, 'unshare')}:{os.environ['PATH']}"}

    little.start(**refused)
    little.sql("CREATE TABLE kept (number int)")
    little.kill_everything()
    little.start(**refused)

    postgres = little.processes()["postgres"]
    assert Path(f"/proc/{postgres.pid}").stat().st_uid == 65534
    assert little.sql("SHOW data_directory") == [(str(little.folder.hidden / "postgres"),)]
    assert little.sql("SELECT count(*) FROM kept") == [(0,)]
    little.stop()
    shutil.rmtree(little.folder.hidden)
    with suppress(OSError):  # another installation may keep its data there
        little.folder.hidden.parent.rmdir()


def broken_program(folder: Path, name: str) -> Path:
    """A folder for PATH in which a program refuses to work, as some machines have it."""
    program = folder / "broken" / name
    program.parent.mkdir()
    program.write_text("#!/bin/sh\nexit 1\n")
    program.chmod(0o755)
    return program.parent
