"""The response of a route: an HTTP status and the body's bytes.

The struct is the store's, which stores a response under the request's key just as it is sent.
"""

from store.idempotency import StoredAnswer

Answer = StoredAnswer
