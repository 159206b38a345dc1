"""Top-ups say what was charged beside their amount; the fees of platforms and accounts are rows.

Additive: a process of before sends without a fee, which is null. It does not know how to deliver a
top-up that has one, so the first fee is set once none of those runs any more.
"""

import sqlalchemy as sa
from alembic import op

from store.dialect import BIGINT, TEXT

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None
oldest_code = "0011"


def upgrade() -> None:
    op.add_column("topups", sa.Column("fee_cents", BIGINT, nullable=True))
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
