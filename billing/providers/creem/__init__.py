"""Call Creem's API, and read its objects as facts."""
