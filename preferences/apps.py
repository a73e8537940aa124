"""People: where they can be reached and what they want."""

from django.apps import AppConfig


class PreferencesConfig(AppConfig):
    name = "preferences"
