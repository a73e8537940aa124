"""The two addresses that mails lead to. Neither asks the database."""

from uuid import UUID

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect

from delivery.lifecycle import EventKind
from delivery.tracking import places
from delivery.tracking.hits import collector
from delivery.tracking.judging import fetched_ahead
from delivery.tracking.keeping import Hit
from delivery.tracking.places import NotOurs
from notifysite.plumbing.methods import reads_only

LONGEST_AGENT = 300
HEADERS = {
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",  # the page need not know from which mail its reader came
    "X-Robots-Tag": "noindex",
}
# One transparent dot, the smallest GIF89a there is.
DOT = (
    b"GIF89a\x01\x00\x01\x00\x80\x00\x00\x00\x00\x00\xff\xff\xff"
    b"!\xf9\x04\x01\x00\x00\x00\x00,\x00\x00\x00\x00\x01\x00\x01\x00\x00\x02\x02D\x01\x00;"
)


@reads_only
def click(request: HttpRequest, *, token: str) -> HttpResponse:
    """On to where the link leads; 404 for one that we did not write."""
    try:
        link = places.read_click(token)
    except NotOurs:
        raise Http404 from None
    _take(request, EventKind.CLICKED, link.delivery, link=link.target)
    return HttpResponseRedirect(link.target, headers=HEADERS)


@reads_only
def opened(request: HttpRequest, *, token: str) -> HttpResponse:
    """The picture that nobody sees; 404 for one that we did not write."""
    try:
        delivery = places.read_open(token)
    except NotOurs:
        raise Http404 from None
    _take(request, EventKind.OPENED, delivery)
    return HttpResponse(DOT, content_type="image/gif", headers=HEADERS)


def _take(request: HttpRequest, kind: EventKind, delivery: UUID, *, link: str = "") -> None:
    if request.method != "GET":
        return  # who asks for the headers alone shows nothing to anybody
    hit = Hit(
        delivery=delivery,
        kind=kind,
        link=link,
        agent=request.headers.get("User-Agent", "")[:LONGEST_AGENT],
        ahead=fetched_ahead(request.headers),
        at=collector.clock(),
    )
    collector.take(hit)
