"""OAuth apps, codes, grants and tokens, and the addresses to which a browser can be redirected."""
