"""The API over HTTP, as a shop's own program would call it."""

import time
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Self

import httpx

UNDER_WAY = ("queued", "sending")
ARRIVED = ("sent", "delivered")
PAUSE_SECONDS = 0.1


class Refused(Exception):
    """The API did not do what was asked; the message says why in one line."""


class Shop:
    """A client with one key; every call answers within `timeout` seconds or raises Refused."""

    def __init__(self, url: str, key: str, *, timeout: float = 10.0) -> None:
        # No proxy of the environment: this is our own machine.
        self._http = httpx.Client(
            base_url=f"{url}/api/v1/",
            headers={"Authorization": f"Bearer {key}"},
            timeout=timeout,
            trust_env=False,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._http.close()

    def sample(self, type_key: str) -> dict[str, Any]:
        """Data that a type takes."""
        found: dict[str, Any] = self._call("GET", f"types/{type_key}")["sample_data"]
        return found

    def send(self, type_key: str, *, to: str, data: Mapping[str, Any]) -> str:
        """Send one notification; gives its id."""
        body = {"type": type_key, "to": to, "data": data}
        return str(self._call("POST", "notifications", json=body)["notifications"][0]["id"])

    def read(self, notification_id: str) -> dict[str, Any]:
        """The notification as it stands now."""
        return self._call("GET", f"notifications/{notification_id}")

    def finished(self, notification_id: str, *, patience: float) -> dict[str, Any]:
        """The notification once nothing of it is waiting, or as it stands after `patience` seconds.

        A step that waits for its hour is not waited for: what has left is what counts.
        """
        until = time.monotonic() + patience
        while True:
            found = self.read(notification_id)
            if is_settled(found) or time.monotonic() > until:
                return found
            time.sleep(PAUSE_SECONDS)

    def timeline(self, notification_id: str) -> list[dict[str, Any]]:
        """All that happened to it, oldest first."""
        told: list[dict[str, Any]] = self._call("GET", f"notifications/{notification_id}/timeline")[
            "results"
        ]
        return told

    def _call(self, method: str, path: str, **options: Any) -> dict[str, Any]:
        try:
            answer = self._http.request(method, path, **options)
        except httpx.HTTPError as error:
            raise Refused(f"{method} {path}: {type(error).__name__} {error}") from error
        if not answer.is_success:
            raise Refused(f"{method} {path}: {answer.status_code} {answer.text[:500]}")
        found: dict[str, Any] = answer.json()
        return found


def is_settled(notification: Mapping[str, Any]) -> bool:
    """Nothing is under way, and what is held is held until a time, not until there is news."""
    if notification["status"] == "accepted":
        return False
    holds = [one for one in notification["decision"] if one["outcome"] == "hold"]
    under_way = any(one["status"] in UNDER_WAY for one in notification["deliveries"])
    return not under_way and all(one["until"] for one in holds)
