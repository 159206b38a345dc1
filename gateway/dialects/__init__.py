"""Other vendors' APIs, one file or folder each, found automatically."""
