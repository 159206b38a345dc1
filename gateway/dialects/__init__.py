"""Imitate other vendors' APIs. Each is one file or folder here, and is found automatically."""
