"""Orders of plans say with how many free days they begin.

Additive. An order that a process of before places says none; its trial is given all the same.
"""

import sqlalchemy as sa
from alembic import op

from store.dialect import BIGINT

revision = "0035"
down_revision = "0034"
branch_labels = None
depends_on = None
oldest_code = "0011"


def upgrade() -> None:
    op.add_column("orders", sa.Column("trial_days", BIGINT, nullable=True))
