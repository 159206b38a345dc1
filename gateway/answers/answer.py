"""The response of a route: an HTTP status and the body's bytes, stored as it is sent."""

from store.idempotency import StoredAnswer

Answer = StoredAnswer
