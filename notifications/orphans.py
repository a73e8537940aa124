"""What processes that died had in hand: due at once, and not when their leases run out."""

import structlog

from delivery import queue
from notifications.planning import plan
from notifysite.plumbing import claims

log = structlog.get_logger(__name__)


class Orphans:
    """Watches who holds claims, and frees those of whoever is gone since it last looked.

    Only what had not been marked: that may be out, and waits for its lease as ever.
    """

    def __init__(self) -> None:
        self._holders: frozenset[int] = frozenset()

    def free(self) -> int:
        """Look; returns how many rows were freed."""
        holders = claims.holders()
        gone, self._holders = self._holders - holders, holders
        freed = queue.free(gone) + plan.free(gone) if gone else 0
        if freed:
            log.info("orphans_freed", processes=len(gone), rows=freed)
        return freed
