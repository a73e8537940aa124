"""Settings of the test suite: the same product, with keys of its own and no servers assumed."""

import os

from notifysite.plumbing import vapid
from notifysite.settings import *
from notifysite.settings.nudging import queues

# Workers of nobody else take the nudges of a test, nor of the processes that it starts and tells.
_database = DATABASES["default"]["NAME"]
_worker = os.environ.get("PYTEST_XDIST_WORKER", "")
NUDGE_QUEUES = os.environ.get("NUDGE_QUEUES", "-".join(filter(None, ("test", _database, _worker))))
CELERY_TASK_QUEUES = queues(NUDGE_QUEUES)
CELERY_TASK_DEFAULT_EXCHANGE = NUDGE_QUEUES

SECRET_KEY = "test-secret-key-that-is-long-enough-to-pass-the-deploy-checks-0"
FIELD_ENCRYPTION_KEYS = ["t1:MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="]
FIELD_HASH_KEY = "ZmVkY2JhOTg3NjU0MzIxMGZlZGNiYTk4NzY1NDMyMTA="
PUBLIC_URL = "http://testserver"
EMBEDDED = False  # though it may run beside an embedded stack
BRAND = {
    "name": "Acme",
    "url": "http://testserver",
    "address": "Acme, 1 Main Street, Springfield",
    "support": "help@acme.test",
}
_VAPID_KEY = "AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyA"
WEBPUSH_SETTINGS = {
    "VAPID_PUBLIC_KEY": vapid.public(_VAPID_KEY),
    "VAPID_PRIVATE_KEY": _VAPID_KEY,
    "VAPID_ADMIN_EMAIL": "webmaster@localhost",
}
WEBPUSH_HOSTS = [*WEBPUSH_HOSTS, "push.example.com"]
DELIVERY_PROVIDERS["webpush"] = {
    "BACKEND": "delivery.providers.webpush.WebPush",
    "CHANNELS": ["web_push"],
    "OPTIONS": {
        "private_key": _VAPID_KEY,
        "contact": "webmaster@localhost",
    },
}
DELIVERY_ROUTES["web_push"] = ["webpush"]
TRACKING_ROUND_SECONDS = 3600  # tests say themselves when hits are written down
LOGGING_CONFIG = None  # pytest catches what is logged
ALLOWED_HOSTS = ["testserver", "127.0.0.1", "localhost"]
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.InMemoryStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
WHITENOISE_USE_FINDERS = True
WHITENOISE_AUTOREFRESH = True
# The suite empties its own tables between tests, append-only ones too.
DATABASES["default"]["OPTIONS"]["options"] += " -c notifysite.emptying=tests"
# A kept connection would hold up the end of a test's database.
DATABASES["default"]["CONN_MAX_AGE"] = 0
