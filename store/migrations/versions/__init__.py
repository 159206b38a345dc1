"""Contain one migration per file. Its name has the version, `pre` or `post` (the deploy), and the subject."""
