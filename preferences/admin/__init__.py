"""The desk's view of what people want. Importing it registers what editors offer them."""

from preferences.admin import catalog

__all__ = ["catalog"]
