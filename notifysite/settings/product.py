"""What notifysite itself needs."""

from typing import Any

from notifysite.plumbing import vapid
from notifysite.settings import offers
from notifysite.settings.base import EMAIL_CONFIGURED, PUBLIC_URL
from notifysite.settings.env import VAR, env

# Encryption. Several master keys are accepted, the first one wraps; the hash key never rotates,
# or look-ups and suppressions would no longer match.
FIELD_ENCRYPTION_KEYS: list[str] = env.list("FIELD_ENCRYPTION_KEYS", default=[])
FIELD_HASH_KEY: str = env("FIELD_HASH_KEY", default="")

# The API
REST_FRAMEWORK: dict[str, Any] = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "notifications.services.authentication.ApiKeyAuthentication"
    ],
    "DEFAULT_PERMISSION_CLASSES": ["notifications.services.authentication.HasScope"],
    "DEFAULT_THROTTLE_CLASSES": ["notifications.services.limits.ApiKeyLimit"],
    "DEFAULT_PARSER_CLASSES": ["notifysite.plumbing.strictjson.StrictJSONParser"],
    "DEFAULT_CONTENT_NEGOTIATION_CLASS": "notifysite.plumbing.negotiation.Negotiation",
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "EXCEPTION_HANDLER": "notifysite.plumbing.problems.exception_handler",
    "UNAUTHENTICATED_USER": None,
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
}
SPECTACULAR_SETTINGS: dict[str, Any] = {
    "TITLE": "notifysite",
    "DESCRIPTION": "One request becomes the right message, on the right channels, with proof.",
    "VERSION": "1",
    "OAS_VERSION": "3.1.0",
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_PUBLIC": True,
    "SERVE_PERMISSIONS": [],
    "SERVE_AUTHENTICATION": [],
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "REDOC_DIST": "SIDECAR",
    "SCHEMA_PATH_PREFIX": r"/api/v1",
    # Without this the page asks a validator on the internet about the schema.
    "SWAGGER_UI_SETTINGS": {"deepLinking": True, "validatorUrl": None},
    "ENUM_NAME_OVERRIDES": {
        "AudienceKindEnum": "notifications.api.send.KINDS",
        "AudienceStatusEnum": "notifications.api.audiences.STATUSES",
        "ReasonEnum": "notifications.api.shapes.REASONS",
        "SuppressionReasonEnum": "notifications.api.suppressions.REASONS",
    },
}
# How many requests a web process answers at a time, each in a thread with a database connection.
WEB_THREADS = max(1, env.int("WEB_THREADS", default=8))
API_REQUESTS_PER_MINUTE = env.int("API_REQUESTS_PER_MINUTE", default=3000)

# Dead letters that are sent again fall due this many a second, over all calls.
REPLAY_PER_SECOND = max(1, env.int("REPLAY_PER_SECOND", default=50))

# How many notifications of an audience are made in one transaction.
AUDIENCE_CHUNK = max(1, env.int("AUDIENCE_CHUNK", default=5000))

# How large a file may be that is sent along, and all files of a notification together, in bytes;
# and for how many days one is kept after the upload, and after each send that names it.
ATTACHMENT_MOST_BYTES = max(1, env.int("ATTACHMENT_MOST_BYTES", default=10 * 1024 * 1024))
ATTACHMENT_DAYS = max(1, env.int("ATTACHMENT_DAYS", default=30))
# How large the body of any request may be: a larger one is not kept, not even until it is refused.
REQUEST_MOST_BYTES = max(
    env.int("REQUEST_MOST_BYTES", default=100 * 1024 * 1024), ATTACHMENT_MOST_BYTES + 1024 * 1024
)

# How long a web process gathers opens and clicks before it writes them down together.
TRACKING_ROUND_SECONDS = 0.5

# How many full months before this one are kept; 0 keeps them all.
RETENTION_MONTHS = max(0, env.int("RETENTION_MONTHS", default=13))

# Who may read /metrics: whoever sends this as a bearer token; without one, this machine only.
METRICS_TOKEN = env("METRICS_TOKEN", default="")

# What the URL of a webhook may start with: plain http lets anybody on the way read what is sent.
WEBHOOK_SCHEMES: list[str] = env.list("WEBHOOK_SCHEMES", default=["https"])

# Channels and providers: alias -> {BACKEND, CHANNELS, OPTIONS}, in the way of CACHES.
EXTRA_CHANNELS: list[str] = []
DELIVERY_PROVIDERS: dict[str, dict[str, Any]] = {
    "email": {
        "BACKEND": "delivery.providers.email.DjangoEmail",
        "CHANNELS": ["email"],
        "OPTIONS": {},
    },
    "inbox": {"BACKEND": "delivery.inbox.provider.Inbox", "CHANNELS": ["in_app"], "OPTIONS": {}},
    "webhook": {
        "BACKEND": "delivery.providers.webhook.Webhook",
        "CHANNELS": ["webhook"],
        "OPTIONS": {"schemes": WEBHOOK_SCHEMES},
    },
    "chat": {"BACKEND": "delivery.providers.chat.Chat", "CHANNELS": ["chat"], "OPTIONS": {}},
    "sandbox": {
        "BACKEND": "delivery.sandbox.Sandbox",
        "CHANNELS": ["email", "sms", "web_push", "mobile_push", "webhook", "chat"],
        "OPTIONS": {"folder": str(VAR / "outbox")},
    },
    # What a test key sends through: the same simulated outcomes, nothing shown to anyone.
    "test": {
        "BACKEND": "delivery.sandbox.Sandbox",
        "CHANNELS": ["email", "sms", "web_push", "mobile_push", "in_app", "webhook", "chat"],
        "OPTIONS": {"folder": None},
    },
}
# The aliases of each channel in order of preference, unless the Route table says otherwise.
DELIVERY_ROUTES: dict[str, list[str]] = {
    "email": ["email" if EMAIL_CONFIGURED else "sandbox"],
    "sms": ["sandbox"],
    "web_push": ["sandbox"],
    "mobile_push": ["sandbox"],
    "in_app": ["inbox"],
    "webhook": ["webhook"],
    "chat": ["chat"],
}
# Where webhooks of chats may lead, and whose they then are: "slack", "discord" or "teams", the host
# ("*." stands for any name below), and how the path begins.
CHAT_HOSTS: list[str] = env.list(
    "CHAT_HOSTS",
    default=[
        "slack=hooks.slack.com/services/",
        "slack=hooks.slack-gov.com/services/",
        "discord=discord.com/api/webhooks/",
        "discord=discordapp.com/api/webhooks/",
        "teams=*.webhook.office.com/webhookb2/",
        "teams=*.logic.azure.com/workflows/",
        "teams=*.api.powerplatform.com/powerautomate/",
        "slack=simulator.notifysite.test/",
    ],
)
_vapid_key = env("VAPID_PRIVATE_KEY", default="")
# As django-webpush names them, for whoever else reads them.
WEBPUSH_SETTINGS = {
    "VAPID_PUBLIC_KEY": env("VAPID_PUBLIC_KEY", default=vapid.public_or_none(_vapid_key)),
    "VAPID_PRIVATE_KEY": _vapid_key,
    "VAPID_ADMIN_EMAIL": env("VAPID_ADMIN_EMAIL", default="webmaster@localhost"),
}
# The push services of browsers: elsewhere no subscription may lead. "*." stands for any name
# below, and "*" alone for any public host.
WEBPUSH_HOSTS: list[str] = env.list(
    "WEBPUSH_HOSTS",
    default=[
        "fcm.googleapis.com",
        "jmt17.google.com",
        "*.push.services.mozilla.com",
        "*.notify.windows.com",
        "*.push.apple.com",
        "simulator.notifysite.test",
    ],
)
if WEBPUSH_SETTINGS["VAPID_PRIVATE_KEY"]:
    DELIVERY_PROVIDERS["webpush"] = {
        "BACKEND": "delivery.providers.webpush.WebPush",
        "CHANNELS": ["web_push"],
        "OPTIONS": {
            "private_key": WEBPUSH_SETTINGS["VAPID_PRIVATE_KEY"],
            "contact": WEBPUSH_SETTINGS["VAPID_ADMIN_EMAIL"],
            "badge": env("WEBPUSH_BADGE", default=""),
        },
    }
    DELIVERY_ROUTES["web_push"] = ["webpush"]
_taken = offers.take(offers.OFFERS, lambda name: env(name, default=""))
DELIVERY_PROVIDERS |= _taken.providers
for _alias, _entry in _taken.providers.items():
    for _channel in _entry["CHANNELS"]:
        _others = [one for one in DELIVERY_ROUTES[_channel] if one != "sandbox"]
        DELIVERY_ROUTES[_channel] = [*_others, _alias]
# What is missing of providers that are half configured, and what else could be.
DELIVERY_GAPS = dict(_taken.gaps)
DELIVERY_OFFERS = {
    offer.alias: {
        "BACKEND": offer.backend,
        "CHANNELS": [offer.channel],
        "NEEDS": list(offer.needs.values()),
    }
    for offer in offers.OFFERS
}
# Addresses outside the public internet that outgoing requests may reach all the same.
OUTBOUND_ALLOWED_ORIGINS: list[str] = env.list("OUTBOUND_ALLOWED_ORIGINS", default=[])

# The two places where a lower room calls a higher one, by name.
DELIVERY_SEAL = "notifications.planning.seal.seal"
# The one that locks people first: everybody locks people before notifications.
DELIVERY_OBSERVERS = [
    "notifications.optouts.observe",
    "notifications.planning.observe.observe",
    "notifications.figures.observe",
    "notifications.callbacks.observe.observe",
]
RECIPIENT_KEYS = "preferences.keys.data_keys"
EXPORT_PARTS = ["preferences.privacy.export", "notifications.privacy.export"]
DATA_KEY_TABLES = ["recipient", "audience", "callback_endpoint", "attachment"]
ERASE_PARTS = ["notifications.privacy.erase", "preferences.mirror.erase"]
# What preferences, which knows of delivery only the channels, tells it when a device registers.
DEVICE_REGISTERED = "delivery.dead_tokens.forgive"
RECIPIENT_AUTHENTICATION = "preferences.authentication.RecipientAuthentication"
RECIPIENT_SCOPE_AUTHENTICATION = "preferences.authentication.authenticate_scope"

# How messages speak of us
BRAND: dict[str, str] = {
    "name": env("BRAND_NAME", default="notifysite"),
    "url": env("BRAND_URL", default=PUBLIC_URL),
    "address": env("BRAND_ADDRESS", default=""),
    "support": env("BRAND_SUPPORT", default=""),
}
