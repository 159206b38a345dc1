"""Commands of whoever sells credit."""
