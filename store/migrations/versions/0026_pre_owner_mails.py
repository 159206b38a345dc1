"""Owners of accounts are told by mail of a plan that was not paid: rows, written with the turn.

Additive: a process of before writes no such mail, and sends none.
"""

import sqlalchemy as sa
from alembic import op

from store.dialect import BIGINT, TEXT

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None
oldest_code = "0011"


def upgrade() -> None:
    op.create_table(
        "owner_mails",
        sa.Column("id", TEXT, nullable=False),
        sa.Column("account_id", TEXT, nullable=False),
        sa.Column("environment", TEXT, nullable=False),
        sa.Column("kind", TEXT, nullable=False),
        sa.Column("subscription_id", TEXT, nullable=False),
        sa.Column("status", TEXT, nullable=False),
        sa.Column("attempts", BIGINT, server_default=sa.text("0"), nullable=False),
        sa.Column("next_attempt_at", BIGINT, nullable=True),
        sa.Column("reason", TEXT, nullable=True),
        sa.Column("created_at", BIGINT, nullable=False),
        sa.Column("ended_at", BIGINT, nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_owner_mails_account", "owner_mails", ["account_id", "environment", "id"])
    op.create_index(
        "ix_owner_mails_due",
        "owner_mails",
        ["next_attempt_at"],
        sqlite_where=sa.text("next_attempt_at IS NOT NULL"),
        postgresql_where=sa.text("next_attempt_at IS NOT NULL"),
    )
