"""Measures: ratios between us and others in one run, never absolute promises."""
