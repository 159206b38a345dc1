"""Columns and states get the names of the field; nothing else changes. Code of before does not run on them.

PostgreSQL renames columns in its catalogue and SQLite in its table of tables, so no row is written for them.
"""

from collections.abc import Mapping
from typing import Final

import sqlalchemy as sa
from alembic import op

from store.dialect import TEXT

revision = "0077"
down_revision = "0076"
branch_labels = None
depends_on = None
oldest_code = "0077"

RENAMED: Final[Mapping[str, Mapping[str, str]]] = {
    "approvals": {"told_at": "notified_at"},
    "batches": {"next_look_at": "next_check_at"},
    "deliveries": {"waits_since_at": "blocked_since_at"},
    "disputes": {"told_at": "reported_at"},
    "fulfilment_attempts": {
        "asks": "requests_made",
        "asked_at": "requested_at",
        "last_asked_at": "last_requested_at",
    },
    "holds": {"over_micros": "overage_micros"},
    "machine_payments": {"asks": "checks_made", "door": "protocol", "next_ask_at": "next_check_at"},
    "notices": {"told_at": "notified_at", "end_told_at": "end_notified_at"},
    "notification_turns": {"told_no": "notified_no"},
    "orders": {"is_stand_in": "is_simulated", "asked_at": "checked_at"},
    "payment_fees": {"kept_at": "recorded_at"},
    "plan_grants": {
        "given_at": "granted_at",
        "given_micros": "granted_micros",
        "untold_micros": "unreported_micros",
    },
    "recharges": {"is_stand_in": "is_simulated", "off_reason": "disabled_reason"},
    "refunds": {
        "asked_by": "requested_by",
        "asked_at": "requested_at",
        "asked_until": "lease_until",
        "is_by_hand": "is_made_at_provider",
    },
    "stock_levels": {"low_below": "low_threshold"},
    "subscription_steers": {"asked_by": "requested_by"},
    "subscriptions": {"is_stand_in": "is_simulated", "told_at": "reported_at"},
    "supplier_words": {"told_at": "received_at", "last_told_at": "last_received_at"},
    "suppliers": {
        "held_since": "paused_at",
        "is_stand_in": "is_simulated",
        "resting_since": "breaker_opened_at",
    },
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
        name, column = place.split(".")
        table = sa.table(name, sa.column(column, TEXT))
        for before, after in values.items():
            op.execute(table.update().where(table.c[column] == before).values({column: after}))
    suppliers = sa.table("suppliers", sa.column("kind", TEXT), sa.column("options", TEXT))
    options = sa.func.replace(suppliers.c.options, '"low_below"', '"low_threshold"')
    op.execute(suppliers.update().where(suppliers.c.kind == "code_stock").values(options=options))
