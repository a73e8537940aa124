"""The ASGI entry point: HTTP, server-sent events and WebSockets on one port."""

import os

from channels.routing import ProtocolTypeRouter, URLRouter
from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "notifysite.settings")
waiting = get_asgi_application()

# Only now are the apps loaded.
from delivery.inbox.routing import TrustedOrigins, elsewhere, websocket_urlpatterns  # noqa: E402
from notifysite.plumbing.threads import (  # noqa: E402
    Receive,
    Scope,
    Send,
    ThreadedHandler,
    is_asynchronous,
)

threaded = ThreadedHandler()


async def http(scope: Scope, receive: Receive, send: Send) -> None:
    """Streams wait in the event loop; all else is synchronous and is done in threads."""
    handler = waiting if is_asynchronous(scope) else threaded
    await handler(scope, receive, send)


application = ProtocolTypeRouter(
    {
        "http": http,
        "websocket": TrustedOrigins(URLRouter([*websocket_urlpatterns, elsewhere])),
    }
)
