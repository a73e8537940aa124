"""What providers share that read calls at their hooks: each of these refuses, and says why."""

import base64
import hmac
import json
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any, Final

from delivery.contracts import Call
from delivery.errors import Forged, Malformed, Stale, Unsecured

# How far the clock of who signed may be from ours; what is older may be somebody's recording.
FRESH: Final = timedelta(minutes=5)


def require_secret(*secrets: str) -> None:
    """Raise Unsecured where any is missing."""
    if not all(secrets):
        raise Unsecured("No secret is configured to know the provider by.")


def require_same(given: str, *wanted: str) -> None:
    """Raise Forged unless what was given is one of these; the comparison takes equally long."""
    raw = given.encode(errors="replace")
    # All of them, so that it cannot be timed which one it was.
    if not any([hmac.compare_digest(raw, each.encode()) for each in wanted]):  # noqa: C419
        raise Forged("The signature is another one.")


def require_login(call: Call, user: str, password: str) -> None:
    """Raise Forged unless the call brings this user and password (RFC 7617)."""
    require_secret(user, password)
    wanted = base64.b64encode(f"{user}:{password}".encode()).decode()
    scheme, _, given = call.headers.get("Authorization", "").partition(" ")
    require_same(given.strip() if scheme.lower() == "basic" else "", wanted)


def require_fresh(call: Call, signed_at: datetime, within: timedelta = FRESH) -> None:
    """Raise Stale unless it was signed about now."""
    if abs(call.at - signed_at) > within:
        raise Stale("It was signed at another time.")


def json_of(call: Call, *, kind: type = dict) -> Any:
    """The JSON of the body, an object unless `kind` is list. Raises Malformed."""
    try:
        said = json.loads(call.body)
    except (ValueError, RecursionError):
        raise Malformed("The body is no JSON.") from None
    if not isinstance(said, kind):
        raise Malformed(f"The body is no JSON {'array' if kind is list else 'object'}.")
    return said


def objects(said: Iterable[Any]) -> list[dict[str, Any]]:
    """Those of a list that are objects: what a provider adds some day must not stop the others."""
    return [one for one in said if isinstance(one, dict)]
