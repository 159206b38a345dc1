"""Use PostgreSQL: connection pools, transactions, statements that share a round trip, and backups."""
