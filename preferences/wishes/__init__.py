"""What people want: load it for many, change it for one, show it."""

from preferences.wishes.loading import Setting, Wishes, load

__all__ = ["Setting", "Wishes", "load"]
