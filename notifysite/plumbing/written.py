"""Answers that come as JSON already: to build them as objects first would cost more than all else
that is done for one."""

import json
from collections.abc import Mapping

from django.http import HttpResponse, HttpResponseBase
from rest_framework.request import Request
from rest_framework.response import Response

from notifysite.plumbing.negotiation import JSON

# JavaScript once took these for ends of lines; the framework's renderer never writes them either.
_LINES = str.maketrans({"\u2028": "\\u2028", "\u2029": "\\u2029"})


def written(
    request: Request, text: str, *, status: int, headers: Mapping[str, str] | None = None
) -> HttpResponseBase:
    """Answer with JSON that has no blanks; who asked for another layout gets that."""
    if request.accepted_media_type != JSON:
        return Response(json.loads(text), status=status, headers=headers)
    if not text.isascii():
        text = text.translate(_LINES)
    return HttpResponse(text.encode(), status=status, headers=headers, content_type=JSON)
