"""The doors that services call."""
