"""What the staging side of an account stores is counted by day, and refused above a quota.

Additive: a table and a column that is null. A process of before counts and refuses nothing.
"""

import sqlalchemy as sa
from alembic import op

from store.dialect import BIGINT, TEXT

revision = "0070"
down_revision = "0069"
branch_labels = None
depends_on = None
oldest_code = "0011"


def upgrade() -> None:
    op.add_column("accounts", sa.Column("staging_full_until", BIGINT, nullable=True))
    op.create_table(
        "staging_storage",
        sa.Column("account_id", TEXT, primary_key=True),
        sa.Column("day_start_at", BIGINT, nullable=False),
        sa.Column("rows_stored", BIGINT, nullable=False),
        sa.Column("bytes_stored", BIGINT, nullable=False),
        sa.Column("counted_until_at", BIGINT, nullable=False),
    )
