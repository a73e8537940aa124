"""Ask for a link to one's own preferences, by the address that messages come to."""

import logging
import time
from datetime import timedelta

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from notifications.intake.accept import accept
from notifications.intake.request import Addressee, SendRequest
from notifications.services import own
from notifications.services.limits import limiter
from notifysite.plumbing.paper import page
from notifysite.plumbing.problems import Problem
from preferences import addresses, links
from preferences.addresses import AddressInvalid, Reach
from preferences.models import Address, Recipient
from preferences.pages.doors import log_in_url
from preferences.wanted import Wanted

logger = logging.getLogger(__name__)

TYPE = "preferences_link"
PER_MINUTE = 10  # from one place
PER_ADDRESS = 2  # a minute, to one address
MOST_PEOPLE = 3  # who share an address
ANSWERED_AFTER = timedelta(milliseconds=300)


# Whoever forges this form for somebody makes us send a letter to an address they had to know, and
# may do so here as well. So it needs no cookie, and works where they are refused.
@csrf_exempt
@require_http_methods(["GET", "HEAD", "POST"])
def ask(request: HttpRequest) -> HttpResponse:
    """Ask for an address, and answer the same whether it is known or not."""
    if request.method != "POST":
        return _form(request)
    typed = request.POST.get("address", "").strip()
    place = f"preferences_link:{request.META.get('REMOTE_ADDR', '')}"
    standing = limiter(settings.REDIS_URL).hit(place, PER_MINUTE)
    if not standing.accepted:
        wrong = _("Too many tries from here. Wait a minute.")
        answer = _form(request, typed=typed, wrong=wrong, status=429)
        answer.headers["Retry-After"] = str(standing.reset)
        return answer
    try:
        reach = addresses.email(typed) if "@" in typed else addresses.phone(typed)
    except AddressInvalid:
        wrong = _("Enter an email address, or a phone number such as +491701234567.")
        return _form(request, typed=typed, wrong=wrong, status=422)
    _send(reach)
    return page(request, "notifications/pages/link_sent.html", {"typed": typed})


def _form(
    request: HttpRequest, *, typed: str = "", wrong: str = "", status: int = 200
) -> HttpResponse:
    context = {"typed": typed, "wrong": wrong, "log_in": log_in_url()}
    return page(request, "notifications/pages/link.html", context, status=status)


def _send(reach: Reach) -> None:
    """Send the link to whoever has this address; it takes as long when nobody has."""
    until = time.monotonic() + ANSWERED_AFTER.total_seconds()
    name = f"preferences_link:{reach.hash.hex()}"
    if limiter(settings.REDIS_URL).hit(name, PER_ADDRESS).accepted:
        for person in _people(reach):
            _tell(person, reach.channel)
    # How long an answer takes must not tell whether there was somebody to write to.
    time.sleep(max(0.0, until - time.monotonic()))


def _people(reach: Reach) -> list[Recipient]:
    found = Address.objects.select_related("recipient").filter(
        channel=reach.channel,
        hash=reach.hash,
        retired_at__isnull=True,
        recipient__data_key__isnull=False,
    )
    return [row.recipient for row in found.order_by("-id")[:MOST_PEOPLE]]


def _tell(person: Recipient, channel: int) -> None:
    now = timezone.now()
    request = SendRequest(
        type=TYPE,
        to=(Addressee(wanted=Wanted(user_id=str(person.user_id))),),
        data={"url": links.full_preferences_url(person.subject, now=now)},
        channels=frozenset({channel}),
        expires_at=now + links.ASKED_FOR,
    )
    try:
        accept(request, caller=own.caller())
    except Problem as problem:
        # The catalog has no such type, or none for this channel: the answer must not tell.
        logger.warning("a link to preferences was not sent: %s", problem.code)
