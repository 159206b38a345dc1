"""Sealed daily checkpoints of the ledger, and the keys that sign them.

Additive. A process of before seals nothing and needs none of it; the first worker of this release seals
each day since the first transfer.
"""

import sqlalchemy as sa
from alembic import op

from store.dialect import BIGINT, BYTES, TEXT

revision = "0041"
down_revision = "0040"
branch_labels = None
depends_on = None
oldest_code = "0011"


def upgrade() -> None:
    op.create_table(
        "signing_keys",
        sa.Column("kid", TEXT, primary_key=True),
        sa.Column("number", BIGINT, nullable=False),
        sa.Column("public_key", BYTES, nullable=False),
        sa.Column("created_at", BIGINT, nullable=False),
    )
    op.create_table(
        "checkpoints",
        sa.Column("environment", TEXT, primary_key=True),
        sa.Column("day_start_at", BIGINT, primary_key=True),
        sa.Column("seed", BYTES, nullable=False),
        sa.Column("claimed_by", TEXT, nullable=True),
        sa.Column("claimed_until", BIGINT, nullable=False),
        sa.Column("size", BIGINT, nullable=True),
        sa.Column("late", BIGINT, nullable=True),
        sa.Column("root", BYTES, nullable=True),
        sa.Column("digest", BYTES, nullable=True),
        sa.Column("jws", TEXT, nullable=True),
        sa.Column("sealed_at", BIGINT, nullable=True),
    )
    op.create_table(
        "checkpoint_tiles",
        sa.Column("environment", TEXT, primary_key=True),
        sa.Column("day_start_at", BIGINT, primary_key=True),
        sa.Column("level", BIGINT, primary_key=True),
        sa.Column("number", BIGINT, primary_key=True),
        sa.Column("first_id", TEXT, nullable=False),
        sa.Column("last_id", TEXT, nullable=False),
        sa.Column("ids", BYTES, nullable=False),
        sa.Column("hashes", BYTES, nullable=False),
        sa.Column("root", BYTES, nullable=False),
    )
