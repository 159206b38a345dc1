"""Endpoints in the order of their turns; cursors of events know their database and what was kept."""

import time

import sqlalchemy as sa
from alembic import op

from store.dialect import BIGINT, TEXT

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_endpoints = sa.table(
    "endpoints",
    *(
        sa.column(name, TEXT if name in {"id", "account_id", "environment", "status"} else BIGINT)
        for name in ("id", "account_id", "environment", "status", "failing_since_at", "deleted_at")
    ),
)
_queue = sa.table(
    "endpoint_queue",
    sa.column("endpoint_id", TEXT),
    sa.column("account_id", TEXT),
    sa.column("environment", TEXT),
    sa.column("ready_at", BIGINT),
    sa.column("is_failing", BIGINT),
    sa.column("ending_at", BIGINT),
)
_scopes = sa.table("account_environments", sa.column("event_epoch", BIGINT))


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
    is_enabled = _endpoints.c.status == "enabled"
    op.execute(
        sa.insert(_queue).from_select(
            [column.name for column in _queue.c],
            sa.select(
                _endpoints.c.id,
                _endpoints.c.account_id,
                _endpoints.c.environment,
                sa.case((is_enabled, 0)),
                sa.case((_endpoints.c.failing_since_at.is_(None), 0), else_=1),
                sa.case((is_enabled, sa.null()), else_=0),
            ).where(_endpoints.c.deleted_at.is_(None)),
        )
    )
    for name in ("events_from_no", "event_epoch"):
        op.add_column(
            "account_environments",
            sa.Column(name, BIGINT, server_default=sa.text("0"), nullable=False),
        )
    # A database that comes from an older copy begins an epoch of its own with its migration.
    op.execute(sa.update(_scopes).values(event_epoch=int(time.time())))
