"""Dead letters made ready: planned messages that did not leave, and whose tries are said to be
over."""

import time
from collections.abc import Callable, Sequence

from tests.chaos.stand.program import wait_until
from tests.chaos.stand.scene import Scene

KNOWN_WITHIN = 1.5  # seconds until every worker has read that a provider is drained
# An operator drains the provider, so that messages are planned and none leaves.
_DRAIN = """
    INSERT INTO delivery_breaker (provider, channel, opens, drained, reason)
    VALUES (%s, %s, 0, true, 'made ready')
"""
_OPEN_AGAIN = "DELETE FROM delivery_breaker WHERE provider = %s AND channel = %s"
_QUEUED = "SELECT id::text FROM delivery WHERE notification_id = ANY(%s::uuid[]) AND state = 1"
# How their tries were used up is no matter to whoever replays them.
_BURY = """
    WITH dead AS (
        UPDATE delivery SET state = 15, reason = 29, due_at = NULL, lease = NULL
        WHERE id = ANY(%s::uuid[]) AND state = 1 RETURNING notification_id
    ) UPDATE notification SET status = 3 WHERE id IN (SELECT notification_id FROM dead)
"""


def bury(
    scene: Scene, post: Callable[[], Sequence[str]], *, provider: str = "acme", channel: int = 1
) -> list[str]:
    """Make dead letters of the notifications that `post` sends, one each; returns their ids."""
    scene.database.sql(_DRAIN, [provider, channel])
    time.sleep(KNOWN_WITHIN)
    notifications = list(post())

    def queued() -> list[str]:
        return [id_ for (id_,) in scene.database.sql(_QUEUED, [notifications])]

    wait_until(lambda: len(queued()) == len(notifications), "all was planned", within=180)
    letters = queued()
    scene.database.sql(_BURY, [letters])
    scene.database.sql(_OPEN_AGAIN, [provider, channel])
    return letters
