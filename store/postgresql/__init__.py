"""Implement the store on PostgreSQL: connection pools, transactions and backups."""
