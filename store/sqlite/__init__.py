"""Use SQLite: a writer thread, checkpoints and backups."""
