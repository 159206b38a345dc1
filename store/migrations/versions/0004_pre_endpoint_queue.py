"""Endpoints in the order of their turns; cursors of events know their database and what was kept."""

import time

import sqlalchemy as sa
from alembic import op

from store.dialect import BIGINT, TEXT

revision = "0004"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "endpoint_queue",
        sa.Column("endpoint_id", TEXT, nullable=False),
        sa.Column("account_id", TEXT, nullable=False),
        sa.Column("environment", TEXT, nullable=False),
        sa.Column("ready_at", BIGINT, nullable=True),
        sa.Column("is_failing", BIGINT, server_default=sa.text("0"), nullable=False),
        sa.Column("change_no", BIGINT, server_default=sa.text("0"), nullable=False),
        sa.Column("ending_at", BIGINT, nullable=True),
        sa.PrimaryKeyConstraint("endpoint_id"),
        postgresql_with={"fillfactor": 70, "autovacuum_vacuum_scale_factor": 0.02},
    )
    op.create_index(
        "ix_endpoint_queue_ready",
        "endpoint_queue",
        ["is_failing", "ready_at", "endpoint_id"],
        unique=False,
        sqlite_where=sa.text("ready_at IS NOT NULL"),
        postgresql_where=sa.text("ready_at IS NOT NULL"),
    )
    op.create_index(
        "ix_endpoint_queue_ending",
        "endpoint_queue",
        ["ending_at"],
        unique=False,
        sqlite_where=sa.text("ending_at IS NOT NULL"),
        postgresql_where=sa.text("ending_at IS NOT NULL"),
    )
    op.create_index(
        "ix_endpoints_disabled",
        "endpoints",
        ["disabled_at", "id"],
        unique=False,
        sqlite_where=sa.text("status = 'disabled' AND deleted_at IS NULL"),
        postgresql_where=sa.text("status = 'disabled' AND deleted_at IS NULL"),
    )
    # Ready at once: the first look finds out what is due. What a disabled one has in flight is
    # looked at as well, since it may have been so for long.
    op.execute(
        """
        INSERT INTO endpoint_queue (endpoint_id, account_id, environment, ready_at, is_failing,
            ending_at)
        SELECT id, account_id, environment, CASE WHEN status = 'enabled' THEN 0 END,
            CASE WHEN failing_since_at IS NULL THEN 0 ELSE 1 END,
            CASE WHEN status = 'enabled' THEN NULL ELSE 0 END
        FROM endpoints WHERE deleted_at IS NULL
        """
    )
    for name in ("events_from_no", "event_epoch"):
        op.add_column(
            "account_environments",
            sa.Column(name, BIGINT, server_default=sa.text("0"), nullable=False),
        )
    # A database that comes from an older copy begins an epoch of its own with its migration.
    op.execute(f"UPDATE account_environments SET event_epoch = {int(time.time())}")
