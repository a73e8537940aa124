"""People's pages about what they want."""
