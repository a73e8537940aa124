"""What we are measured against: each a small program that does its part in its own best way."""
