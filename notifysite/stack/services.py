"""PostgreSQL and Valkey around one command, as tests need them."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from notifysite.stack.console import Console
from notifysite.stack.folder import Folder, open_folder
from notifysite.stack.stack import opened
from notifysite.stack.testbed import offer_test_servers


def serve(command: tuple[str, ...], console: Console, *, var: Path | None, for_tests: bool) -> int:
    """Start the servers, run the command, stop the servers; gives the command's exit code."""
    with _folder(var) as folder, opened(folder, console, purpose="services") as stack:
        stack.start_servers(lasting=not for_tests)
        if for_tests:
            offer_test_servers(stack)
        return stack.supervisor.run("command", command)


@contextmanager
def _folder(var: Path | None) -> Iterator[Folder]:
    """The folder asked for, or one that is thrown away."""
    if var is not None:
        yield open_folder(var)
        return
    folder = open_folder(Path(tempfile.mkdtemp(prefix="notifysite-")))
    try:
        yield folder
    finally:
        shutil.rmtree(folder.path, ignore_errors=True)
        shutil.rmtree(folder.hidden, ignore_errors=True)
