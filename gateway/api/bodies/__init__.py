"""What callers send of which several routes, or tools, need the same shape."""
