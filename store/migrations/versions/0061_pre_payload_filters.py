"""Endpoints with a filter on the data of their events.

Additive. A gateway of before knows no filter and publishes to such an endpoint whatever its types say: end the older
ones before anybody sets one.
"""

import sqlalchemy as sa
from alembic import op

from store.dialect import TEXT

revision = "0061"
down_revision = "0060"
branch_labels = None
depends_on = None
oldest_code = "0011"


def upgrade() -> None:
    op.add_column("endpoints", sa.Column("payload_filter", TEXT, nullable=True))
