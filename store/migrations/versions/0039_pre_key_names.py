"""Top-ups carry the name of the key that sent them.

Additive. What was sent before, or is sent by a process of before, has none.
"""

import sqlalchemy as sa
from alembic import op

from store.dialect import TEXT

revision = "0039"
down_revision = "0038"
branch_labels = None
depends_on = None
oldest_code = "0011"


def upgrade() -> None:
    op.add_column("topups", sa.Column("key_name", TEXT, nullable=True))
