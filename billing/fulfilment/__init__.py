"""How a platform is topped up: one file for each way, discovered; see protocol.py and discovery.py."""
