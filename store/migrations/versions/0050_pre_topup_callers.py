"""From which address, and under which Idempotency-Key, a top-up was sent.

Additive. What a process of before sends has neither.
"""

import sqlalchemy as sa
from alembic import op

from store.dialect import TEXT

revision = "0050"
down_revision = "0049"
branch_labels = None
depends_on = None
oldest_code = "0011"


def upgrade() -> None:
    for name in ("caller_address", "idempotency_key"):
        op.add_column("topups", sa.Column(name, TEXT, nullable=True))
