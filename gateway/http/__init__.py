"""The HTTP edge: connections, routing, authentication, limits, bodies, errors."""
