"""Whether any service wants to be told anything: looked at once a second, not for each letter."""

import math
import time

from notifications.models import CallbackEndpoint

CACHE_SECONDS = 1.0

_cached: tuple[float, bool] = (-math.inf, False)


def there() -> bool:
    """Whether there are any, as of the last second."""
    global _cached
    looked_at, found = _cached
    if time.monotonic() - looked_at > CACHE_SECONDS:
        found = CallbackEndpoint.objects.filter(enabled=True).exists()
        _cached = (time.monotonic(), found)
    return found


def forget() -> None:
    """Look again the next time."""
    global _cached
    _cached = (-math.inf, False)
