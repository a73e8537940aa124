"""Which plans the database makes for lists and claims, over three months of a million messages."""
