"""Make the notifications of every audience that is due: `python -m bench.expand`."""

import json
import time

import django


def main() -> None:
    """Expand until there is nothing left; print how long that took."""
    from django.db import connection

    from notifications.audiences import expand
    from notifications.words import Lane

    connection.ensure_connection()
    made, began, before = 0, time.monotonic(), time.process_time()
    while expand.due_lanes():
        made += expand.expand_due(Lane.BULK)
    took, spent = time.monotonic() - began, time.process_time() - before
    print(json.dumps({"made": made, "seconds": took, "cpu": spent}))


if __name__ == "__main__":
    django.setup()
    main()
