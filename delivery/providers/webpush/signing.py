"""The signature by which a push service knows us (RFC 8292), kept while it holds."""

import threading
import time
from collections import OrderedDict
from typing import Final

from py_vapid import Vapid02, VapidException

from notifysite.plumbing import vapid

SIGNED_FOR: Final = 12 * 3600  # RFC 8292 allows 24 hours; half leaves room for wrong clocks
SIGNED_ANEW: Final = 3600  # how long before its end a signature is replaced
MOST_KEPT: Final = 64


class Signatures:
    """Signs once for each push service, anew shortly before that ends.

    Raises ValueError for a key or a contact that no push service could take.
    """

    def __init__(self, private_key: str, contact: str) -> None:
        self._vapid = Vapid02(vapid.read(private_key))
        self._contact = contact if ":" in contact else f"mailto:{contact}"
        self._kept: OrderedDict[str, tuple[float, str]] = OrderedDict()
        self._lock = threading.Lock()
        try:
            self._sign("https://push.example.com", until=int(time.time()) + SIGNED_FOR)
        except VapidException:
            raise ValueError("contact must be an email address or an https:// URL") from None

    def of(self, audience: str) -> str:
        """The Authorization header for a push service, named by its origin."""
        now = time.time()
        with self._lock:
            until, signature = self._kept.get(audience, (0.0, ""))
            # A clock that was set back leaves signatures that end too late to be accepted.
            if not SIGNED_ANEW < until - now <= SIGNED_FOR:
                until = int(now) + SIGNED_FOR
                signature = self._sign(audience, until=int(until))
                self._kept[audience] = until, signature
            self._kept.move_to_end(audience)
            if len(self._kept) > MOST_KEPT:
                self._kept.popitem(last=False)
            return signature

    def forget(self, audience: str) -> None:
        """Sign anew the next time: this one was not accepted."""
        with self._lock:
            self._kept.pop(audience, None)

    def _sign(self, audience: str, *, until: int) -> str:
        claims = {"aud": audience, "exp": until, "sub": self._contact}
        header: str = self._vapid.sign(claims)["Authorization"]
        return header
