"""Who is meant: conditions over people and data."""
