"""Hold the schema's migrations in the form that Alembic needs. store/migrate.py runs them."""
