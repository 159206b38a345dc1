"""Operators see what was sent and sold on each day, and which workers are there.

Additive: three tables more, which a worker of before does not write.
"""

import sqlalchemy as sa
from alembic import op

from store.dialect import BIGINT, TEXT

revision = "0062"
down_revision = "0061"
branch_labels = None
depends_on = None
oldest_code = "0011"


def upgrade() -> None:
    op.create_table(
        "volume_days",
        sa.Column("environment", TEXT, primary_key=True),
        sa.Column("day_start_at", BIGINT, primary_key=True, autoincrement=False),
        sa.Column("kind", TEXT, primary_key=True),
        sa.Column("name", TEXT, primary_key=True),
        sa.Column("number", BIGINT, nullable=False),
        sa.Column("amount_micros", BIGINT, nullable=False),
    )
    op.create_table(
        "volume_marks",
        sa.Column("id", TEXT, primary_key=True),
        sa.Column("counted_to", TEXT, nullable=False),
        sa.Column("counted_at", BIGINT, nullable=False),
    )
    op.create_table(
        "workers",
        sa.Column("id", TEXT, primary_key=True),
        sa.Column("machine", TEXT, nullable=False),
        sa.Column("process_id", BIGINT, nullable=False),
        sa.Column("version", TEXT, nullable=False),
        sa.Column("started_at", BIGINT, nullable=False),
        sa.Column("seen_at", BIGINT, nullable=False),
        sa.Column("sending", BIGINT, nullable=False),
        sa.Column("slots", BIGINT, nullable=False),
    )
