"""Many clients that ask the same thing at the same time."""

import http.client
import json
import threading
from collections import deque
from collections.abc import Sequence
from typing import NamedTuple
from urllib.parse import urlsplit

SECONDS = 60.0  # what a client waits for an answer


class Answer(NamedTuple):
    """What one request was answered; `status` 0: nothing. `asked`: which body it had."""

    asked: str
    status: int
    ids: tuple[str, ...] = ()


def ask_at_once(
    urls: Sequence[str], bodies: Sequence[str], *, key: str, secret: str, clients: int
) -> list[Answer]:
    """Post all bodies under one Idempotency-Key, each client on a connection of its own that it
    keeps; nothing is repeated. `secret` is the API key."""
    headers = {
        "Authorization": f"Bearer {secret}",
        "Content-Type": "application/json",
        "Idempotency-Key": key,
    }
    waiting, answers = deque(bodies), list[Answer]()
    together = threading.Barrier(clients)

    def work(url: str) -> None:
        client = http.client.HTTPConnection(urlsplit(url).netloc, timeout=SECONDS)
        together.wait()
        while True:
            try:
                body = waiting.popleft()
            except IndexError:
                break
            answers.append(_ask(client, body, headers))
        client.close()

    crowd = [threading.Thread(target=work, args=(urls[n % len(urls)],)) for n in range(clients)]
    for one in crowd:
        one.start()
    for one in crowd:
        one.join()
    return answers


def _ask(client: http.client.HTTPConnection, body: str, headers: dict[str, str]) -> Answer:
    try:
        client.request("POST", "/api/v1/notifications", body, headers)
        answer = client.getresponse()
        said = json.loads(answer.read())
    except (OSError, http.client.HTTPException):
        client.close()
        return Answer(body, 0)
    accepted = said["notifications"] if answer.status == 202 else ()
    return Answer(body, answer.status, tuple(one["id"] for one in accepted))
