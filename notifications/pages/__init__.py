"""People's pages about what was said to them, and the site's own."""
