"""The group-committed decision: what a command is, what it may see, and how a batch is written."""
