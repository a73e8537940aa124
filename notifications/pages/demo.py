"""An example host page: a small shop with the bell, where one can try everything.

Only beside the embedded stack: it lets everybody act for one made-up customer.
"""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from delivery import channels
from notifications.demo import access, people
from notifications.intake.accept import accept
from notifications.intake.request import Addressee, SendRequest
from notifications.models import NotificationType, Service
from notifications.services import own
from notifysite.plumbing.paper import page, speaking
from notifysite.plumbing.problems import Problem
from preferences import links, wishes
from preferences.authentication import issue_token
from preferences.directory import find_one
from preferences.models import Recipient
from preferences.pages.doors import here
from preferences.wanted import Wanted
from preferences.wishes import By, EditsInvalid

ACTOR = "demo"
FIRST = "order_shipped"
LEFT_OUT = ("preferences_link",)  # it says what only the site can say


def embedded_only(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """Nowhere else is there such a page."""

    @wraps(view)
    def door(request: HttpRequest, **kwargs: Any) -> HttpResponse:
        customer = Recipient.objects.filter(user_id=people.FIRST).first()
        if not settings.EMBEDDED or customer is None:
            raise Http404
        return view(request, customer, **kwargs)

    return door


@embedded_only
@require_safe
def shop(request: HttpRequest, customer: Recipient) -> HttpResponse:
    """The shop, with the customer logged in."""
    now = timezone.now()
    listed = find_one(pk=customer.pk)
    email = listed.current(channels.EMAIL.number) if listed else ""
    full = links.full_preferences_url(customer.subject, now=now)
    root = here(full)
    with speaking(customer.locale):
        context = {
            "token": issue_token(customer.subject, now=now)[0],
            "user_id": customer.user_id,
            "email": email,
            "kinds": NotificationType.objects.filter(active=True).exclude(key__in=LEFT_OUT),
            "first": FIRST,
            "centre": root,
            "history": root.replace("/preferences/", "/inbox/"),
            "languages": settings.LANGUAGES,
            "locale": customer.locale,
            "sent": request.GET.get("sent", ""),
        }
        return page(request, "notifications/pages/demo.html", context)


@embedded_only
@require_safe
def token(request: HttpRequest, customer: Recipient) -> HttpResponse:
    """A fresh token for the bell, as the shop's own server would hand it out."""
    fresh, _until = issue_token(customer.subject, now=timezone.now())
    return JsonResponse({"token": fresh}, headers={"Cache-Control": "no-store"})


@embedded_only
@require_POST
def send(request: HttpRequest, customer: Recipient) -> HttpResponse:
    """Send the customer one notification, as the shop's own program would."""
    kind = NotificationType.objects.filter(key=request.POST.get("type", FIRST), active=True).first()
    shop = Service.objects.filter(key=access.SERVICE).first()
    caller = own.caller_of(shop) if shop else None
    if kind is None or kind.key in LEFT_OUT or caller is None:
        return _back(request, _("The demo content is missing: run manage.py demo_content."), 409)
    to = Addressee(wanted=Wanted(user_id=str(customer.user_id)))
    try:
        accept(SendRequest(type=kind.key, to=(to,), data=kind.sample_data), caller=caller)
    except Problem as problem:
        return _back(request, problem.detail or problem.title, problem.status)
    return _back(request, _("“%(kind)s” is on its way.") % {"kind": kind.name}, 202)


@embedded_only
@require_POST
def language(request: HttpRequest, customer: Recipient) -> HttpResponse:
    """Let the customer read another language from now on."""
    body = {"locale": request.POST.get("locale", "")}
    try:
        wishes.set_preferences(
            customer.pk, body, by=By(actor=ACTOR, source="person"), now=timezone.now()
        )
    except EditsInvalid:
        raise Http404 from None
    return HttpResponseRedirect("/demo/")


def _back(request: HttpRequest, text: str, status: int) -> HttpResponse:
    """To the script of the page what happened; to a form the page again."""
    if request.headers.get("Accept") == "application/json":
        return JsonResponse({"text": text}, status=status)
    return HttpResponseRedirect(f"/demo/?sent={status}")
