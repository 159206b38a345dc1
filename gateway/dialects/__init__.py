"""Other vendors' APIs that we answer to: one file each, found by gateway/dialect_discovery.py."""
