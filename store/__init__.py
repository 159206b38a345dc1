"""Run SQL on SQLite or PostgreSQL."""
