"""What an error says so that a program can repair it alone: examples, bounds, the next call."""
