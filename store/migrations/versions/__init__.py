"""Contain one migration per file. The file's name has the version, `pre` or `post`, and the subject."""
