"""Django's settings for django-post-office alone."""

import os
from urllib.parse import urlsplit

from bench.peers.databases import of_url

SECRET_KEY = "of-no-use"
INSTALLED_APPS = ["django.contrib.contenttypes", "post_office"]
DATABASES = {"default": of_url(os.environ["DATABASE_URL"])}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
USE_TZ = True
_mail = urlsplit(os.environ.get("EMAIL_URL", "smtp://127.0.0.1:25"))
EMAIL_BACKEND = "post_office.EmailBackend"
EMAIL_HOST, EMAIL_PORT = _mail.hostname, _mail.port
TEMPLATES = [
    {"BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True},
    {
        "BACKEND": "post_office.template.backends.post_office.PostOfficeTemplates",
        "APP_DIRS": True,
        "DIRS": [],
        "OPTIONS": {"context_processors": []},
    },
]
POST_OFFICE = {
    "BACKENDS": {"default": "django.core.mail.backends.smtp.EmailBackend"},
    "BATCH_SIZE": 5000,
    "THREADS_PER_PROCESS": 4,
    "TEMPLATE_ENGINE": "post_office",
}
