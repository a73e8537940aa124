"""A client of the API as it should be: one key per request, repeated until it is answered.

What was answered 202 is on the disk before it counts.
"""

import itertools
import json
import os
import random
import threading
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx

from tests.chaos.stand.provider import read_lines

MOST_PER_REQUEST = 1000
AGAIN_AFTER = 0.2  # seconds before a request is repeated
GIVES_UP = 300.0  # seconds after which a request that is never accepted breaks the test


@dataclass(slots=True)
class Answers:
    """What the API said: how often each status (0: no answer), and how long each answer took."""

    statuses: Counter[int] = field(default_factory=Counter)
    seconds: list[float] = field(default_factory=list)

    def percentile(self, share: float) -> float:
        """The time within which that share of the answers came."""
        ordered = sorted(self.seconds)
        return ordered[min(len(ordered) - 1, int(len(ordered) * share))] if ordered else 0.0

    def forget(self) -> None:
        """Begin to count anew."""
        self.statuses.clear()
        self.seconds.clear()

    @property
    def refused(self) -> int:
        """How many were not answered 202."""
        return sum(self.statuses.values()) - self.statuses[202]


class Load:
    """Posts notifications; `urls` are the web processes, one is drawn for each try."""

    def __init__(self, folder: Path, *, urls: Sequence[str], key: str, seed: str) -> None:
        self.answers = Answers()
        self._urls, self._headers = urls, {"Authorization": f"Bearer {key}"}
        self._luck = random.Random(seed)
        self._path = folder / "accepted.jsonl"
        self._file = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        self._lock = threading.Lock()
        self._people = itertools.count(1)
        self._client = httpx.Client(trust_env=False, timeout=30)
        self._background: list[threading.Thread] = []
        self._enough = threading.Event()
        self._trouble: list[Exception] = []

    def accepted(self) -> list[str]:
        """The ids of all notifications that were answered 202, from the disk."""
        return [id_ for entry in read_lines(self._path) for id_ in entry["ids"]]

    def send(
        self,
        total: int,
        *,
        type: str = "letter",
        per_request: int = MOST_PER_REQUEST,
        threads: int = 4,
        **body: Any,
    ) -> None:
        """Post `total` recipients and wait until all are accepted."""
        sizes = [per_request] * (total // per_request) + [total % per_request or None]
        with ThreadPoolExecutor(threads) as pool:
            posts = [pool.submit(self.post, size, type=type, **body) for size in sizes if size]
            for post in posts:
                post.result()

    def credit(self, ids: Sequence[str]) -> None:
        """Count notifications that others had accepted."""
        self._keep({"key": "", "ids": list(ids)})

    def begin(
        self,
        *,
        type: str = "letter",
        per_request: int = 1,
        threads: int = 2,
        pause: float = 0.0,
        **body: Any,
    ) -> None:
        """Post on and on in the background, until `finish`; each thread begins a request every
        `pause` seconds, or later where an answer took longer."""

        def work() -> None:
            due = time.monotonic() + pause
            try:
                while not self._enough.wait(max(0.0, due - time.monotonic())):
                    due = max(due, time.monotonic()) + pause
                    self.post(per_request, type=type, **body)
            except (AssertionError, RuntimeError) as error:
                self._trouble.append(error)  # told by `finish`

        self._enough.clear()
        self._background = [threading.Thread(target=work, daemon=True) for _ in range(threads)]
        for thread in self._background:
            thread.start()

    def finish(self) -> None:
        """End what `begin` began, once every request of it has been accepted."""
        self._enough.set()
        for thread in self._background:
            thread.join(GIVES_UP)
        assert not self._trouble, f"the load broke off: {self._trouble[0]!r}"

    def post(self, recipients: int = 1, *, type: str = "letter", **body: Any) -> list[str]:
        """Post one request until it is accepted; returns the notifications' ids."""
        content = json.dumps({"type": type, "to": [self._person() for _ in range(recipients)]})
        return self.insist(content if not body else json.dumps({**json.loads(content), **body}))

    def insist(self, content: str, *, key: str | None = None) -> list[str]:
        """Post a body under one Idempotency-Key until the answer is 202."""
        headers = {"Idempotency-Key": key or str(uuid4()), "Content-Type": "application/json"}
        until = time.monotonic() + GIVES_UP
        answer = self._answer(content, headers, until)
        ids = [one["id"] for one in answer["notifications"]]
        self._keep({"key": headers["Idempotency-Key"], "ids": ids})
        return ids

    def fan_out(self, people: int, *, type: str) -> str:
        """Post one request for so many that it is an audience, until it is accepted; returns where
        to ask for it. Its notifications are to be credited once they are made."""
        content = json.dumps({"type": type, "to": [f"member-{one}" for one in range(people)]})
        headers = {"Idempotency-Key": str(uuid4()), "Content-Type": "application/json"}
        answer = self._answer(content, headers, time.monotonic() + GIVES_UP)
        return str(answer["url"]).removeprefix("/api/v1/")

    def _answer(self, content: str, headers: dict[str, str], until: float) -> Any:
        while (answer := self._try(content, headers)) is None:
            assert time.monotonic() < until, f"not accepted in {GIVES_UP:.0f} s"
            time.sleep(AGAIN_AFTER)
        return answer

    def ask(
        self, method: str, path: str, body: Any = None, *, url: str | None = None
    ) -> httpx.Response:
        """Any other call of the API, asked once; `url` is one of the web processes. Raises
        httpx.TransportError.
        """
        base = url or self._urls[0]
        return self._client.request(
            method, f"{base}/api/v1/{path}", json=body, headers=self._headers
        )

    def said(self) -> str:
        """How often each answer came, for a finding."""
        counted = sorted(self.answers.statuses.items())
        return " ".join(f"{status or 'none'}:{count}" for status, count in counted)

    def close(self) -> None:
        """End everything."""
        self._enough.set()
        self._client.close()
        os.close(self._file)

    def _try(self, content: str, headers: dict[str, str]) -> Any:
        with self._lock:
            url = self._luck.choice(self._urls)
        began = time.monotonic()
        try:
            answer = self._client.post(
                f"{url}/api/v1/notifications", content=content, headers=headers | self._headers
            )
            status = answer.status_code
        except httpx.TransportError:
            answer, status = None, 0
        with self._lock:
            self.answers.statuses[status] += 1
            self.answers.seconds.append(time.monotonic() - began)
        if answer is None or status >= 500 or status in (409, 429):
            return None
        assert status == 202, f"the API answered {status}: {answer.text[:500]}"
        return answer.json()

    def _keep(self, entry: dict[str, Any]) -> None:
        line = json.dumps(entry).encode() + b"\n"
        with self._lock:
            os.write(self._file, line)
            os.fsync(self._file)

    def _person(self) -> dict[str, str]:
        number = next(self._people)
        return {
            "user_id": f"person-{number}",
            "email": f"person-{number}@example.com",
            "phone": f"+4930{number:08d}",
        }
