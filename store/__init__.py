"""SQL for SQLite and PostgreSQL: transactions, the group-commit batch, schema, migrations."""
