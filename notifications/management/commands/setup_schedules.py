"""manage.py setup_schedules: what beat starts; harmless to repeat."""

from typing import Any

from django.core.management.base import BaseCommand
from django_celery_beat.models import IntervalSchedule, PeriodicTask


class Command(BaseCommand):
    """Writes beat's table. Editors may change what is there; it is not written over."""

    help = "Make the periodic tasks of beat that are not there yet."

    def handle(self, *args: Any, **options: Any) -> None:
        """House-keeping each minute; the pump does it too, so beat is not needed for it."""
        minute, _ = IntervalSchedule.objects.get_or_create(every=1, period=IntervalSchedule.MINUTES)
        _, made = PeriodicTask.objects.get_or_create(
            name="keep house",
            defaults={
                "task": "notifications.tasks.keep_house",
                "interval": minute,
                "queue": "default",
                "expire_seconds": 60,
            },
        )
        self.stdout.write("Made: keep house." if made else "All there.")
