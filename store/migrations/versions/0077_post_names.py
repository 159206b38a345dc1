"""Columns get the names of the field; nothing else changes. Code of before does not run on them.

PostgreSQL renames in its catalogue and SQLite in its table of tables: no row is written.
"""

from collections.abc import Mapping
from typing import Final

from alembic import op

revision = "0077"
down_revision = "0076"
branch_labels = None
depends_on = None
oldest_code = "0077"

RENAMED: Final[Mapping[str, Mapping[str, str]]] = {
    "batches": {"next_look_at": "next_check_at"},
    "orders": {"is_stand_in": "is_simulated"},
    "recharges": {"is_stand_in": "is_simulated"},
    "subscriptions": {"is_stand_in": "is_simulated"},
    "suppliers": {"held_since": "paused_at", "is_stand_in": "is_simulated"},
}


def upgrade() -> None:
    for table, columns in RENAMED.items():
        for before, after in columns.items():
            op.execute(f"ALTER TABLE {table} RENAME COLUMN {before} TO {after}")
