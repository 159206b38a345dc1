"""Let an endpoint belong to an MCP client's subscription.

Let clients subscribe only after every process has been upgraded, because older code doesn't end subscriptions.
"""

import sqlalchemy as sa
from alembic import op

from store.dialect import BIGINT, TEXT

revision = "0102"
down_revision = "0101"
branch_labels = None
depends_on = None
oldest_code = "0100"


def upgrade() -> None:
    for name in ("subscription_id", "subscriber_id"):
        op.add_column("endpoints", sa.Column(name, TEXT, nullable=True))
    op.add_column("endpoints", sa.Column("subscription_until_at", BIGINT, nullable=True))
    op.add_column("endpoints", sa.Column("subscription_cursor", TEXT, nullable=True))
    is_open = sa.text("subscription_id IS NOT NULL AND deleted_at IS NULL")
    op.create_index(
        "ux_endpoints_subscription",
        "endpoints",
        ["account_id", "environment", "subscription_id"],
        unique=True,
        sqlite_where=is_open,
        postgresql_where=is_open,
    )
    is_subscription = sa.text("subscription_id IS NOT NULL")
    op.create_index(
        "ix_endpoints_subscription_until",
        "endpoints",
        ["subscription_until_at"],
        sqlite_where=is_subscription,
        postgresql_where=is_subscription,
    )
