"""How a sealed message reaches an address, and the proof."""

from django.apps import AppConfig
from django.conf import settings
from django.utils.module_loading import import_string

from delivery import channels, checks


class DeliveryConfig(AppConfig):
    name = "delivery"

    def ready(self) -> None:
        for path in settings.EXTRA_CHANNELS:
            channels.install(import_string(path))
        checks.install()
