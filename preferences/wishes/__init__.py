"""What people want: load it for many, change it for one, show it."""

from preferences.wishes.changing import By, RecipientGone, set_choice, set_preferences
from preferences.wishes.edits import EditsInvalid
from preferences.wishes.loading import Setting, Wishes, load
from preferences.wishes.showing import effective

__all__ = [
    "By",
    "EditsInvalid",
    "RecipientGone",
    "Setting",
    "Wishes",
    "effective",
    "load",
    "set_choice",
    "set_preferences",
]
