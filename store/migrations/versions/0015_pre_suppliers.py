"""Platforms and their suppliers are rows; top-ups say who delivered them what, and after which asks.

Additive: a process of before goes on with its setting TOPUP_PLATFORMS, and leaves the new columns null.
What it sends meanwhile is fulfilled by the processes of now, which find the platform's first supplier.
"""

import sqlalchemy as sa
from alembic import op

from store.dialect import BIGINT, BYTES, TEXT

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None
oldest_code = "0011"


def upgrade() -> None:
    op.add_column("topups", sa.Column("supplier", TEXT, nullable=True))
    op.add_column("topups", sa.Column("deliverable", TEXT, nullable=True))
    op.create_index(
        "ix_topups_waiting",
        "topups",
        ["environment", "created_at"],
        sqlite_where=sa.text("status = 'pending' AND supplier IS NOT NULL"),
        postgresql_where=sa.text("status = 'pending' AND supplier IS NOT NULL"),
    )
    _create_attempts()
    _create_platforms()
    _create_stock_and_tasks()


def _create_attempts() -> None:
    op.create_table(
        "fulfilment_attempts",
        sa.Column("transaction_id", TEXT, nullable=False),
        sa.Column("number", BIGINT, nullable=False),
        sa.Column("account_id", TEXT, nullable=False),
        sa.Column("environment", TEXT, nullable=False),
        sa.Column("recipient_email", TEXT, nullable=False),
        sa.Column("supplier", TEXT, nullable=False),
        sa.Column("kind", TEXT, nullable=False),
        sa.Column("outcome", TEXT, nullable=False),
        sa.Column("detail", TEXT, nullable=True),
        sa.Column("asks", BIGINT, server_default=sa.text("1"), nullable=False),
        sa.Column("asked_at", BIGINT, nullable=False),
        sa.Column("last_asked_at", BIGINT, nullable=False),
        sa.Column("ended_at", BIGINT, nullable=True),
        sa.Column("prepared", TEXT, nullable=True),
        sa.Column("left_over", TEXT, nullable=True),
        sa.Column("cost_cents", BIGINT, nullable=True),
        sa.PrimaryKeyConstraint("transaction_id", "number"),
    )
    op.create_index(
        "ix_fulfilment_attempts_open",
        "fulfilment_attempts",
        ["environment", "supplier", "account_id", "recipient_email"],
        unique=False,
        sqlite_where=sa.text("ended_at IS NULL"),
        postgresql_where=sa.text("ended_at IS NULL"),
    )
    op.create_index(
        "ix_fulfilment_attempts_supplier",
        "fulfilment_attempts",
        ["environment", "supplier", "last_asked_at"],
        unique=False,
    )
    op.create_table(
        "supplier_recipients",
        sa.Column("account_id", TEXT, nullable=False),
        sa.Column("environment", TEXT, nullable=False),
        sa.Column("supplier", TEXT, nullable=False),
        sa.Column("recipient_email", TEXT, nullable=False),
        sa.Column("left_over", TEXT, nullable=False),
        sa.Column("changed_at", BIGINT, nullable=False),
        sa.PrimaryKeyConstraint("account_id", "environment", "supplier", "recipient_email"),
    )


def _create_platforms() -> None:
    op.create_table(
        "platforms",
        sa.Column("environment", TEXT, nullable=False),
        sa.Column("id", TEXT, nullable=False),
        sa.Column("name", TEXT, nullable=False),
        sa.Column("min_amount_cents", BIGINT, nullable=False),
        sa.Column("max_amount_cents", BIGINT, nullable=False),
        sa.Column("is_active", BIGINT, server_default=sa.text("1"), nullable=False),
        sa.Column("position", BIGINT, nullable=False),
        sa.Column("created_at", BIGINT, nullable=False),
        sa.PrimaryKeyConstraint("environment", "id"),
    )
    op.create_table(
        "platform_suppliers",
        sa.Column("environment", TEXT, nullable=False),
        sa.Column("platform", TEXT, nullable=False),
        sa.Column("supplier", TEXT, nullable=False),
        sa.Column("position", BIGINT, nullable=False),
        sa.PrimaryKeyConstraint("environment", "platform", "supplier"),
    )
    op.create_table(
        "suppliers",
        sa.Column("environment", TEXT, nullable=False),
        sa.Column("id", TEXT, nullable=False),
        sa.Column("kind", TEXT, nullable=False),
        sa.Column("options", TEXT, nullable=False),
        sa.Column("sealed", BYTES, nullable=True),
        sa.Column("hints", TEXT, nullable=False),
        sa.Column("is_active", BIGINT, server_default=sa.text("1"), nullable=False),
        sa.Column("is_stand_in", BIGINT, server_default=sa.text("0"), nullable=False),
        sa.Column("created_at", BIGINT, nullable=False),
        sa.Column("changed_at", BIGINT, nullable=False),
        sa.Column("resting_since", BIGINT, nullable=True),
        sa.Column("last_error", TEXT, nullable=True),
        sa.Column("last_error_at", BIGINT, nullable=True),
        sa.PrimaryKeyConstraint("environment", "id"),
    )
    versions = op.create_table(
        "platform_versions",
        sa.Column("id", BIGINT, autoincrement=False, nullable=False),
        sa.Column("version", BIGINT, server_default=sa.text("0"), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.bulk_insert(versions, [{"id": 1, "version": 0}])


def _create_stock_and_tasks() -> None:
    op.create_table(
        "stock_codes",
        sa.Column("id", TEXT, nullable=False),
        sa.Column("environment", TEXT, nullable=False),
        sa.Column("supplier", TEXT, nullable=False),
        sa.Column("platform", TEXT, nullable=False),
        sa.Column("amount_cents", BIGINT, nullable=False),
        sa.Column("digest", TEXT, nullable=False),
        sa.Column("sealed", BYTES, nullable=False),
        sa.Column("hint", TEXT, nullable=False),
        sa.Column("expires_at", BIGINT, nullable=True),
        sa.Column("added_at", BIGINT, nullable=False),
        sa.Column("transaction_id", TEXT, nullable=True),
        sa.Column("taken_at", BIGINT, nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(
        "ix_stock_codes_free",
        "stock_codes",
        ["environment", "supplier", "platform", "amount_cents", "id"],
        unique=False,
        sqlite_where=sa.text("transaction_id IS NULL"),
        postgresql_where=sa.text("transaction_id IS NULL"),
    )
    op.create_index("ux_stock_codes_digest", "stock_codes", ["environment", "digest"], unique=True)
    op.create_index(
        "ux_stock_codes_transaction",
        "stock_codes",
        ["transaction_id"],
        unique=True,
        sqlite_where=sa.text("transaction_id IS NOT NULL"),
        postgresql_where=sa.text("transaction_id IS NOT NULL"),
    )
    op.create_table(
        "stock_levels",
        sa.Column("environment", TEXT, nullable=False),
        sa.Column("supplier", TEXT, nullable=False),
        sa.Column("platform", TEXT, nullable=False),
        sa.Column("amount_cents", BIGINT, autoincrement=False, nullable=False),
        sa.Column("low_below", BIGINT, nullable=False),
        sa.Column("is_low", BIGINT, server_default=sa.text("0"), nullable=False),
        sa.PrimaryKeyConstraint("environment", "supplier", "platform", "amount_cents"),
    )
    op.create_table(
        "manual_tasks",
        sa.Column("transaction_id", TEXT, nullable=False),
        sa.Column("account_id", TEXT, nullable=False),
        sa.Column("environment", TEXT, nullable=False),
        sa.Column("supplier", TEXT, nullable=False),
        sa.Column("created_at", BIGINT, nullable=False),
        sa.Column("due_at", BIGINT, nullable=False),
        sa.Column("taken_by", TEXT, nullable=True),
        sa.Column("taken_at", BIGINT, nullable=True),
        sa.Column("outcome", TEXT, nullable=True),
        sa.Column("sealed", BYTES, nullable=True),
        sa.Column("reason", TEXT, nullable=True),
        sa.Column("decided_by", TEXT, nullable=True),
        sa.Column("decided_at", BIGINT, nullable=True),
        sa.PrimaryKeyConstraint("transaction_id"),
    )
    op.create_index(
        "ix_manual_tasks_open",
        "manual_tasks",
        ["environment", "due_at"],
        unique=False,
        sqlite_where=sa.text("outcome IS NULL"),
        postgresql_where=sa.text("outcome IS NULL"),
    )
