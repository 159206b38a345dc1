"""PostgreSQL: its pool, transactions, statements in one round trip, and backup."""
