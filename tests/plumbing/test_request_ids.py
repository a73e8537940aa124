"""Each request has an id, in its answer and in its log lines; each process logs JSON."""

import io
import json
import logging
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import structlog
from django.http import HttpRequest, HttpResponse
from django.test import AsyncClient, Client

from notifysite.plumbing import logs
from notifysite.plumbing.request_ids import request_ids

ROOT = Path(__file__).resolve().parents[2]


def test_the_callers_id_comes_back(client: Client) -> None:
    answer = client.get("/healthz", headers={"X-Request-Id": "abc-12345"})
    assert answer["X-Request-Id"] == "abc-12345"


@pytest.mark.parametrize("given", ["", "short", "ann@example.com", "a" * 65, "two words here"])
def test_what_is_no_plain_id_is_replaced(client: Client, given: str) -> None:
    answer = client.get("/healthz", headers={"X-Request-Id": given})
    assert len(answer["X-Request-Id"]) == 32
    assert answer["X-Request-Id"] != client.get("/healthz")["X-Request-Id"]


async def test_it_is_the_same_where_requests_are_asynchronous(async_client: AsyncClient) -> None:
    answer = await async_client.get("/healthz", headers={"X-Request-Id": "abc-12345"})
    assert answer["X-Request-Id"] == "abc-12345"


def bound(_: HttpRequest) -> HttpResponse:
    return HttpResponse(json.dumps(structlog.contextvars.get_contextvars()))


def test_it_is_bound_as_long_as_the_request_lasts(rf: Any) -> None:
    answer = request_ids(bound)(rf.get("/", headers={"X-Request-Id": "abc-12345"}))
    assert json.loads(answer.content) == {"http_request": "abc-12345"}
    assert structlog.contextvars.get_contextvars() == {}


def test_what_django_logs_of_an_answer_has_the_id_too(client: Client) -> None:
    logger = logging.getLogger("django.request")
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(logs._formatter())
    logger.addHandler(handler)
    try:
        client.get("/api/v1/nothing", headers={"X-Request-Id": "abc-12345"})
    finally:
        logger.removeHandler(handler)
    (entry,) = map(json.loads, stream.getvalue().splitlines())
    assert entry["http_request"] == "abc-12345"
    assert (entry["event"], "request" in entry) == ("Not Found: /api/v1/nothing", False)


EVERY_PROCESS = """
import logging, os
os.environ["DJANGO_SETTINGS_MODULE"] = "notifysite.settings"
{start}
for name in {names}:
    logging.getLogger(name).warning("hello from %s", name)
"""
STARTS = {
    "pump": ("import django; django.setup()", ["notifications.pump", "django.request"]),
    "worker": (
        "import django; django.setup()\n"
        "from notifysite.celery import app\n"
        "app.log.setup(loglevel='INFO', redirect_stdouts=True)",
        ["celery.worker", "celery.task", "notifications.work"],
    ),
    "web": (
        "import uvicorn; uvicorn.Config('notifysite.asgi:application').load()",
        ["uvicorn.error", "django.server", "notifications.api"],
    ),
}


@pytest.mark.parametrize("process", STARTS)
def test_every_process_logs_json_lines(process: str) -> None:
    start, names = STARTS[process]
    run = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", EVERY_PROCESS.format(start=start, names=names)],
        cwd=ROOT,
        env={**os.environ, "SECRET_KEY": "s" * 60, "LOG_LEVEL": "INFO"},
        capture_output=True,
        text=True,
        check=True,
    )
    entries = [json.loads(line) for line in (run.stderr + run.stdout).splitlines()]
    hello = [(entry["logger"], entry["event"]) for entry in entries if "hello" in entry["event"]]
    assert hello == [(name, f"hello from {name}") for name in names]
