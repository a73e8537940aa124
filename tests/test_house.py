"""Sentences about the house itself: its paper, its rooms and who may know whom."""

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parent.parent
DECISIONS = sorted((ROOT / "docs" / "adr").glob("*.md"))
HEADINGS = ["Context", "Decision", "What it costs", "When to look again"]
COMPILED = ["base", "dev", "embedded"]


@pytest.fixture(scope="module")
def tracked() -> list[Path]:
    """All files git knows of, less those deleted but not yet committed."""
    git = shutil.which("git")
    if git is None or not (ROOT / ".git").exists():
        pytest.skip("not a git checkout, so nothing is tracked")
    listing = subprocess.run(
        [git, "-c", f"safe.directory={ROOT}", "ls-files", "-z"],
        cwd=ROOT,
        capture_output=True,
        check=True,
        text=True,
    )
    files = [ROOT / name for name in listing.stdout.split("\0") if name]
    return [file for file in files if file.is_file()]


def text_of(file: Path) -> str:
    """The file's text; empty for a binary file, which has no sentences to check."""
    try:
        return file.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return ""


def test_decisions_are_numbered_consecutively() -> None:
    numbers = [int(file.name.split("-")[0]) for file in DECISIONS]
    titles = [file.read_text().splitlines()[0] for file in DECISIONS]
    assert numbers == list(range(1, len(DECISIONS) + 1))
    assert [title.split(".")[0] for title in titles] == [f"# {number}" for number in numbers]


@pytest.mark.parametrize("file", DECISIONS, ids=lambda file: file.stem)
def test_a_decision_has_the_four_headings_and_fits_a_page(file: Path) -> None:
    text = file.read_text()
    assert re.findall(r"^## (.+)$", text, re.MULTILINE) == HEADINGS
    assert len(text.split()) <= 400
    assert re.fullmatch(r"\d{4}-[a-z0-9]+(-[a-z0-9]+)*\.md", file.name)


def test_every_decision_is_in_the_index() -> None:
    index = (ROOT / "docs" / "README.md").read_text()
    assert [file.name for file in DECISIONS if f"(adr/{file.name})" not in index] == []


def anchors(page: Path) -> set[str]:
    """The fragments a page's headings answer to."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def broken_links(page: Path) -> Iterator[str]:
    for link in re.findall(r"\]\(([^)\s]+)\)", page.read_text()):
        if re.match(r"[a-z]+:", link):
            continue
        path, _, fragment = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        if not target.exists() or (fragment and fragment not in anchors(target)):
            yield f"{page.relative_to(ROOT)}: {link}"


def test_links_between_pages_lead_somewhere(tracked: list[Path]) -> None:
    pages = [file for file in tracked if file.suffix == ".md"]
    assert [link for page in pages for link in broken_links(page)] == []


MACHINE_PATH = re.compile(r"(?<![\w./~-])/(?:home|root|Users|work|workspace)/[\w.-]+")
PRIVATE_INDEX = re.compile(
    r"--(?:extra-)?index-url|--find-links|--trusted-host"
    r"|https?://[^\s\"']+/simple\b"
)


@pytest.mark.parametrize("pattern", [MACHINE_PATH, PRIVATE_INDEX], ids=["path", "index"])
def test_no_file_names_the_machine_it_was_written_on(
    tracked: list[Path], pattern: re.Pattern[str]
) -> None:
    found = [
        f"{file.relative_to(ROOT)}: {match}"
        for file in tracked
        if file != Path(__file__).resolve()
        for match in pattern.findall(text_of(file))
    ]
    assert found == []


def test_no_room_is_named_after_nothing(tracked: list[Path]) -> None:
    nothing = {"util", "utils", "helper", "helpers", "common", "misc"}
    rooms = [file.relative_to(ROOT) for file in tracked if file.suffix == ".py"]
    assert [str(room) for room in rooms if nothing & {*room.parts[:-1], room.stem}] == []


def test_imports_go_down_only() -> None:
    lint = shutil.which("lint-imports", path=str(Path(sys.executable).parent))
    assert lint is not None
    run = subprocess.run(
        [lint, "--no-cache", "--no-logo"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stdout + run.stderr


def wanted(name: str) -> Iterator[Requirement]:
    """What a `.in` file asks for, with the files it includes."""
    for line in (ROOT / "requirements" / f"{name}.in").read_text().splitlines():
        entry = line.split("#")[0].strip()
        if entry.startswith("-r "):
            yield from wanted(entry.removeprefix("-r ").removesuffix(".in").strip())
        elif entry:
            yield Requirement(entry)


PIN = re.compile(
    r"^([A-Za-z0-9][\w.-]*)(?:\[[^\]]*\])?==(\S+)[^\\\n]*(?: \\\n +--hash=sha256:[0-9a-f]{64})+$",
    re.MULTILINE,
)


def compiled(name: str) -> str:
    return (ROOT / "requirements" / f"{name}.txt").read_text()


def pinned(name: str) -> dict[str, str]:
    """What a compiled file installs by exact version and hash: name to version."""
    return {canonicalize_name(package): version for package, version in PIN.findall(compiled(name))}


def test_every_requirements_file_is_known_here() -> None:
    assert sorted(file.stem for file in (ROOT / "requirements").glob("*.in")) == COMPILED


@pytest.mark.parametrize("name", COMPILED)
def test_requirements_are_pinned_with_hashes(name: str) -> None:
    packages = re.findall(r"^[A-Za-z0-9][\w.-]*", compiled(name), re.MULTILINE)
    assert {canonicalize_name(package) for package in packages} == pinned(name).keys()


@pytest.mark.parametrize("name", COMPILED)
def test_requirements_are_compiled_from_what_is_asked_for(name: str) -> None:
    pins = pinned(name)
    asked = {canonicalize_name(entry.name): entry.specifier for entry in wanted(name)}
    stale = [
        package
        for package, versions in asked.items()
        if package not in pins or not versions.contains(pins[package])
    ]
    assert stale == []
