"""Machine payments by when they were settled: what the month's revenue and the daily comparison read.

Additive. A process of before does without.
"""

import sqlalchemy as sa
from alembic import op

revision = "0046"
down_revision = "0045"
branch_labels = None
depends_on = None
oldest_code = "0011"


def upgrade() -> None:
    where = sa.text("settled_at IS NOT NULL")
    op.create_index(
        "ix_machine_payments_settled",
        "machine_payments",
        ["environment", "settled_at"],
        sqlite_where=where,
        postgresql_where=where,
    )
