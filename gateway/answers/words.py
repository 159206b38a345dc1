"""Texts of responses that only the gateway needs."""

API_PREFIX = "/api/public/v1"
