"""Until when a worker may be asking a provider about a refund, so that nobody decides meanwhile.

Additive. A worker of before leaves it null, and a decision does not wait for its later questions, as before.
"""

import sqlalchemy as sa
from alembic import op

from store.dialect import BIGINT

revision = "0037"
down_revision = "0036"
branch_labels = None
depends_on = None
oldest_code = "0011"


def upgrade() -> None:
    op.add_column("refunds", sa.Column("asked_until", BIGINT, nullable=True))
