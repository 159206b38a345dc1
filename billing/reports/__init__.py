"""Read-only queries that combine tables of several subjects."""
