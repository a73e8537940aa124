"""Settings of an embedded stack that the chaos suite kills: as `make run`, with the provider."""

from notifysite.settings import *
from tests.chaos.accounts import ORIGINS, PROVIDERS, ROUTES

API_REQUESTS_PER_MINUTE = 1_000_000
DELIVERY_PROVIDERS = {**DELIVERY_PROVIDERS, **PROVIDERS}
DELIVERY_ROUTES = {**ROUTES, "in_app": ["inbox"]}
OUTBOUND_ALLOWED_ORIGINS = ORIGINS
