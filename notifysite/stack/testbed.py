"""What tests use beside the stack where it is found: Chromium and RabbitMQ."""

import os
import shutil
import socket
import subprocess
from pathlib import Path

from notifysite.stack.console import Console, Halt
from notifysite.stack.processes import Process
from notifysite.stack.stack import Stack

RABBITMQ = ("127.0.0.1", 5672)  # where a package's own server listens
RABBITMQ_PATHS = "/usr/sbin:/usr/local/sbin:/opt/homebrew/sbin"
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
PACKAGES = {"chromium": "chromium", "rabbitmq": "rabbitmq-server"}  # as Debian calls them


def required() -> set[str]:
    """What must be there, or the tests fail (NOTIFYSITE_REQUIRE)."""
    return set(filter(None, os.environ.get("NOTIFYSITE_REQUIRE", "").split(",")))


def prepare(console: Console) -> int:
    """Install what is missing where that is ours to do; else say which tests will not run."""
    missing = _missing()
    if missing and os.geteuid() == 0 and shutil.which("apt-get"):
        console.step(f"installing {', '.join(missing)}")
        _install([PACKAGES[name] for name in missing], console)
        missing = _missing()
    if short := sorted(required() & set(missing)):
        raise Halt(
            f"NOTIFYSITE_REQUIRE asks for {', '.join(short)}, which this machine does not have"
        )
    if missing:
        console.warn(f"not found: {', '.join(missing)}; the tests marked so will not run")
    return 0


def offer_test_servers(stack: Stack) -> None:
    """Tell the tests of a browser and a RabbitMQ, starting a private one where none answers."""
    if browser := find_browser():
        stack.offer({"NOTIFYSITE_TEST_CHROMIUM": browser})
    if speaks_amqp(RABBITMQ):
        stack.offer({"NOTIFYSITE_TEST_RABBITMQ_URL": "amqp://guest:guest@127.0.0.1:5672//"})
    elif program := find_rabbitmq():
        port = _start_rabbitmq(stack, program)
        stack.offer({"NOTIFYSITE_TEST_RABBITMQ_URL": f"amqp://guest:guest@127.0.0.1:{port}//"})


def find_browser() -> str | None:
    """The path of a Chromium."""
    return next((path for name in BROWSERS if (path := shutil.which(name))), None)


def find_rabbitmq() -> Path | None:
    """RabbitMQ's own start script; Debian's wrapper around it would become another user."""
    found = shutil.which("rabbitmq-server", path=f"{os.environ.get('PATH', '')}:{RABBITMQ_PATHS}")
    packaged = Path("/usr/lib/rabbitmq/bin/rabbitmq-server")
    if packaged.exists():
        return packaged
    return Path(found) if found else None


def speaks_amqp(address: tuple[str, int]) -> bool:
    """Whether an AMQP 0-9-1 broker answers there."""
    try:
        with socket.create_connection(address, timeout=2) as connection:
            connection.sendall(b"AMQP\x00\x00\x09\x01")
            return connection.recv(1) == b"\x01"  # a method frame: connection.start
    except OSError:
        return False


def _missing() -> list[str]:
    there = {
        "chromium": find_browser() is not None,
        "rabbitmq": find_rabbitmq() is not None or speaks_amqp(RABBITMQ),
    }
    return [name for name, found in there.items() if not found]


def _install(packages: list[str], console: Console) -> None:
    # A package may start its own service; policy-rc.d is the machine's business, not ours.
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    options = ("-y", "-q", "--no-install-recommends")
    for command in (("apt-get", "update", "-q"), ("apt-get", "install", *options, *packages)):
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            last = (done.stderr or done.stdout).strip().splitlines()[-1:]
            console.warn(f"{' '.join(command[:2])} failed: {' '.join(last)}")
            return


def _start_rabbitmq(stack: Stack, program: Path) -> int:
    """Start a private RabbitMQ, and the port mapper Erlang wants, all on free ports."""
    port, home = free_port(), stack.folder.path / "rabbitmq"
    home.mkdir(exist_ok=True)
    (home / "plugins").write_text("[].\n")
    env = rabbitmq_env(home, name=f"notifysite-{stack.folder.hash}@localhost", port=port)
    stack.start(Process(name="epmd", command=("epmd",), stage=1, env=env))
    stack.start(
        Process(
            name="rabbitmq",
            command=(str(program),),
            stage=2,
            env=env,
            ready=lambda _pid: speaks_amqp((RABBITMQ[0], port)),
            patience=120,
        )
    )
    return port


def rabbitmq_env(home: Path, *, name: str, port: int) -> dict[str, str]:
    """All that would otherwise be shared with a RabbitMQ of the machine itself."""
    return {
        "HOME": str(home),  # Erlang keeps its cookie there
        "ERL_EPMD_PORT": str(free_port()),
        "ERL_EPMD_ADDRESS": RABBITMQ[0],
        "RABBITMQ_NODENAME": name,
        "RABBITMQ_NODE_IP_ADDRESS": RABBITMQ[0],
        "RABBITMQ_NODE_PORT": str(port),
        "RABBITMQ_DIST_PORT": str(free_port()),
        "RABBITMQ_MNESIA_BASE": str(home),
        "RABBITMQ_LOG_BASE": str(home),
        "RABBITMQ_CONFIG_FILE": str(home / "none"),
        "RABBITMQ_ADVANCED_CONFIG_FILE": str(home / "none"),
        "RABBITMQ_ENABLED_PLUGINS_FILE": str(home / "plugins"),
        "RUNNING_UNDER_SYSTEMD": "1",  # the script becomes the server instead of its parent
    }


def free_port() -> int:
    """A port of 127.0.0.1 that nobody listens on."""
    with socket.socket() as door:
        door.bind(("127.0.0.1", 0))
        port: int = door.getsockname()[1]
        return port
