"""Turns what editors write into what people read: Liquid, MJML, limits. Pure: no Django, no I/O."""
