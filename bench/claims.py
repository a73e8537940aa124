"""Claim what is due: `python -m bench.claims ROWS`, which are made from finished ones first."""

import json
import sys
import time
from uuid import uuid4

import django

from bench import history

# The copies that are there already differ in no more than their last digits.
OTHER_ID = "(left(row.id::text, 24) || right(md5(row.id::text), 12))::uuid"


def main(rows: int) -> None:
    """Claim until there is nothing left; print how long that took."""
    from django.db import connection

    from delivery import queue
    from notifications.words import Lane

    with connection.cursor() as cursor:
        history.multiply(cursor, "delivery", rows, id=OTHER_ID, state=1, due_at="now()", lease=None)
        cursor.execute("ANALYZE delivery")
    claimed, began = 0, time.monotonic()
    while found := queue.claim(Lane.BULK, token=uuid4()):
        claimed += len(found)
    print(json.dumps({"claimed": claimed, "seconds": time.monotonic() - began}))


if __name__ == "__main__":
    django.setup()
    main(int(sys.argv[1]))
