"""Make people, notifications and their tasks: `python -m bench.peers.naive.queue NUMBER`."""

import json
import sys

import django
from django.core.management import call_command

from bench import content


def main(number: int) -> None:
    """One by one, as a view would."""
    from bench.peers.naive import app  # noqa: F401 - so that the task knows its broker
    from bench.peers.naive.models import Notification, Person
    from bench.peers.naive.tasks import deliver

    call_command("migrate", run_syncdb=True, verbosity=0)
    for one in range(number):
        person = Person.objects.create(name=content.name(one), email=content.address(one))
        notification = Notification.objects.create(person=person, data=content.context(one))
        deliver.delay(notification.pk)
    print(json.dumps({"queued": number}))


if __name__ == "__main__":
    django.setup()
    main(int(sys.argv[1]))
