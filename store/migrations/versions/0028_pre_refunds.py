"""Refunds are asked for here, and disputes are kept with the time until which evidence counts.

Additive: a process of before knows no refunds of ours and never changes one. It reads the word `replaced`
in a reversal as one more that stands; what is gone of a payment is never more than the payment, and only
whole payments have such a row.
"""

import sqlalchemy as sa
from alembic import op

from store.dialect import BIGINT, TEXT

revision = "0028"
down_revision = "0027"
branch_labels = None
depends_on = None
oldest_code = "0011"


def upgrade() -> None:
    op.create_table(
        "refunds",
        sa.Column("id", TEXT, nullable=False),
        sa.Column("account_id", TEXT, nullable=False),
        sa.Column("environment", TEXT, nullable=False),
        sa.Column("order_id", TEXT, nullable=False),
        sa.Column("owner_id", TEXT, nullable=False),
        sa.Column("period_start_at", BIGINT, nullable=True),
        sa.Column("provider", TEXT, nullable=False),
        sa.Column("payment_ref", TEXT, nullable=False),
        sa.Column("status", TEXT, nullable=False),
        sa.Column("amount", BIGINT, nullable=False),
        sa.Column("currency", TEXT, nullable=False),
        sa.Column("reason", TEXT, nullable=False),
        sa.Column("is_named", BIGINT, server_default=sa.text("1"), nullable=False),
        sa.Column("is_by_hand", BIGINT, server_default=sa.text("0"), nullable=False),
        sa.Column("held_micros", BIGINT, server_default=sa.text("0"), nullable=False),
        sa.Column("held_grant_micros", BIGINT, server_default=sa.text("0"), nullable=False),
        sa.Column("provider_refund_id", TEXT, nullable=True),
        sa.Column("detail", TEXT, nullable=True),
        sa.Column("asked_by", TEXT, nullable=True),
        sa.Column("checks_made", BIGINT, server_default=sa.text("0"), nullable=False),
        sa.Column("asked_at", BIGINT, nullable=True),
        sa.Column("next_check_at", BIGINT, nullable=True),
        sa.Column("created_at", BIGINT, nullable=False),
        sa.Column("ended_at", BIGINT, nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_refunds_owner", "refunds", ["owner_id"], unique=False)
    op.create_index("ix_refunds_order", "refunds", ["order_id"], unique=False)
    op.create_index(
        "ix_refunds_account", "refunds", ["account_id", "environment", "id"], unique=False
    )
    op.create_index(
        "uq_refunds_open",
        "refunds",
        ["owner_id"],
        unique=True,
        sqlite_where=sa.text("ended_at IS NULL"),
        postgresql_where=sa.text("ended_at IS NULL"),
    )
    op.create_index(
        "ix_refunds_due",
        "refunds",
        ["next_check_at"],
        unique=False,
        sqlite_where=sa.text("next_check_at IS NOT NULL"),
        postgresql_where=sa.text("next_check_at IS NOT NULL"),
    )
    op.create_table(
        "disputes",
        sa.Column("provider", TEXT, nullable=False),
        sa.Column("environment", TEXT, nullable=False),
        sa.Column("id", TEXT, nullable=False),
        sa.Column("account_id", TEXT, nullable=True),
        sa.Column("order_id", TEXT, nullable=True),
        sa.Column("amount", BIGINT, nullable=False),
        sa.Column("currency", TEXT, nullable=False),
        sa.Column("status", TEXT, nullable=False),
        sa.Column("reason", TEXT, nullable=False),
        sa.Column("is_inquiry", BIGINT, server_default=sa.text("0"), nullable=False),
        sa.Column("due_at", BIGINT, nullable=True),
        sa.Column("page_url", TEXT, nullable=True),
        sa.Column("created_at", BIGINT, nullable=False),
        sa.Column("told_at", BIGINT, nullable=False),
        sa.Column("ended_at", BIGINT, nullable=True),
        sa.PrimaryKeyConstraint("provider", "environment", "id"),
    )
    op.create_index("ix_disputes_order", "disputes", ["order_id"], unique=False)
    op.create_index("ix_disputes_account", "disputes", ["account_id"], unique=False)
    op.create_index(
        "ix_disputes_open",
        "disputes",
        ["environment", "due_at"],
        unique=False,
        sqlite_where=sa.text("ended_at IS NULL"),
        postgresql_where=sa.text("ended_at IS NULL"),
    )
