"""The desk: what a person of the operator's does with top-ups that stick, by a page or by a command."""
