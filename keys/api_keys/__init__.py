"""API keys: minted, looked up, changed, rotated, revoked."""
