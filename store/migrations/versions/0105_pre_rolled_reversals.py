"""Record how much of a period's reversal was taken from credit that rolled over.

Older code leaves it at 0. If such a reversal is undone, the wallet gets the credit.
"""

import sqlalchemy as sa
from alembic import op

from store.dialect import BIGINT

revision = "0105"
down_revision = "0104"
branch_labels = None
depends_on = None
oldest_code = "0100"


def upgrade() -> None:
    op.add_column(
        "subscription_periods",
        sa.Column("reversed_rolled_micros", BIGINT, nullable=False, server_default=sa.text("0")),
    )
