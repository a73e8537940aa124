"""What providers tell us later, at /hooks/<alias>/: believed only when it is surely theirs."""

from delivery.hooks.hearing import receive

__all__ = ["receive"]
