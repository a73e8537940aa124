"""What the documentation names is there, and what there is to set is documented."""

import importlib
import re
from pathlib import Path

import pytest
from django.core.management import get_commands
from django.urls import Resolver404, resolve

from delivery import offering
from notifysite.settings.offers import OFFERS

ROOT = Path(__file__).resolve().parent.parent
PAGES = [
    ROOT / "README.md",
    *sorted((ROOT / "docs").glob("*.md")),
    *sorted((ROOT / "docs/providers").glob("*.md")),
]
APPS = ("", "notifications.", "preferences.", "delivery.")


def settings_read() -> set[str]:
    """The environment variables that the settings ask for."""
    source = "".join(path.read_text() for path in (ROOT / "notifysite" / "settings").glob("*.py"))
    return set(re.findall(r"env(?:\.\w+)?\(\s*\"([A-Z_]+)\"", source))


def test_every_setting_is_documented() -> None:
    page = (ROOT / "docs" / "operators.md").read_text()

    assert sorted(name for name in settings_read() if f"`{name}`" not in page) == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_commands_that_pages_name_are_there(page: Path) -> None:
    named = set(re.findall(r"manage\.py ([a-z_]+)", page.read_text()))

    assert named - set(get_commands()) == set()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_calls_that_pages_show_are_answered(page: Path) -> None:
    text = page.read_text().replace("$NOTIFYSITE_URL/api/v1", "$API")
    paths = {path.replace("$ID", ID) for path in re.findall(r"\$API(/[\w/$-]+)", text)}

    assert [path for path in sorted(paths) if not is_answered(f"/api/v1{path}")] == []


ID = "01234567-89ab-7cde-8f01-23456789abcd"


def is_answered(path: str) -> bool:
    try:
        resolve(path)
    except Resolver404:
        return False
    return True


def test_the_walkthrough_names_modules_and_functions_as_they_are() -> None:
    page = (ROOT / "docs" / "walkthrough.md").read_text()
    named = re.findall(r"`([a-z_]+(?:\.[A-Za-z_]+)+)(?:\([^`]*\))?`", page)

    assert len(named) > 30
    assert [name for name in named if not any(is_there(app + name) for app in APPS)] == []


def is_there(name: str) -> bool:
    """Whether a dotted name leads to a module, or to something in one."""
    parts = name.split(".")
    for end in range(len(parts), 0, -1):
        try:
            found = importlib.import_module(".".join(parts[:end]))
        except ImportError:
            continue
        for part in parts[end:]:
            found = getattr(found, part, None)
        return found is not None
    return False


def test_the_table_of_providers_is_what_they_can_do() -> None:
    page = (ROOT / "docs" / "providers" / "README.md").read_text()
    shown = page.partition("<!-- table -->\n")[2].partition("<!-- end of table -->")[0]

    assert shown == offering.table(), "manage.py provider_table prints it"


def test_every_offered_provider_has_a_page_with_its_variables() -> None:
    pages = "".join(path.read_text() for path in (ROOT / "docs" / "providers").glob("*.md"))
    variables = {name for offer in OFFERS for name in offer.variables}

    assert sorted(name for name in variables if f"`{name}`" not in pages) == []
