"""One client's connection: requests read by httptools, the ASGI application, and its responses."""
