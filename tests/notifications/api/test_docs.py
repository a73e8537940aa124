"""The schema and the pages about it: complete, right, and without the internet."""

import io
import re
from typing import Any

import pytest
from django.contrib.staticfiles import finders
from django.core.management import call_command
from django.test import Client

from notifysite.plumbing.problem_kinds import PROBLEMS
from notifysite.plumbing.problems import Problem

EXTERNAL = re.compile(r"""(?:src|href|url\()\s*=?\s*["']?\s*(?:https?:)?//""")


def test_the_schema_is_valid_and_nothing_in_it_was_guessed() -> None:
    call_command("spectacular", "--validate", "--fail-on-warn", stdout=io.StringIO())


def test_the_schema_says_openapi_3_1_to_anybody(client: Client) -> None:
    schema = client.get("/api/v1/schema?format=json").json()
    assert schema["openapi"] == "3.1.0"
    for path in ("/api/v1/notifications", "/api/v1/notifications/{id}/timeline", "/api/v1/inbox"):
        assert path in schema["paths"]
    assert "get" in schema["paths"]["/api/v1/notifications"]
    assert "post" in schema["paths"]["/api/v1/notifications"]


def test_every_call_says_what_it_answers_and_has_a_name_of_its_own(client: Client) -> None:
    schema = client.get("/api/v1/schema?format=json").json()
    calls = [call for path in schema["paths"].values() for call in path.values()]
    names = [call["operationId"] for call in calls]
    assert len(names) == len(set(names))
    assert all(call["responses"] for call in calls)


def test_the_docs_need_nothing_from_elsewhere(client: Client) -> None:
    page = client.get("/api/docs").content.decode()
    script = re.search(r'<script src="([^"]*script=)"', page)
    assert script is not None
    start = client.get(script[1]).content.decode()

    assert EXTERNAL.findall(page) == []
    assert '"validatorUrl": null' in start
    assert "/api/v1/schema" in start
    loaded = re.findall(r'(?:src|href)="/static/([^"]+)"', page)
    assert len(loaded) == 4
    assert [name for name in loaded if not finders.find(name)] == []


def test_the_type_of_a_problem_leads_to_its_explanation(client: Client) -> None:
    for code, kind in PROBLEMS.items():
        page, _, anchor = Problem.of(code).document()["type"].partition("#")
        text = client.get(page).content.decode()
        assert f'id="{anchor}"' in text
        assert kind.title in text.replace("&#x27;", "'")
    assert EXTERNAL.findall(text) == []


@pytest.mark.parametrize("path", ["/api/v1/nothing", "/api/nothing"])
def test_an_unknown_address_of_the_api_is_a_problem(client: Client, path: str) -> None:
    answer: Any = client.get(path)
    assert (answer.status_code, answer["Content-Type"]) == (404, "application/problem+json")
