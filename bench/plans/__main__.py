"""python -m bench.plans: a scratch database beside DATABASE_URL's, made, filled and dropped.

Prints a table of what each list and claim reads, and ends with 1 if one scans a big table whole.
"""

import argparse
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import django


@contextmanager
def scratch() -> Iterator[None]:
    """A database of our own, with all tables."""
    from django.db import connection

    name = connection.settings_dict["NAME"]
    connection.settings_dict["TEST"]["NAME"] = f"{name}_plans"
    connection.creation.create_test_db(verbosity=0, autoclobber=True, serialize=False)
    try:
        yield
    finally:
        connection.creation.destroy_test_db(name, verbosity=0)


def main() -> int:
    """Make it, look twice (the first time warms), tell."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--notifications", type=int, default=1_000_000)
    count = parser.parse_args().notifications
    with scratch():
        began = time.monotonic()
        return tell(count, began)


def tell(count: int, began: float) -> int:
    """Fill, look at every case, and print."""
    from django.db import transaction

    from bench.plans import cases, history, looking

    history.make(count)
    print(f"{count:,} notifications in {time.monotonic() - began:.0f} s\n", file=sys.stderr)
    print("| what | scans of big tables | months | rows read | ms |\n|---|---|---|---|---|")
    sizes, bad = looking.sizes(), 0
    with transaction.atomic():
        for name, deed in cases.every():
            for _ in range(2):
                found = looking.undone(name, deed, sizes=sizes)
            scans = ", ".join(sorted(found.scans)) or "none"
            print(f"| {name} | {scans} | {found.months} | {found.read:,} | {found.ms:.1f} |")
            bad += bool(found.whole)
        transaction.set_rollback(True)
    print(f"\n{bad} scan a table of more than {looking.BIG:,} rows whole.")
    return int(bad > 0)


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "notifysite.settings.test")
    django.setup()
    sys.exit(main())
