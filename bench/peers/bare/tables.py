"""Make the table: `python -m bench.peers.bare.tables`."""

import json

import django
from django.core.management import call_command

if __name__ == "__main__":
    django.setup()
    call_command("migrate", run_syncdb=True, verbosity=0)
    print(json.dumps({}))
