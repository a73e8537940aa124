"""The product with 100 threads for each of its providers, and one that speaks HTTP."""
# ruff: noqa: F403, F405 - these settings are the product's, and a little more

import os

from notifysite.settings import *

THREADS = 100
_url = os.environ.get("BENCH_HTTP_URL", "http://127.0.0.1:1")
DELIVERY_PROVIDERS = {
    **DELIVERY_PROVIDERS,
    "email": {**DELIVERY_PROVIDERS["email"], "OPTIONS": {"threads": THREADS}},
    "acme": {
        "BACKEND": "tests.fakes.acme.Acme",
        "CHANNELS": ["sms"],
        "OPTIONS": {"url": f"{_url}/messages", "threads": THREADS},
    },
}
DELIVERY_ROUTES = {**DELIVERY_ROUTES, "sms": ["acme"]}
OUTBOUND_ALLOWED_ORIGINS = [_url]
