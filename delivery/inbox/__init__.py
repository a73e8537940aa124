"""The in-app inbox: its provider, its items, and the hints that something changed."""
