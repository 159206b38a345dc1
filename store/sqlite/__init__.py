"""Implement the store on SQLite: a writer thread, checkpoints and backups."""
