"""Define the path prefix of the public API."""

API_PREFIX = "/api/public/v1"
