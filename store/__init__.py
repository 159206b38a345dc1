"""Run SQL on SQLite or PostgreSQL: transactions, group commit, the schema and its migrations."""
