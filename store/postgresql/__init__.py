"""PostgreSQL: its pool, its transactions, its statements in one round trip, its backup."""
