"""Settings of the product's processes in the chaos suite: the product, with a made-up provider."""

import os

from notifysite.settings.test import *
from tests.chaos.accounts import ORIGINS, PROVIDERS, ROUTES

LOGGING_CONFIG = "notifysite.plumbing.logs.configure"
API_REQUESTS_PER_MINUTE = 1_000_000
DATABASES["default"]["CONN_MAX_AGE"] = 600  # as in production
DELIVERY_PROVIDERS = {**DELIVERY_PROVIDERS, **PROVIDERS}
DELIVERY_ROUTES = {**ROUTES, "in_app": ["inbox"]}
OUTBOUND_ALLOWED_ORIGINS = ORIGINS
# Where a fault wants a channel layer that can be full, it is the other one that channels-redis has.
if _capacity := os.environ.get("CHAOS_LAYER_CAPACITY"):
    _layer = CHANNEL_LAYERS["default"]
    _layer["BACKEND"] = "channels_redis.core.RedisChannelLayer"
    _layer["CONFIG"]["capacity"] = int(_capacity)
