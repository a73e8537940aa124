"""The command line of the embedded stack: `python -m notifysite.stack run`."""

import argparse
import os
import sys
from pathlib import Path

from notifysite.stack import control
from notifysite.stack.advisories import audit
from notifysite.stack.attention import Interrupted
from notifysite.stack.console import Console, Halt
from notifysite.stack.folder import open_folder
from notifysite.stack.processes import ROOT
from notifysite.stack.run import demo, run
from notifysite.stack.services import serve
from notifysite.stack.testbed import prepare

INTERRUPTED = 130  # as a shell says it


def main(words: list[str]) -> int:
    """Do what the words ask for; gives the exit code."""
    arguments = _parser().parse_args(words)
    console = Console()
    try:
        return _do(arguments, console)
    except Halt as halt:
        console.halt(halt)
        return 1
    except (Interrupted, KeyboardInterrupt):
        return INTERRUPTED


def _do(arguments: argparse.Namespace, console: Console) -> int:
    if arguments.action == "prepare":
        return prepare(console)
    if arguments.action == "audit":
        return audit(console)
    if arguments.action == "services":
        command = tuple(arguments.command)
        return serve(command, console, var=arguments.var, for_tests=arguments.for_tests)
    folder = open_folder(Path(os.environ.get("NOTIFYSITE_VAR") or ROOT / "var"))
    if arguments.action == "status":
        return control.status(folder, console)
    if arguments.action == "stop":
        return control.stop(folder, console)
    action = {"run": run, "demo": demo}[arguments.action]
    return action(folder, console, port=_port())


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m notifysite.stack", description=__doc__)
    actions = parser.add_subparsers(dest="action", required=True)
    actions.add_parser("run", help="start everything and stay in the foreground")
    actions.add_parser("demo", help="start everything, send on every channel, stop")
    actions.add_parser("status", help="say what runs")
    actions.add_parser("stop", help="stop what runs")
    actions.add_parser("prepare", help="install what tests need, or say what is missing")
    actions.add_parser("audit", help="look up known vulnerabilities of what we depend on")
    services = actions.add_parser("services", help="run one command beside PostgreSQL and Valkey")
    services.add_argument("--var", type=Path, help="a folder to keep; else one that is thrown away")
    services.add_argument(
        "--for-tests", action="store_true", help="offer a browser and RabbitMQ too"
    )
    services.add_argument("command", nargs="+", help="the command, after --")
    return parser


def _port() -> int:
    word = os.environ.get("PORT") or "8000"
    if not word.isdecimal() or not 0 < int(word) < 65536:
        raise Halt(f"PORT={word} is no port number", advice="Choose one: make run PORT=8000")
    return int(word)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
