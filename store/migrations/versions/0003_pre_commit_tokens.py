"""The row that tells what became of a COMMIT whose answer was lost."""

import sqlalchemy as sa
from alembic import op

from store.dialect import BIGINT, BYTES, TEXT

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "commit_tokens",
        sa.Column("id", TEXT, nullable=False),
        sa.Column("token", BIGINT, nullable=False),
        sa.Column("written_at", BIGINT, nullable=False),
        sa.Column("filler", BYTES, nullable=True),
        sa.PrimaryKeyConstraint("id"),
        postgresql_with={"fillfactor": 70, "autovacuum_vacuum_scale_factor": 0.02},
    )
