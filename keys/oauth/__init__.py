"""OAuth: apps, codes, grants, tokens, and where a browser may be sent."""
