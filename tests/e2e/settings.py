"""Settings of processes that tests start: the product with a sandbox of its own."""

import os

from notifysite.settings.test import *

DELIVERY_PROVIDERS = {
    **DELIVERY_PROVIDERS,
    "ledger": {
        "BACKEND": "tests.fakes.ledger.LedgerProvider",
        "CHANNELS": ["email", "sms", "web_push", "mobile_push", "webhook", "chat"],
        "OPTIONS": {"path": os.environ.get("TEST_LEDGER", "")},
    },
}
DELIVERY_ROUTES = {
    "email": ["ledger"],
    "sms": ["ledger"],
    "in_app": ["inbox"],
}
# How soon a worker that hears nothing is ended.
DEAF_SECONDS = float(os.environ.get("TEST_DEAF_SECONDS", DEAF_SECONDS))
HEARTBEAT_SECONDS = ENDING_SECONDS = min(1.0, DEAF_SECONDS)
