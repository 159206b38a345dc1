"""Record in request_log and api_keys which agent signed a call. Null means that the agent is unknown."""

import sqlalchemy as sa
from alembic import op

from store.dialect import TEXT

revision = "0103"
down_revision = "0102"
branch_labels = None
depends_on = None
oldest_code = "0100"


def upgrade() -> None:
    op.add_column("request_log", sa.Column("agent", TEXT, nullable=True))
    op.add_column("api_keys", sa.Column("last_used_by", TEXT, nullable=True))
