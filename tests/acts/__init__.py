"""Acts: that every door does the same."""
