"""Make `.venv` with what the project needs. Runs before anything is installed.

The file is read by the oldest Python 3 too, so that it can say what it needs: hence the quotes.

python3 notifysite/stack/bootstrap.py [embedded | dev]
"""

import hashlib
import importlib.util
import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

OLDEST = (3, 11)
NAMES = ("python3.13", "python3.12", "python3.11")
ROOT = Path(__file__).resolve().parents[2]
VENV = ROOT / ".venv"
STAMP = VENV / "notifysite-stamp.json"
FILES = {"embedded": ("base.txt", "embedded.txt"), "dev": ("dev.txt",)}  # dev holds the other two
BEGAN = time.monotonic()


class Refusal(Exception):
    """The environment cannot be made; the message is the one line that says why."""


def main(words: "list[str]") -> int:
    """Make or renew the environment; at once done when it is as it should be."""
    if sys.version_info < OLDEST:
        return hand_over(words)
    wanted = words[0] if words else "embedded"
    if wanted not in FILES:
        raise Refusal(f"unknown set {wanted!r}: choose {' or '.join(FILES)}")
    stamp = read_stamp()
    if wanted in stamp and stamp[wanted] == checksum(wanted):
        return 0
    if "dev" in stamp:
        wanted = "dev"  # an environment for development stays one
    make(wanted)
    return 0


def hand_over(words: "list[str]") -> int:
    """Run again under a Python that is new enough, where there is one."""
    for name in NAMES:
        found = shutil.which(name)
        if found and works(found):
            os.execv(found, [found, os.path.abspath(__file__), *words])  # noqa: S606 - no shell wanted
    version = ".".join(str(part) for part in sys.version_info[:3])
    raise Refusal(f"Python 3.11 or newer is needed, and this is {version}: install python3.11")


def works(python: str) -> bool:
    """Whether this Python runs and is new enough; a name on PATH may be a shim for nothing."""
    test = f"import sys; sys.exit(sys.version_info < {OLDEST!r})"
    try:
        # Not capture_output, which is younger than some Pythons that run this.
        pipe = subprocess.PIPE
        done = subprocess.run([python, "-c", test], stdout=pipe, stderr=pipe, timeout=20)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0


def make(wanted: str) -> None:
    """Make the environment and install into it."""
    STAMP.unlink(missing_ok=True)
    uv = shutil.which("uv")
    if not works(str(VENV / "bin" / "python")):
        say(f"making .venv with {'uv' if uv else 'venv'} and Python {sys.version.split()[0]}")
        make_venv(uv)
    files = [ROOT / "requirements" / name for name in FILES[wanted]]
    count = sum(is_pin(line) for file in files for line in file.read_text().splitlines())
    say(f"installing {count} packages with {'uv' if uv else 'pip, which takes a minute or two'}")
    install = with_uv(uv, files) if uv else with_pip(files)
    run(install)
    covered = FILES if wanted == "dev" else (wanted,)
    STAMP.write_text(json.dumps({name: checksum(name) for name in covered}))
    say("installed")


def make_venv(uv: "str | None") -> None:
    """An empty environment; a broken one in its place is replaced, anything else is not."""
    if VENV.exists() and not (VENV / "pyvenv.cfg").exists():
        raise Refusal(f"{VENV} is there and is no virtual environment: move it away")
    shutil.rmtree(VENV, ignore_errors=True)
    if uv:
        run([uv, "venv", "--quiet", "--python", sys.executable, str(VENV)])
        return
    if importlib.util.find_spec("ensurepip") is None:  # Debian keeps it out of python3
        raise Refusal("Python's venv is incomplete here: install python3-venv, or uv")
    run([sys.executable, "-m", "venv", str(VENV)])


def with_uv(uv: str, files: "list[Path]") -> "list[str]":
    """The command that makes the environment hold exactly these files."""
    python = ["--python", str(VENV / "bin" / "python")]
    return [uv, "pip", "sync", "--quiet", "--require-hashes", *python, *map(str, files)]


def with_pip(files: "list[Path]") -> "list[str]":
    """The command that installs these files with nothing but what Python brings."""
    named = [word for file in files for word in ("-r", str(file))]
    pip = [str(VENV / "bin" / "python"), "-m", "pip", "install", "--disable-pip-version-check"]
    return [*pip, "--no-input", "--progress-bar", "off", "--require-hashes", *named]


def run(command: "list[str]") -> None:
    """Run a step that may take a while: a line now and then, its last words only if it fails."""
    log = VENV.with_name(".venv-log")
    with log.open("w+") as output:
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT)
        due = time.monotonic() + 10
        while process.poll() is None:
            time.sleep(0.05)
            if time.monotonic() > due:
                due += 10
                say("still at it")
    last = log.read_text(errors="replace").splitlines()[-15:]
    log.unlink()
    if process.returncode != 0:
        print("\n".join(f"    {line}" for line in last))
        raise Refusal(f"{Path(command[0]).name} failed; the last lines above say why")


def is_pin(line: str) -> bool:
    """Whether a line of a requirements file names a package."""
    return "==" in line and not line.startswith((" ", "#"))


def read_stamp() -> "dict[str, str]":
    """What was installed, by set; nothing when the environment itself is gone."""
    try:
        stamp: dict[str, str] = json.loads(STAMP.read_text())
    except (OSError, ValueError):
        return {}
    return stamp if (VENV / "bin" / "python").exists() else {}


def checksum(wanted: str) -> str:
    """One number for all that decides what is installed."""
    contents = [(ROOT / "requirements" / name).read_bytes() for name in FILES[wanted]]
    return hashlib.sha256(b"\0".join(contents)).hexdigest()


def say(text: str) -> None:
    """One line of progress."""
    print(f"{time.monotonic() - BEGAN:6.1f}s  {text}", flush=True)


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except Refusal as refusal:
        sys.exit(f"notifysite: {refusal}")
    except KeyboardInterrupt:
        sys.exit(130)
