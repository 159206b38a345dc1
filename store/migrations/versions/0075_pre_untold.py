"""A part of a plan's credit says how much of what ran out may still go on, so that nobody was told that it is lost.

Additive: what ran out before was told whole.
"""

import sqlalchemy as sa
from alembic import op

from store.dialect import BIGINT

revision = "0075"
down_revision = "0074"
branch_labels = None
depends_on = None
oldest_code = "0011"


def upgrade() -> None:
    column = sa.Column("untold_micros", BIGINT, nullable=False, server_default="0")
    op.add_column("plan_grants", column)
