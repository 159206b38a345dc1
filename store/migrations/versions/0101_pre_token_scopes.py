"""Let an operator token be limited to some of the operators' scopes.

A token that names no scopes has all of them, like older tokens. Limit a token only after every process has been
upgraded, because older code ignores the limit.
"""

import sqlalchemy as sa
from alembic import op

from store.dialect import TEXT

revision = "0101"
down_revision = "0100"
branch_labels = None
depends_on = None
oldest_code = "0100"


def upgrade() -> None:
    op.add_column("access_tokens", sa.Column("scopes", TEXT, nullable=True))
