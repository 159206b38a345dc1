"""An account whose erasure has begun says so, so that its rows that are left are not held against each other.

Additive: none is being erased yet; a worker of before erases without saying so.
"""

import sqlalchemy as sa
from alembic import op

from store.dialect import BIGINT

revision = "0067"
down_revision = "0066"
branch_labels = None
depends_on = None
oldest_code = "0011"


def upgrade() -> None:
    op.add_column("accounts", sa.Column("erasing_at", BIGINT, nullable=True))
