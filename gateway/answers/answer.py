"""What a route answers: an HTTP status and the body's bytes.

The struct is the store's, which keeps an answer under the request's key just as it is sent.
"""

from store.idempotency import StoredAnswer

Answer = StoredAnswer
