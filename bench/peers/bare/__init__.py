"""A Django view that does nothing but insert one row."""
