"""The view."""

import json

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import path
from django.views.decorators.csrf import csrf_exempt

from bench.peers.bare.models import Row


@csrf_exempt
def accept(request: HttpRequest) -> HttpResponse:
    """Insert a row."""
    said = json.loads(request.body)
    row = Row.objects.create(type=said["type"], person=said["to"], data=said["data"])
    response = JsonResponse({"id": str(row.pk)}, status=202)
    response.headers["Content-Length"] = str(len(response.content))  # or it would be in chunks
    return response


def healthz(request: HttpRequest) -> HttpResponse:
    """Say that we are here."""
    return HttpResponse("ok")


urlpatterns = [path("rows", accept), path("healthz", healthz)]
