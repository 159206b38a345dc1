"""Endpoints whose bodies of approval.requested carry the link that decides.

Additive. A gateway of before publishes without links. A worker of before would put a voucher's code where the
link goes: end the older ones before anybody switches it on.
"""

import sqlalchemy as sa
from alembic import op

from store.dialect import BIGINT

revision = "0044"
down_revision = "0043"
branch_labels = None
depends_on = None
oldest_code = "0011"


def upgrade() -> None:
    for name in ("include_approval_links", "had_approval_links"):
        op.add_column(
            "endpoints", sa.Column(name, BIGINT, nullable=False, server_default=sa.text("0"))
        )
