"""API keys: create, look up, change, rotate and revoke them."""
