"""OAuth apps, codes, grants and tokens, and where a browser may be redirected."""
