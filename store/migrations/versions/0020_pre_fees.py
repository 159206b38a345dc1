"""Top-ups say what was charged beside their amount; the fees of platforms and accounts are rows.

Additive: a process of before sends without a fee, which is null. It does not know that a fee is earned with
the delivery and comes back with a reversal, so the constraint refuses it to deliver or to reverse a
top-up that has one: that top-up stays as it is until a process of now goes on with it.
"""

import sqlalchemy as sa
from alembic import op

from store.dialect import BIGINT, TEXT

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None
oldest_code = "0011"

_RULE = """CONSTRAINT fee_earned_with_delivery CHECK (COALESCE(earned_fee_cents, 0) =
    CASE WHEN status IN ('delivered', 'reversing') THEN COALESCE(fee_cents, 0) ELSE 0 END)"""
_COLUMN = "ALTER TABLE topups ADD COLUMN earned_fee_cents BIGINT"


def upgrade() -> None:
    op.add_column("topups", sa.Column("fee_cents", BIGINT, nullable=True))
    if op.get_bind().dialect.name == "sqlite":
        # In one statement with the column: SQLite adds no constraint to a table that is there.
        op.execute(f"{_COLUMN} {_RULE}")
    else:
        # Nobody else can use the table meanwhile, so its rows are read afterwards (store/migrate.py).
        op.execute(_COLUMN)
        op.execute(f"ALTER TABLE topups ADD {_RULE} NOT VALID")
    op.create_table(
        "platform_fees",
        sa.Column("environment", TEXT, nullable=False),
        sa.Column("platform", TEXT, nullable=False),
        sa.Column("account_id", TEXT, nullable=False),
        sa.Column("fixed_cents", BIGINT, nullable=False),
        sa.Column("basis_points", BIGINT, nullable=False),
        sa.Column("min_cents", BIGINT, nullable=False),
        sa.Column("max_cents", BIGINT, nullable=True),
        sa.Column("changed_at", BIGINT, nullable=False),
        sa.PrimaryKeyConstraint("environment", "platform", "account_id"),
    )
