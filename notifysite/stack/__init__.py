"""The embedded stack: real PostgreSQL, real Valkey and our own processes, small, on one machine."""
