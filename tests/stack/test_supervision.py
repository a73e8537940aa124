"""How children are started, kept, and stopped."""

import os
import signal
import time
from pathlib import Path

from notifysite.stack.identity import Identity, identify, is_running
from tests.stack.conftest import LittleStack, all_gone, wait_until

BARE = {"LITTLE_BARE": "1"}  # no servers: these tests are about children only


def test_a_child_that_dies_is_started_again_and_one_line_says_so(
    little: LittleStack, tmp_path: Path
) -> None:
    lives = tmp_path / "lives"
    little.start(f"clock=echo $$ >> {lives}; exec sleep 600", **BARE)
    wait_until(lambda: len(_lines(lives)) == 1, "the child had begun")

    os.kill(int(_lines(lives)[0]), signal.SIGKILL)

    wait_until(lambda: len(_lines(lives)) == 2, "the child had begun again")
    said = [line for line in little.output().splitlines() if "clock ended" in line]
    assert len(said) == 1
    assert "clock ended (signal SIGKILL) after " in said[0]
    assert said[0].endswith(f"again in 0.5 s. See {little.folder.log('clock')}")


def test_postgres_itself_comes_back_with_its_data(little: LittleStack) -> None:
    little.start()
    little.sql("CREATE TABLE kept (number int)")
    first = little.processes()["postgres"]

    os.kill(first.pid, signal.SIGKILL)

    def again() -> bool:
        return little.processes()["postgres"] != first

    wait_until(again, "PostgreSQL ran again")
    wait_until(lambda: _answers(little), "PostgreSQL answered again")
    assert little.sql("SELECT count(*) FROM kept") == [(0,)]


def test_children_stop_in_reverse_and_the_servers_last(little: LittleStack, tmp_path: Path) -> None:
    ends, socket = tmp_path / "ends", little.folder.sockets / ".s.PGSQL.5432"
    names = ("first", "second", "third")
    little.start(*(f"{name}={_says_goodbye(name, ends, socket)}" for name in names))
    wait_until(lambda: len(_lines(ends)) == 3, "the children had begun")

    assert little.stop() == 0

    ended = [f"{name} ended, PostgreSQL there" for name in reversed(names)]
    assert _lines(ends)[3:] == ended
    assert not little.folder.sockets.exists()


def test_a_child_that_does_not_end_is_killed_after_the_grace(little: LittleStack) -> None:
    stubborn = "stubborn=trap '' TERM; while true; do sleep 0.1; done"
    little.start(stubborn, LITTLE_GRACE="0.5", **BARE)
    running = little.processes()

    assert little.stop() == 0

    assert little.says("stubborn does not end; killed")
    assert all_gone(running)


def test_what_a_child_started_itself_does_not_outlive_it(
    little: LittleStack, tmp_path: Path
) -> None:
    note = tmp_path / "grandchild"
    little.start(f"parent=sleep 600 & echo $! > {note}; wait", **BARE)
    wait_until(lambda: _lines(note), "the grandchild had begun")
    grandchild = identify(int(_lines(note)[0]))
    assert grandchild is not None

    little.stop()

    wait_until(lambda: not is_running(grandchild), "the grandchild was gone")


def test_a_child_that_cannot_start_ends_the_start_with_its_last_words(little: LittleStack) -> None:
    little.launch("broken=echo the disk is full; exit 3", LITTLE_WAIT="1", **BARE)

    assert little.end() == 1

    *_, words, log, reason = little.output().splitlines()
    assert words.strip() == "the disk is full"
    assert log.strip() == f"(from {little.folder.log('broken')})"
    assert reason == "notifysite: broken does not start"


def test_servers_that_cannot_start_end_the_stack_with_their_last_words(little: LittleStack) -> None:
    little.start()
    little.stop()
    (little.folder.path / "postgres" / "global" / "pg_control").write_bytes(b"")

    little.launch()

    assert little.end() == 1
    assert little.says("notifysite: postgres does not start")
    assert little.says("pg_control")
    assert little.processes() == {}


def test_a_pid_that_is_someone_elses_now_is_not_ours() -> None:
    me = identify(os.getpid())
    assert me is not None

    assert is_running(me)
    assert not is_running(Identity(me.pid, "an earlier boot:1", me.command))


def test_a_wrapper_that_became_its_command_is_still_the_same() -> None:
    me = identify(os.getpid())
    assert me is not None

    assert is_running(Identity(me.pid, me.started, ("setpriv", "--pdeathsig", "TERM", *me.command)))
    assert is_running(Identity(me.pid, me.started, ("sh", "-c", "exec something")))


def _says_goodbye(name: str, ends: Path, socket: Path) -> str:
    goodbye = f"test -S {socket} && echo {name} ended, PostgreSQL there >> {ends}; exit"
    return f'trap "{goodbye}" TERM; echo {name} begun >> {ends}; while true; do sleep 0.05; done'


def _lines(path: Path) -> list[str]:
    return path.read_text().splitlines() if path.exists() else []


def _answers(little: LittleStack) -> bool:
    try:
        return little.sql("SELECT 1") == [(1,)]
    except Exception:  # noqa: BLE001 - whatever keeps it from answering yet
        time.sleep(0.1)
        return False
