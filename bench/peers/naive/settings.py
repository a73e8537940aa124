"""Django's settings, and of Celery nothing but where its broker is."""

import os
from urllib.parse import urlsplit

from bench.peers.databases import of_url

SECRET_KEY = "of-no-use"
INSTALLED_APPS = ["bench.peers.naive"]
DATABASES = {"default": of_url(os.environ["DATABASE_URL"])}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
USE_TZ = True
_mail = urlsplit(os.environ.get("EMAIL_URL", "smtp://127.0.0.1:25"))
EMAIL_HOST, EMAIL_PORT = _mail.hostname, _mail.port
CELERY_BROKER_URL = os.environ["CELERY_BROKER_URL"]
CELERY_TASK_DEFAULT_QUEUE = "bench-naive-" + DATABASES["default"]["NAME"]
