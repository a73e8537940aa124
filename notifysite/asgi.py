"""The ASGI entry point: HTTP, server-sent events and WebSockets on one port."""

import os

from channels.routing import ProtocolTypeRouter, URLRouter
from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "notifysite.settings")
http = get_asgi_application()

# Only now are the apps loaded.
from delivery.inbox.routing import TrustedOrigins, elsewhere, websocket_urlpatterns  # noqa: E402

application = ProtocolTypeRouter(
    {
        "http": http,
        "websocket": TrustedOrigins(URLRouter([*websocket_urlpatterns, elsewhere])),
    }
)
