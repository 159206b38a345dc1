"""A request on its way in: routing, authentication, limits, bodies, errors."""
