"""What an order was agreed on stands a second time beside it, for `topup audit`.

Additive: an order of before has none, and its price is proved by what was told of it alone.
"""

import sqlalchemy as sa
from alembic import op

from store.dialect import TEXT

revision = "0076"
down_revision = "0075"
branch_labels = None
depends_on = None
oldest_code = "0011"


def upgrade() -> None:
    op.add_column("orders", sa.Column("terms", TEXT, nullable=True))
