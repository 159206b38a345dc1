"""Payments that credited nothing, with what went back of them; which payment a case of the review is about; and
periods of plans that an operator gave free.

Additive. Code of before shows such a period as one that cost nothing, and does not know the payments: it goes on
dismissing what waits for a person.
"""

import sqlalchemy as sa
from alembic import op

from store.dialect import BIGINT, TEXT

revision = "0032"
down_revision = "0031"
branch_labels = None
depends_on = None
oldest_code = "0011"


def upgrade() -> None:
    op.create_table(
        "uncredited_payments",
        sa.Column("id", TEXT, primary_key=True),
        sa.Column("account_id", TEXT, nullable=False),
        sa.Column("environment", TEXT, nullable=False),
        sa.Column("order_id", TEXT, nullable=False),
        sa.Column("provider", TEXT, nullable=False),
        sa.Column("payment_ref", TEXT, nullable=False),
        sa.Column("amount", BIGINT, nullable=False),
        sa.Column("currency", TEXT, nullable=False),
        sa.Column("refunded_amount", BIGINT, nullable=False, server_default="0"),
        sa.Column("created_at", BIGINT, nullable=False),
        sa.Column("closed_at", BIGINT, nullable=True),
    )
    op.create_index("ix_uncredited_payments_order", "uncredited_payments", ["order_id"])
    op.create_index(
        "uq_uncredited_payments_ref",
        "uncredited_payments",
        ["provider", "environment", "payment_ref"],
        unique=True,
    )
    op.create_table(
        "uncredited_reversals",
        sa.Column("payment_id", TEXT, primary_key=True),
        sa.Column("key", TEXT, primary_key=True),
        sa.Column("account_id", TEXT, nullable=False),
        sa.Column("environment", TEXT, nullable=False),
        sa.Column("kind", TEXT, nullable=False),
        sa.Column("amount", BIGINT, nullable=False),
        sa.Column("status", TEXT, nullable=False),
        sa.Column("created_at", BIGINT, nullable=False),
    )
    op.add_column("provider_events", sa.Column("payment_ref", TEXT, nullable=True))
    op.add_column("subscription_periods", sa.Column("comp_reason", TEXT, nullable=True))
    op.add_column("subscription_periods", sa.Column("comp_by", TEXT, nullable=True))
    op.add_column("subscription_periods", sa.Column("comp_ended_at", BIGINT, nullable=True))
