"""The words of answers that only the gateway knows."""

# Below it lies our own API.
API_PREFIX = "/api/public/v1"
