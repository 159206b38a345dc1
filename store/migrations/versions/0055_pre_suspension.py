"""An operator suspends an account, and resumes it.

Additive. A process of before goes on with a suspended account: end those before anybody suspends one.
"""

import sqlalchemy as sa
from alembic import op

from store.dialect import BIGINT, TEXT

revision = "0055"
down_revision = "0054"
branch_labels = None
depends_on = None
oldest_code = "0011"


def upgrade() -> None:
    op.add_column("accounts", sa.Column("suspended_at", BIGINT, nullable=True))
    op.add_column("accounts", sa.Column("suspended_for", TEXT, nullable=True))
    op.add_column("account_environments", sa.Column("suspended_at", BIGINT, nullable=True))
