"""Content-Security-Policy by path: what a page may load and who may frame it.

A response that brings a policy of its own keeps it.
"""

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils.deprecation import MiddlewareMixin

HEADER = "Content-Security-Policy"


class ContentPolicyMiddleware(MiddlewareMixin):
    """Sets the policy of the longest prefix in settings.CONTENT_POLICIES that fits the path."""

    async_capable = False

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        super().__init__(get_response)
        self._policies = sorted(settings.CONTENT_POLICIES.items(), key=lambda one: -len(one[0]))

    def process_response(self, request: HttpRequest, response: HttpResponse) -> HttpResponse:
        """Set it."""
        for prefix, policy in self._policies:
            if request.path_info.startswith(prefix):
                response.headers.setdefault(HEADER, policy)
                break
        return response
