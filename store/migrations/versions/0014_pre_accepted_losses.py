"""What operators accepted as lost after a failover or a restore: until then nobody serves from there."""

import sqlalchemy as sa
from alembic import op

from store.dialect import BIGINT, TEXT

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None
oldest_code = "0011"


def upgrade() -> None:
    op.create_table(
        "accepted_losses",
        sa.Column("accepted_at", BIGINT, nullable=False, autoincrement=False),
        sa.Column("lost_from_at", BIGINT, nullable=True),
        sa.Column("lost_until_at", BIGINT, nullable=True),
        sa.Column("reason", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("accepted_at"),
    )
