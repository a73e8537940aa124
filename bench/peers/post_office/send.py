"""Empty the queue as its command does: two processes; tells the CPU seconds that took."""

import json

import django
from django.core.management import call_command

from bench.peers.letters import cpu_seconds

PROCESSES = 2

if __name__ == "__main__":
    django.setup()
    before = cpu_seconds()
    call_command("send_queued_mail", processes=PROCESSES)
    print(json.dumps({"cpu": cpu_seconds() - before}))
