"""One task, for one notification."""

from celery import shared_task
from django.core.mail import EmailMultiAlternatives
from django.template import Context, Engine
from django.utils import timezone

from bench import content
from bench.peers.naive.models import Notification


@shared_task
def deliver(notification_id: int) -> None:
    """Look it up, render it, send it, save it."""
    notification = Notification.objects.get(pk=notification_id)
    person = notification.person
    if not person.wants_email or person.suppressed:
        notification.status = "skipped"
        notification.save()
        return
    notification.status = "sending"
    notification.save()
    engine, context = Engine(), Context(notification.data)
    said = {
        part: engine.from_string(words).render(context)
        for part, words in content.words(content.DJANGO).items()
    }
    letter = EmailMultiAlternatives(said["subject"], said["text"], content.SENDER, [person.email])
    letter.attach_alternative(said["body"], "text/html")
    letter.send()
    notification.status, notification.sent_at = "sent", timezone.now()
    notification.save()
