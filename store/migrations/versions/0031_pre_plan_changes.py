"""What a change of plans cost, kept with its period: changes that are told in the wrong order grant the same.

Additive. A change that a process of before acts on is kept without it, as all were before.
"""

import sqlalchemy as sa
from alembic import op

from store.dialect import BIGINT

revision = "0031"
down_revision = "0030"
branch_labels = None
depends_on = None
oldest_code = "0011"


def upgrade() -> None:
    for name in ("prorated_amount", "plan_amount", "plan_micros"):
        op.add_column("subscription_periods", sa.Column(name, BIGINT, nullable=True))
    op.add_column(
        "subscription_periods",
        sa.Column("corrected_micros", BIGINT, server_default=sa.text("0"), nullable=False),
    )
    op.add_column("subscriptions", sa.Column("carried_before", BIGINT, nullable=True))
