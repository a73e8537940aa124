"""The ASGI entry point: HTTP, server-sent events and WebSockets on one port."""

import gc
import os

import django
from channels.routing import ProtocolTypeRouter, URLRouter

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "notifysite.settings")
django.setup(set_prefix=False)

# Only now are the apps loaded.
from delivery.inbox.routing import TrustedOrigins, elsewhere, websocket_urlpatterns  # noqa: E402
from notifysite.plumbing.programs import Handler  # noqa: E402
from notifysite.plumbing.threads import (  # noqa: E402
    BoundedHandler,
    Receive,
    Scope,
    Send,
    is_asynchronous,
)

waiting, threaded = BoundedHandler(), Handler()


async def http(scope: Scope, receive: Receive, send: Send) -> None:
    """Streams wait in the event loop; all else is synchronous and is done in threads."""
    handler = waiting if is_asynchronous(scope) else threaded
    await handler(scope, receive, send)


# What is loaded by now stays. Without this the collector walks through all of Django each time that
# a large request has made enough objects: a quarter of what such a request costs.
gc.collect()
gc.freeze()

application = ProtocolTypeRouter(
    {
        "http": http,
        "websocket": TrustedOrigins(URLRouter([*websocket_urlpatterns, elsewhere])),
    }
)
