"""Other vendors' APIs, one file or folder each; discovered."""
