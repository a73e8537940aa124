"""The whole system in the foreground: `make run` and `make demo`."""

import socket
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from notifysite.stack.attention import Interrupted
from notifysite.stack.console import Console, Halt
from notifysite.stack.folder import Folder
from notifysite.stack.processes import ROOT, processes
from notifysite.stack.stack import Stack, given, opened

READY_PATIENCE = 90.0  # seconds for the whole of it to call itself ready
MANAGE = (sys.executable, str(ROOT / "manage.py"))
MIGRATE_ADVICE = "Nothing was lost; after an upgrade, the last lines above say what is in the way."
# Whose messages the demo shows; the environment may say otherwise.
BRAND = {
    "BRAND_NAME": "Juniper",
    "BRAND_ADDRESS": "Juniper Plants, 12 Garden Row, Exampletown",
    "BRAND_SUPPORT": "hello@juniper.example",
    "DEFAULT_FROM_EMAIL": "Juniper <hello@juniper.example>",
}
DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # loopback needs no proxy


class UnknownCommand(Halt):
    """manage.py does not know the command."""


def run(folder: Folder, console: Console, *, port: int) -> int:
    """Start everything, show that it works, and stay until somebody stops it."""
    with opened(folder, console, purpose="make run") as stack, saying_goodbye(console):
        start_all(stack, port)
        try:
            send_first(stack)
        except UnknownCommand as unknown:
            console.warn(str(unknown))
        console.say(welcome(stack, port))
        stack.supervisor.watch()
    return 0


def demo(folder: Folder, console: Console, *, port: int) -> int:
    """Start everything, send on every channel; 0 only when all arrived."""
    with opened(folder, console, purpose="make demo") as stack:
        start_all(stack, port)
        send_first(stack)
        return stack.supervisor.run("demo_proof", (*MANAGE, "demo_proof"))


@contextmanager
def saying_goodbye(console: Console) -> Iterator[None]:
    """Ctrl-C is how one leaves, so it is no failure."""
    with suppress(Interrupted):
        yield
    console.say("")
    console.step("stopping; the data stays for the next start")


def start_all(stack: Stack, port: int) -> None:
    """From nothing to a system that calls itself ready."""
    require_free(port)
    stack.insist({"PORT": str(port)})
    public = given("PUBLIC_URL") or f"http://127.0.0.1:{port}"
    stack.offer({"PUBLIC_URL": public, "BRAND_URL": f"{public.rstrip('/')}/demo/", **BRAND})
    stack.start_servers()
    stack.console.step("migrating the database")
    manage(stack, "migrate", "--noinput")
    stack.console.step("filling in the demo content")
    manage(stack, "demo_content")
    for process in processes(port):
        stack.start(process)
    stack.console.step("waiting until all of it is ready")
    await_ready(stack, f"http://127.0.0.1:{port}/readyz")


def send_first(stack: Stack) -> None:
    """Send one real notification through the API and show what became of it."""
    stack.console.step("sending a first notification")
    for line in manage(stack, "first_notification").splitlines():
        stack.console.say(f"         {line}")


def manage(stack: Stack, name: str, *options: str) -> str:
    """Run one management command; gives what it said, or halts with the end of it."""
    log = stack.folder.log(name)
    log.unlink(missing_ok=True)
    code = stack.supervisor.run(name, (*MANAGE, name, *options), log=log)
    said = log.read_text(errors="replace")
    if code == 0:
        return said
    if f"Unknown command: '{name}'" in said:
        raise UnknownCommand(f"manage.py has no command {name}")
    raise Halt(
        f"manage.py {name} failed", log=log, advice=MIGRATE_ADVICE if name == "migrate" else ""
    )


def require_free(port: int) -> None:
    """Say at once that a port is taken, before anything is started."""
    with socket.socket() as door:
        door.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            door.bind(("127.0.0.1", port))
        except (OSError, OverflowError) as error:
            other = 8001 if port == 8000 else 8000
            raise Halt(
                f"port {port} on 127.0.0.1 is not free",
                advice=f"Choose another: make run PORT={other}",
            ) from error


def await_ready(stack: Stack, url: str) -> None:
    """Wait until the web says that everything behind it works; it names what does not."""
    answer = "no answer"

    def ready() -> bool:
        nonlocal answer
        try:
            with DIRECT.open(url, timeout=5):
                return True
        except urllib.error.HTTPError as error:
            answer = f"{error.code} {error.read(2000).decode(errors='replace')}"
        except OSError as error:
            answer = str(error)
        return False

    if not stack.supervisor.wait_until(ready, patience=READY_PATIENCE):
        raise Halt(
            f"{url} is not ready after {READY_PATIENCE:.0f} s: {answer}",
            log=stack.folder.log("web"),
        )


def welcome(stack: Stack, port: int) -> str:
    """Where to go from here."""
    base = f"http://127.0.0.1:{port}"
    return f"""
notifysite is ready.

  what this is      {base}/
  example page      {base}/demo/
  preferences       {base}/preferences/
  administration    {base}/admin/
  API and its docs  {base}/api/docs
  keys, passwords   {stack.folder.path / "demo.env"}
  logs              {stack.folder.path / "log"}

Ctrl-C stops all of it; the data stays for the next start.
"""
