"""Define texts that occur only in the gateway's responses."""

API_PREFIX = "/api/public/v1"
