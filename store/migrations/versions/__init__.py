"""Contain one migration per file, named by its version, `pre` or `post` (the deploy), and its subject."""
