"""Show the delivery log to users and API clients."""
