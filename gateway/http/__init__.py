"""Handle HTTP: connections, routing, authentication, limits, bodies and errors."""
