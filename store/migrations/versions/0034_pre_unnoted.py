"""Payments that need a note are found by an index whose condition PostgreSQL takes for rare.

Of "refunded_amount <> noted_amount" it expected nearly every row, and read all orders until a vacuum had marked
their pages. Replaces two indexes that hold a few rows; a worker of before finds the same rows, and reads more.
"""

import sqlalchemy as sa
from alembic import op

revision = "0034"
down_revision = "0033"
branch_labels = None
depends_on = None
oldest_code = "0011"

_UNNOTED = "CASE WHEN refunded_amount = noted_amount THEN 0 ELSE 1 END = 1"


def upgrade() -> None:
    for table in ("orders", "subscription_periods"):
        op.drop_index(f"ix_{table}_unnoted", table_name=table)
        op.create_index(
            f"ix_{table}_unnoted",
            table,
            ["environment", "id"],
            sqlite_where=sa.text(_UNNOTED),
            postgresql_where=sa.text(_UNNOTED),
        )
