"""The engine: what a command is, what it may read, and how a batch of commands is written."""
