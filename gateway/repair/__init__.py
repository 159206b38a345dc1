"""Add to an error what a program needs to repair the call: examples, bounds, the next call."""
