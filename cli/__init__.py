"""Provide the `topup` command, with one file per group of commands."""
