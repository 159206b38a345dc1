"""Subscriptions are steered from here: what was asked of their providers is rows; plans have trials.

Additive: a process of before begins no trial and asks no provider, and whoever goes on with such a row
is a process of now.
"""

import sqlalchemy as sa
from alembic import op

from store.dialect import BIGINT, TEXT

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None
oldest_code = "0011"

OPEN = "ended_at IS NULL"
DUE = "next_attempt_at IS NOT NULL"


def upgrade() -> None:
    for table, name in (
        ("plans", "trial_days"),
        ("plans", "trial_credits"),
        ("subscriptions", "trial_days"),
        ("subscriptions", "trial_micros"),
        ("sandbox_subscriptions", "trial_days"),
    ):
        op.add_column(table, sa.Column(name, BIGINT, server_default=sa.text("0"), nullable=False))
    op.add_column("subscriptions", sa.Column("trial_ends_at", BIGINT, nullable=True))
    op.add_column("subscriptions", sa.Column("next_interval", TEXT, nullable=True))
    op.add_column("subscriptions", sa.Column("next_amount", BIGINT, nullable=True))
    op.create_table(
        "subscription_steers",
        sa.Column("id", TEXT, nullable=False),
        sa.Column("subscription_id", TEXT, nullable=False),
        sa.Column("account_id", TEXT, nullable=False),
        sa.Column("environment", TEXT, nullable=False),
        sa.Column("act", TEXT, nullable=False),
        sa.Column("plan_id", TEXT, nullable=True),
        sa.Column("interval", TEXT, nullable=True),
        sa.Column("product_ref", TEXT, nullable=True),
        sa.Column("amount", BIGINT, nullable=True),
        sa.Column("is_charged_now", BIGINT, server_default=sa.text("0"), nullable=False),
        sa.Column("status", TEXT, nullable=False),
        sa.Column("asked_by", TEXT, nullable=False),
        sa.Column("reason", TEXT, nullable=True),
        sa.Column("attempts", BIGINT, server_default=sa.text("0"), nullable=False),
        sa.Column("next_attempt_at", BIGINT, nullable=True),
        sa.Column("created_at", BIGINT, nullable=False),
        sa.Column("ended_at", BIGINT, nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    for name, columns, where in (
        ("ux_subscription_steers_open", ["subscription_id"], OPEN),
        ("ix_subscription_steers_due", ["next_attempt_at"], DUE),
    ):
        op.create_index(
            name,
            "subscription_steers",
            columns,
            unique=name.startswith("ux_"),
            sqlite_where=sa.text(where),
            postgresql_where=sa.text(where),
        )
    op.create_index(
        "ix_subscription_steers_account", "subscription_steers", ["account_id", "environment"]
    )
