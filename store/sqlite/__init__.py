"""Use SQLite: one thread that writes, checkpoints, and backups."""
