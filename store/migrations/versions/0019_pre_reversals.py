"""A delivered top-up that was not used can be reversed: who wanted it, why, and what came of it.

Additive: a process of before knows nothing of reversals. It answers 500 to the status of a top-up that was
reversed by a process of now, and does nothing to it.
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
    op.create_table(
        "topup_reversals",
        sa.Column("transaction_id", TEXT, nullable=False),
        sa.Column("account_id", TEXT, nullable=False),
        sa.Column("environment", TEXT, nullable=False),
        sa.Column("reason", TEXT, nullable=False),
        sa.Column("asked_by", TEXT, nullable=True),
        sa.Column("asked_at", BIGINT, nullable=False),
        sa.Column("checks_made", BIGINT, server_default=sa.text("0"), nullable=False),
        sa.Column("next_check_at", BIGINT, nullable=True),
        sa.Column("outcome", TEXT, nullable=True),
        sa.Column("detail", TEXT, nullable=True),
        sa.Column("ended_at", BIGINT, nullable=True),
        sa.PrimaryKeyConstraint("transaction_id"),
    )
    op.create_index(
        "ix_topup_reversals_due",
        "topup_reversals",
        ["next_check_at"],
        unique=False,
        sqlite_where=sa.text("ended_at IS NULL"),
        postgresql_where=sa.text("ended_at IS NULL"),
    )
