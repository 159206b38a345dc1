"""Text of two tables is ordered by its bytes on PostgreSQL, as all other text is, whatever the database's locale.

Both are small. A collation changes no stored byte: PostgreSQL makes the indexes anew and no row.
"""

from alembic import op

from store.statement import POSTGRESQL

revision = "0068"
down_revision = "0067"
branch_labels = None
depends_on = None
oldest_code = "0011"

_COLUMNS = {
    "password_resets": ("id", "account_id", "email"),
    "passkeys": ("id", "account_id", "credential_id", "public_key", "name"),
}


def upgrade() -> None:
    if op.get_bind().dialect.name != POSTGRESQL:
        return
    for table, columns in _COLUMNS.items():
        changes = ", ".join(f'ALTER COLUMN {name} TYPE text COLLATE "C"' for name in columns)
        op.execute(f"ALTER TABLE {table} {changes}")
