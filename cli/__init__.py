"""The `topup` command: one file per group of commands."""
