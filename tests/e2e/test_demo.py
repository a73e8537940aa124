"""`make demo` and `make run` as a person types them: a real stack in a folder of its own."""

import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from notifications.demo import access
from notifications.demo.caller import Shop
from notifysite.stack import record
from notifysite.stack.folder import Folder
from notifysite.stack.identity import is_running
from tests.fakes.smtp import SmtpServer
from tests.stack.conftest import ROOT, clean_environment

PATIENCE = 300.0
OURS = ("DJANGO_SETTINGS_MODULE", "EMAIL_", "PUBLIC_URL", "BRAND_", "DEFAULT_FROM_EMAIL", "VAPID_")


def free_port() -> int:
    with socket.socket() as door:
        door.bind(("127.0.0.1", 0))
        return int(door.getsockname()[1])


class Installation:
    """One folder, on which the commands of a person are run one after the other."""

    def __init__(self, folder: Path) -> None:
        self.folder = Folder(folder.resolve())
        self.port = free_port()

    def start(self, word: str, **env: str) -> subprocess.Popen[str]:
        kept = {n: v for n, v in clean_environment().items() if not n.startswith(OURS)}
        own = {"NOTIFYSITE_VAR": str(self.folder.path), "PORT": str(self.port)}
        return subprocess.Popen(
            [sys.executable, "-m", "notifysite.stack", word],
            cwd=ROOT,
            env={**kept, **own, **env},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def demo_env(self) -> dict[str, str]:
        return access.read(self.folder.path / "demo.env")

    def shop(self) -> Shop:
        said = self.demo_env()
        return Shop(said["NOTIFYSITE_URL"], said["NOTIFYSITE_API_KEY"])

    def letters(self) -> list[str]:
        return [path.read_text() for path in (self.folder.path / "outbox").glob("*.eml")]

    def running(self) -> list[str]:
        known = record.load(self.folder.record).pids
        return [name for name, one in known.items() if is_running(one)]


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    made = Installation(tmp_path_factory.mktemp("demo") / "var")
    yield made
    for folder in (made.folder.sockets, made.folder.hidden):
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="module")
def demo(installation: Installation) -> subprocess.CompletedProcess[str]:
    """`make demo`, once, from nothing to its end."""
    running = installation.start("demo")
    said, _ = running.communicate(timeout=PATIENCE)
    return subprocess.CompletedProcess(running.args, running.returncode, stdout=said)


@pytest.fixture
def run_beside_a_mail_server(
    demo: Any, installation: Installation
) -> Iterator[tuple[SmtpServer, "subprocess.Popen[str]"]]:
    """`make run` on the same folder, with mail going to a server on a socket."""
    with SmtpServer() as server:
        running = installation.start("run", EMAIL_URL=f"smtp://127.0.0.1:{server.port}")
        try:
            await_ready(running)
            yield server, running
        finally:
            running.send_signal(signal.SIGINT)
            running.communicate(timeout=PATIENCE)


def await_ready(running: "subprocess.Popen[str]") -> None:
    assert running.stdout is not None
    said = []
    for line in running.stdout:
        said.append(line)
        if "Ctrl-C stops all of it" in line:
            return
    pytest.fail("it ended before it was ready:\n" + "".join(said))


def test_a_message_arrives_on_every_channel_and_all_of_it_stops(
    demo: Any, installation: Installation
) -> None:
    assert demo.returncode == 0, demo.stdout
    assert demo.stdout.splitlines()[-1] == (
        "All arrived: in_app, email, sms, mobile_push, web_push, webhook, chat."
    )
    assert "decided    Step 1, In-app: send it." in demo.stdout
    shipped = [one for one in installation.letters() if "J-10482 is on its way" in one]
    assert len(shipped) == 2
    assert "To: sam.gardener@example.com" in shipped[0]
    assert installation.running() == []


def test_a_second_start_keeps_what_there_was_and_mail_leaves_by_smtp(
    installation: Installation,
    run_beside_a_mail_server: tuple[SmtpServer, "subprocess.Popen[str]"],
) -> None:
    server, running = run_beside_a_mail_server
    said = installation.demo_env()
    headers = {"Authorization": f"Bearer {said['NOTIFYSITE_API_KEY']}"}
    everything = httpx.get(f"{said['NOTIFYSITE_URL']}/api/v1/notifications", headers=headers)
    outbox = len(installation.letters())

    with installation.shop() as shop:
        id_ = shop.send(
            "order_shipped", to=said["NOTIFYSITE_DEMO_USER_ID"], data={"order_number": "J-20001"}
        )
        found = shop.finished(id_, patience=30)

    # Five of `make demo`, and the first one of this start.
    assert len(everything.json()["results"]) == 6
    assert {one["channel"]: (one["status"], one["provider"]) for one in found["deliveries"]} == {
        "email": ("sent", "email"),
        "in_app": ("delivered", "inbox"),
    }
    letter = server.letters[-1]
    assert letter.recipient == "sam.gardener@example.com"
    assert letter.parsed["Subject"] == "Order J-20001 is on its way"
    assert letter.parsed["From"] == "Juniper <hello@juniper.example>"
    assert len(installation.letters()) == outbox

    running.send_signal(signal.SIGINT)
    assert running.wait(PATIENCE) == 0
    assert installation.running() == []
