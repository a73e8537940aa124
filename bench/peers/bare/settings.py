"""Django's settings, with no more than a view needs."""

import os

from bench.peers.databases import of_url

SECRET_KEY = "of-no-use"
ALLOWED_HOSTS = ["127.0.0.1"]
INSTALLED_APPS = ["bench.peers.bare"]
MIDDLEWARE: list[str] = []
ROOT_URLCONF = "bench.peers.bare.urls"
DATABASES = {"default": of_url(os.environ["DATABASE_URL"])}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
USE_TZ = True
WEB_THREADS = 8  # as the product has, whose threads it is answered in
