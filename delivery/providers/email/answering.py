"""Read no more of a mail service's answer than an answer has: not a bomb, not an endless one."""

import io
import time
from typing import Any

from requests import PreparedRequest, Response  # noqa: TID251 - anymail speaks through it
from requests.adapters import HTTPAdapter  # noqa: TID251 - as above
from urllib3 import BaseHTTPResponse
from urllib3.exceptions import HTTPError

from notifysite.plumbing.http import MAX_BODY


class BoundedAdapter(HTTPAdapter):
    """Carries the requests of a session, with answers that end at 64 KiB."""

    def send(self, request: PreparedRequest, *args: Any, **options: Any) -> Response:
        """Send, and read some of the answer, within the time there is for one read."""
        answer = super().send(request, *args, **options)
        timeout = options.get("timeout")
        seconds = timeout[1] if isinstance(timeout, tuple) else timeout
        answer.raw = io.BytesIO(read_some(answer.raw, seconds=seconds, decode=True))
        return answer


def read_some(raw: BaseHTTPResponse, *, seconds: float | None, decode: bool) -> bytes:
    """The body up to 64 KiB, or what there is of it after so many seconds; None: however long.

    `decode`: whether to unpack it, where it is packed.
    """
    # The status has been said by now, so a body that breaks off does not undo it.
    body = bytearray()
    ends = time.monotonic() + seconds if seconds else float("inf")
    try:
        while len(body) < MAX_BODY and time.monotonic() < ends:
            part = raw.read1(MAX_BODY, decode_content=decode)
            if not part:
                break
            body += part
    except HTTPError:
        pass
    finally:
        raw.close()  # nothing, where it was read to its end
        raw.release_conn()
    return bytes(body[:MAX_BODY])
