"""Columns and states get the names of the field; nothing else changes. Code of before does not run on them.

PostgreSQL renames columns in its catalogue and SQLite in its table of tables, so no row is written for them.
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
    "fulfilment_attempts": {
        "asks": "requests_made",
        "asked_at": "requested_at",
        "last_asked_at": "last_requested_at",
    },
    "machine_payments": {"asks": "checks_made", "next_ask_at": "next_check_at"},
    "orders": {"is_stand_in": "is_simulated", "asked_at": "checked_at"},
    "recharges": {"is_stand_in": "is_simulated"},
    "refunds": {
        "asked_by": "requested_by",
        "asked_at": "requested_at",
        "asked_until": "lease_until",
    },
    "subscription_steers": {"asked_by": "requested_by"},
    "subscriptions": {"is_stand_in": "is_simulated"},
    "suppliers": {"held_since": "paused_at", "is_stand_in": "is_simulated"},
    "topup_reversals": {"asked_by": "requested_by", "asked_at": "requested_at"},
}
# table.column -> the value of before -> the one of now
VALUES: Final[Mapping[str, Mapping[str, str]]] = {
    "fulfilment_attempts.outcome": {"asking": "requested"},
    "machine_payments.state": {"asking": "settling", "unsure": "unknown"},
    "refunds.status": {"asking": "requested"},
}


def upgrade() -> None:
    for table, columns in RENAMED.items():
        for before, after in columns.items():
            op.execute(f"ALTER TABLE {table} RENAME COLUMN {before} TO {after}")
    for place, values in VALUES.items():
        table, column = place.split(".")
        for before, after in values.items():
            op.execute(f"UPDATE {table} SET {column} = '{after}' WHERE {column} = '{before}'")
