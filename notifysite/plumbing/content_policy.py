"""Content-Security-Policy by path: what a page may load and who may frame it.

A response that brings a policy of its own keeps it.
"""

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse

HEADER = "Content-Security-Policy"


class ContentPolicyMiddleware:
    """Sets the policy of the longest prefix in settings.CONTENT_POLICIES that fits the path."""

    sync_capable = True
    async_capable = False

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._get_response = get_response
        self._policies = sorted(settings.CONTENT_POLICIES.items(), key=lambda one: -len(one[0]))

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self._get_response(request)
        for prefix, policy in self._policies:
            if request.path_info.startswith(prefix):
                response.headers.setdefault(HEADER, policy)
                break
        return response
