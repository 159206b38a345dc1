"""Contain one migration per file. A file's name consists of the version, `pre` or `post`, and the subject."""
