"""One file for each version: its number, `pre` or `post` the deploy, and what it is about."""
