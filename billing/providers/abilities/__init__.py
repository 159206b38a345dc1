"""Abilities that only some providers have, one protocol a file."""
