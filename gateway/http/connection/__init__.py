"""Handle a client's connection: httptools parses the requests, and the ASGI application responds."""
