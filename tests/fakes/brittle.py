"""An adapter with a fault no Python code survives."""

import ctypes

from delivery.contracts import Message, Outcome
from tests.fakes.acme import Acme


class Brittle(Acme):
    """A message to an address that begins with `poison` ends the process that hands it over."""

    def send_one(self, message: Message) -> Outcome:
        """Hand one message over, or die of it."""
        if message.address.startswith("poison"):
            ctypes.string_at(0)
        return super().send_one(message)
