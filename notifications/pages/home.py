"""The front page: what this is, and whether it is well."""

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.templatetags.static import static
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_safe

from notifications.monitoring import readiness
from notifysite.plumbing.paper import page

NAMES = {
    "database": gettext_lazy("Database"),
    "partitions": gettext_lazy("Storage by month"),
    "pump": gettext_lazy("Pump"),
    "workers": gettext_lazy("Workers"),
}


@require_safe
def home(request: HttpRequest) -> HttpResponse:
    """Say so, by the very checks of /readyz; what is wrong is told in the admin and there."""
    parts = readiness.parts()
    context = {
        "parts": [(NAMES.get(part.name, part.name), part.ready) for part in parts],
        "well": all(part.ready for part in parts),
        "demo": settings.EMBEDDED,
    }
    return page(request, "notifications/pages/home.html", context)


@require_safe
def icon(request: HttpRequest) -> HttpResponse:
    """Where browsers look for the icon of what names none."""
    return HttpResponseRedirect(static("notifysite/icon.svg"))
