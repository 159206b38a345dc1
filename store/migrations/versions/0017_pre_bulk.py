"""Sends at a time of their own, and many in one call.

Additive: a process of before sends at once and alone; it passes over what is scheduled, which the worker of
now lets go.
"""

import sqlalchemy as sa
from alembic import op

from store.dialect import BIGINT, TEXT

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None
oldest_code = "0011"

_SCHEDULED = sa.text("status = 'scheduled'")
_WITH_KEY = sa.text("request_digest IS NOT NULL")
_OPEN = sa.text("next_look_at IS NOT NULL")


def upgrade() -> None:
    op.add_column("topups", sa.Column("scheduled_for", BIGINT, nullable=True))
    op.create_index(
        "ix_topups_scheduled",
        "topups",
        ["scheduled_for"],
        unique=False,
        sqlite_where=_SCHEDULED,
        postgresql_where=_SCHEDULED,
    )
    op.create_index(
        "ix_topups_scheduled_account",
        "topups",
        ["account_id", "environment", "scheduled_for"],
        unique=False,
        sqlite_where=_SCHEDULED,
        postgresql_where=_SCHEDULED,
    )
    op.create_table(
        "batches",
        sa.Column("id", TEXT, nullable=False),
        sa.Column("account_id", TEXT, nullable=False),
        sa.Column("environment", TEXT, nullable=False),
        sa.Column("spent_by", TEXT, nullable=True),
        sa.Column("status", TEXT, nullable=False),
        sa.Column("is_all_or_nothing", BIGINT, nullable=False),
        sa.Column("items", BIGINT, nullable=False),
        sa.Column("request_digest", TEXT, nullable=True),
        sa.Column("created_at", BIGINT, nullable=False),
        sa.Column("accepted_at", BIGINT, nullable=True),
        sa.Column("cancelled_at", BIGINT, nullable=True),
        sa.Column("cancelled_by", TEXT, nullable=True),
        sa.Column("completed_at", BIGINT, nullable=True),
        sa.Column("next_look_at", BIGINT, nullable=True),
        sa.Column("counts", TEXT, nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(
        "ix_batches_account", "batches", ["account_id", "environment", "id"], unique=False
    )
    op.create_index(
        "ux_batches_request",
        "batches",
        ["account_id", "environment", "request_digest"],
        unique=True,
        sqlite_where=_WITH_KEY,
        postgresql_where=_WITH_KEY,
    )
    op.create_index(
        "ix_batches_due",
        "batches",
        ["next_look_at"],
        unique=False,
        sqlite_where=_OPEN,
        postgresql_where=_OPEN,
    )
    op.create_table(
        "batch_items",
        sa.Column("batch_id", TEXT, nullable=False),
        sa.Column("number", BIGINT, autoincrement=False, nullable=False),
        sa.Column("transaction_id", TEXT, nullable=False),
        sa.Column("state", TEXT, nullable=False),
        sa.Column("reference", TEXT, nullable=True),
        sa.Column("request", TEXT, nullable=True),
        sa.Column("refusal", TEXT, nullable=True),
        sa.PrimaryKeyConstraint("batch_id", "number"),
    )
