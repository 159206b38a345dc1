"""An address is verified by a link that is mailed to it.

Additive: a table more. A worker of before takes no mail of a kind that it does not know.
"""

import sqlalchemy as sa
from alembic import op

from store.dialect import BIGINT, TEXT

revision = "0058"
down_revision = "0057"
branch_labels = None
depends_on = None
oldest_code = "0011"


def upgrade() -> None:
    op.create_table(
        "email_verifications",
        sa.Column("id", TEXT, primary_key=True),
        sa.Column("account_id", TEXT, nullable=False),
        sa.Column("email", TEXT, nullable=False),
        sa.Column("created_at", BIGINT, nullable=False),
        sa.Column("expires_at", BIGINT, nullable=False),
    )
    op.create_index("ix_email_verifications_account", "email_verifications", ["account_id"])
