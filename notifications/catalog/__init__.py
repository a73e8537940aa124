"""Types, templates and layouts: what can be said."""
