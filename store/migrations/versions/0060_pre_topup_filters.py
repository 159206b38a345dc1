"""Top-ups that are not delivered are found by their state.

Additive: an index more. Making it reads every top-up once, some seconds a million, and sends wait meanwhile.
"""

import sqlalchemy as sa
from alembic import op

revision = "0060"
down_revision = "0059"
branch_labels = None
depends_on = None
oldest_code = "0011"


def upgrade() -> None:
    is_not_delivered = sa.text("status <> 'delivered'")
    op.create_index(
        "ix_topups_status",
        "topups",
        ["account_id", "environment", "status", "id"],
        sqlite_where=is_not_delivered,
        postgresql_where=is_not_delivered,
    )
