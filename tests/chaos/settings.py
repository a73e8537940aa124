"""Settings of the product's processes in the chaos suite: the product, with a made-up provider."""

import os

from notifysite.settings.test import *

LOGGING_CONFIG = "notifysite.plumbing.logs.configure"
API_REQUESTS_PER_MINUTE = 1_000_000

CHANNELS = ["email", "sms", "web_push", "mobile_push", "webhook"]
ACCOUNTS = {"acme": os.environ.get("ACME_URL", ""), "zenith": os.environ.get("ZENITH_URL", "")}
DELIVERY_PROVIDERS = {
    **DELIVERY_PROVIDERS,
    **{
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
        for alias, url in ACCOUNTS.items()
    },
}
# CHAOS_ROUTE is for all channels, CHAOS_ROUTE_SMS for one.
ROUTE = os.environ.get("CHAOS_ROUTE", "acme")
DELIVERY_ROUTES = {
    channel: os.environ.get(f"CHAOS_ROUTE_{channel.upper()}", ROUTE).split(",")
    for channel in CHANNELS
} | {"in_app": ["inbox"]}
OUTBOUND_ALLOWED_ORIGINS = [url.rpartition("/")[0] for url in ACCOUNTS.values() if url]
