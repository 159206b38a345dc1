"""Bodies that several routes, or tools, share."""
