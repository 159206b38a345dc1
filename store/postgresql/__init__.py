"""Use PostgreSQL: connection pools, transactions and backups."""
