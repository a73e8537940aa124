"""Who calls us: services, their keys, what a key may do and how often."""
