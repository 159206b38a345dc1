"""SQLite: one writer thread, its checkpoints, its backup."""
