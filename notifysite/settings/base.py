"""What Django and its libraries need."""

import os
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from notifysite.settings.env import BASE_DIR, VAR, env, log_level, redis_url

NOTIFYSITE_VAR: Path = VAR
EMBEDDED = env.bool("NOTIFYSITE_EMBEDDED", default=False)

DEBUG = env.bool("DEBUG", default=False)
SECRET_KEY = env("SECRET_KEY", default="")
SECRET_KEY_FALLBACKS = env.list("SECRET_KEY_FALLBACKS", default=[])
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=["127.0.0.1", "localhost", "[::1]"])
PUBLIC_URL = env("PUBLIC_URL", default=f"http://127.0.0.1:{env.int('PORT', default=8000)}")
CSRF_TRUSTED_ORIGINS = [PUBLIC_URL]

INSTALLED_APPS = [
    "unfold",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "django.contrib.postgres",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "channels",
    "django_celery_beat",
    "anymail",
    "webpush",
    "notifysite",
    "notifications",
    "preferences",
    "delivery",
]

MIDDLEWARE = [
    "notifysite.plumbing.request_ids.request_ids",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "notifysite.plumbing.browsers.Sessions",
    "notifysite.plumbing.browsers.Languages",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "notifysite.plumbing.browsers.Logins",
    "notifysite.plumbing.browsers.Messages",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]

ROOT_URLCONF = "notifysite.urls"
ASGI_APPLICATION = "notifysite.asgi.application"
WSGI_APPLICATION = "notifysite.wsgi.application"

TEMPLATES: list[dict[str, Any]] = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]

DATABASES: dict[str, Any] = {
    "default": {
        **env.db("DATABASE_URL", default="postgres://notifysite@127.0.0.1/notifysite"),
        "CONN_MAX_AGE": env.int("CONN_MAX_AGE", default=600),
        # For a pooler that lends connections by the transaction.
        "DISABLE_SERVER_SIDE_CURSORS": env.bool("DISABLE_SERVER_SIDE_CURSORS", default=False),
    },
}
DATABASES["default"]["HOST"] = unquote(
    DATABASES["default"]["HOST"]
)  # a socket folder is %2F-quoted
DATABASES["default"]["OPTIONS"] = {
    "connect_timeout": 5,
    "tcp_user_timeout": 5000,
    # To compile a plan takes longer than our short statements do.
    "options": "-c statement_timeout=30000 -c timezone=UTC -c jit=off"
    # A plan is made once, for any values, and perhaps while a month is still empty: then to read
    # all of it would look cheapest, but everything here is found by an index.
    " -c plan_cache_mode=force_generic_plan -c enable_seqscan=off -c enable_bitmapscan=off",
    **DATABASES["default"].get("OPTIONS", {}),
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
# With the one that django-webpush's last release lacks.
MIGRATION_MODULES = {"webpush": "notifysite.webpush_migrations"}

REDIS_URL = env("REDIS_URL", cast=redis_url, default="redis://127.0.0.1:6379/0")
CACHES = {
    "default": {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": REDIS_URL}
}
SESSION_ENGINE = "django.contrib.sessions.backends.db"
CHANNEL_LAYERS = {
    "default": {
        # The core layer dropped messages in bursts; and redis-py 8 cuts idle reads after 5 s
        # unless told to wait.
        "BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer",
        "CONFIG": {"hosts": [{"address": REDIS_URL, "socket_timeout": None}]},
    },
}

AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
    )
]
LOGIN_URL = "/admin/login/"
LOGIN_REDIRECT_URL = "/admin/"  # where nothing else was asked for

LANGUAGE_CODE = "en"
LANGUAGES = [("en", "English"), ("de", "Deutsch")]
TIME_ZONE = "UTC"
USE_TZ = True
USE_I18N = True

STATIC_URL = "static/"
STATICFILES_DIRS = [BASE_DIR / "static"]
STATIC_ROOT = Path(env("STATIC_ROOT", default=str(VAR / "static")))
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}
if EMBEDDED or DEBUG:
    WHITENOISE_USE_FINDERS = True
    STORAGES["staticfiles"] = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}

HTTPS = PUBLIC_URL.startswith("https://")
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = HTTPS
SECURE_SSL_REDIRECT = env.bool("SECURE_SSL_REDIRECT", default=False)
SECURE_HSTS_SECONDS = env.int("SECURE_HSTS_SECONDS", default=31536000 if HTTPS else 0)
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = HTTPS
SECURE_PROXY_SSL_HEADER = (
    ("HTTP_X_FORWARDED_PROTO", "https") if env.bool("BEHIND_PROXY", default=False) else None
)
SECURE_REFERRER_POLICY = "same-origin"
DATA_UPLOAD_MAX_MEMORY_SIZE = 2 * 1024 * 1024

# SMTP by EMAIL_URL; or any anymail backend by EMAIL_BACKEND and its ANYMAIL_… variables.
_email = env.email_url("EMAIL_URL", default="consolemail://")
EMAIL_BACKEND = env("EMAIL_BACKEND", default=_email["EMAIL_BACKEND"])
EMAIL_CONFIGURED = any(
    name in env.ENVIRON for name in ("EMAIL_URL", "EMAIL_URL_FILE", "EMAIL_BACKEND")
)
EMAIL_HOST, EMAIL_PORT = _email.get("EMAIL_HOST") or "127.0.0.1", _email.get("EMAIL_PORT") or 25
EMAIL_HOST_USER = _email.get("EMAIL_HOST_USER") or ""
EMAIL_HOST_PASSWORD = _email.get("EMAIL_HOST_PASSWORD") or ""
EMAIL_USE_TLS, EMAIL_USE_SSL = (
    _email.get("EMAIL_USE_TLS", False),
    _email.get("EMAIL_USE_SSL", False),
)
EMAIL_TIMEOUT = 30
_anymail = {name.removesuffix("_FILE") for name in os.environ if name.startswith("ANYMAIL_")}
ANYMAIL = {name.removeprefix("ANYMAIL_"): env(name) for name in _anymail}
DEFAULT_FROM_EMAIL = env("DEFAULT_FROM_EMAIL", default="notifysite <notifications@localhost>")

# Every process logs JSON lines: Django calls this function with LOGGING when it starts.
LOG_LEVEL = env("LOG_LEVEL", cast=log_level, default="INFO")
LOGGING_CONFIG: str | None = "notifysite.plumbing.logs.configure"
LOGGING = LOG_LEVEL
