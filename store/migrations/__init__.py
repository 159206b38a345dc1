"""Alembic's folder: the migrations of the schema; store/migrate.py runs them."""
