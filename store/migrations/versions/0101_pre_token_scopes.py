"""An operator token may be limited to some of the operators' scopes.

Additive: a token of before has none named, and may do all. Limit a token only once every process runs this
code; one of before takes it for a token that may do all.
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
