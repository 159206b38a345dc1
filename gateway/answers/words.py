"""The words of responses that only the gateway knows."""

API_PREFIX = "/api/public/v1"
