"""What was really paid stands beside the price; invoices that no rule credits wait for a person."""

import sqlalchemy as sa
from alembic import op

from store.dialect import BIGINT, TEXT

revision = "0006"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "held_invoices",
        sa.Column("provider", TEXT, nullable=False),
        sa.Column("environment", TEXT, nullable=False),
        sa.Column("invoice_id", TEXT, nullable=False),
        sa.Column("account_id", TEXT, nullable=False),
        sa.Column("subscription_id", TEXT, nullable=False),
        sa.Column("provider_ref", TEXT, nullable=False),
        sa.Column("customer_ref", TEXT, nullable=True),
        sa.Column("product_ref", TEXT, nullable=True),
        sa.Column("period_start_at", BIGINT, nullable=False),
        sa.Column("period_end_at", BIGINT, nullable=False),
        sa.Column("amount", BIGINT, nullable=False),
        sa.Column("paid_amount", BIGINT, nullable=False),
        sa.Column("currency", TEXT, nullable=False),
        sa.Column("plan_id", TEXT, nullable=False),
        sa.Column("price_amount", BIGINT, nullable=False),
        sa.Column("price_currency", TEXT, nullable=False),
        sa.Column("credits_micros", BIGINT, nullable=False),
        sa.Column("created_at", BIGINT, nullable=False),
        sa.Column("resolved_at", BIGINT, nullable=True),
        sa.PrimaryKeyConstraint("provider", "environment", "invoice_id"),
    )
    op.create_index(
        "ix_held_invoices_subscription", "held_invoices", ["subscription_id"], unique=False
    )
    with op.batch_alter_table("orders", schema=None) as batch_op:
        batch_op.add_column(sa.Column("paid_amount", BIGINT, nullable=True))
        batch_op.add_column(sa.Column("paid_currency", TEXT, nullable=True))
    with op.batch_alter_table("provider_events", schema=None) as batch_op:
        batch_op.add_column(sa.Column("reason", TEXT, nullable=True))
        batch_op.add_column(sa.Column("expected", TEXT, nullable=True))
        batch_op.add_column(sa.Column("came", TEXT, nullable=True))
    with op.batch_alter_table("subscriptions", schema=None) as batch_op:
        batch_op.add_column(sa.Column("carried_amount", BIGINT, server_default="0", nullable=False))
