"""Fill the queue: `python -m bench.peers.post_office.queue LETTERS`; tells its rate and CPU."""

import json
import sys
import time

import django
from django.core.management import call_command

from bench import content
from bench.peers.letters import cpu_seconds

AT_A_TIME = 1000


def main(letters: int) -> None:
    """Make the tables and a template, and queue a letter for each person."""
    from post_office import mail
    from post_office.models import EmailTemplate

    call_command("migrate", verbosity=0)
    words = content.words(content.DJANGO)
    template = EmailTemplate.objects.create(
        name="parcel",
        subject=words["subject"],
        content=words["text"],
        html_content=words["body"],
    )
    began, before = time.monotonic(), cpu_seconds()
    for start in range(0, letters, AT_A_TIME):
        mail.send_many(
            {
                "recipients": [content.address(number)],
                "sender": content.SENDER,
                "template": template,
                "context": content.context(number),
            }
            for number in range(start, min(start + AT_A_TIME, letters))
        )
    spent, took = cpu_seconds() - before, time.monotonic() - began
    print(json.dumps({"rate": letters / took, "cpu_us": 1e6 * spent / letters}))


if __name__ == "__main__":
    django.setup()
    main(int(sys.argv[1]))
