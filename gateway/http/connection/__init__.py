"""One client's connection: httptools reads requests, the ASGI application responds."""
