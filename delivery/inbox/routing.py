"""Sockets of the inbox, and which pages may open them."""

from typing import Any
from urllib.parse import ParseResult

from channels.security.websocket import OriginValidator, WebsocketDenier
from django.conf import settings
from django.urls import URLPattern, path, re_path

from delivery.inbox.consumers import InboxConsumer

websocket_urlpatterns: list[URLPattern] = [path("ws/inbox/", InboxConsumer.as_asgi())]
elsewhere = re_path(r"", WebsocketDenier.as_asgi())


class TrustedOrigins(OriginValidator):  # type: ignore[misc]
    """Lets in pages of our own hosts and of trusted origins; one that names no origin stays out.

    A browser sends cookies along with a socket whatever page opens it, and always says which: this
    is what CSRF protection is for forms. "*" in ALLOWED_HOSTS therefore does not count here.
    """

    def __init__(self, application: Any) -> None:
        super().__init__(application, [])

    def valid_origin(self, parsed_origin: ParseResult | None) -> bool:
        """Whether a page of this origin may open a socket."""
        if parsed_origin is None:
            return False
        hosts = [host for host in settings.ALLOWED_HOSTS if host != "*"]
        return any(
            self.match_allowed_origin(parsed_origin, pattern.replace("://*.", "://."))
            for pattern in [*hosts, *settings.CSRF_TRUSTED_ORIGINS]
        )
