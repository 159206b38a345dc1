"""Imitate other vendors' APIs. Each API is one file or folder here, and is found automatically."""
