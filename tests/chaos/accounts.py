"""The accounts with the made-up provider that the processes of a fault have, by environment."""

import os
from typing import Any

CHANNELS = ["email", "sms", "web_push", "mobile_push", "webhook"]
URLS = {"acme": os.environ.get("ACME_URL", ""), "zenith": os.environ.get("ZENITH_URL", "")}
PROVIDERS: dict[str, dict[str, Any]] = {
    alias: {
        "BACKEND": os.environ.get("ACME_BACKEND", "tests.fakes.acme.Acme"),
        "CHANNELS": CHANNELS,
        "OPTIONS": {
            "url": url,
            "threads": int(os.environ.get("ACME_THREADS", "8")),
            "idempotent_for": float(os.environ.get("ACME_IDEMPOTENT_FOR", "0")),
            "seconds": float(os.environ.get("ACME_SECONDS", "10")),
        },
    }
    for alias, url in URLS.items()
}
# CHAOS_ROUTE is for all channels, CHAOS_ROUTE_SMS for one.
ROUTE = os.environ.get("CHAOS_ROUTE", "acme")
ROUTES = {
    channel: os.environ.get(f"CHAOS_ROUTE_{channel.upper()}", ROUTE).split(",")
    for channel in CHANNELS
}
ORIGINS = [url.rpartition("/")[0] for url in URLS.values() if url]
