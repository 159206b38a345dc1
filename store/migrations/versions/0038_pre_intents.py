"""An account's own ids of its top-ups, the same through every door.

Additive. A process of before takes no intent: it refuses a send that has one.
"""

import sqlalchemy as sa
from alembic import op

from store.dialect import TEXT

revision = "0038"
down_revision = "0037"
branch_labels = None
depends_on = None
oldest_code = "0011"


def upgrade() -> None:
    op.create_table(
        "topup_intents",
        sa.Column("account_id", TEXT, primary_key=True),
        sa.Column("environment", TEXT, primary_key=True),
        sa.Column("intent", TEXT, primary_key=True),
        sa.Column("transaction_id", TEXT, nullable=False),
    )
