"""A second proof at sign-in, for accounts whose person switches it on.

Additive. A process of before asks for the password alone: end the old ones before anybody switches it on.
"""

import sqlalchemy as sa
from alembic import op

from store.dialect import BIGINT, TEXT

revision = "0049"
down_revision = "0048"
branch_labels = None
depends_on = None
oldest_code = "0011"


def upgrade() -> None:
    op.create_table(
        "second_factors",
        sa.Column("account_id", TEXT, primary_key=True),
        sa.Column("nonce", TEXT, nullable=False),
        sa.Column("last_step", BIGINT, nullable=False, server_default="0"),
        sa.Column("recovery", TEXT, nullable=False),
        sa.Column("created_at", BIGINT, nullable=False),
        sa.Column("confirmed_at", BIGINT, nullable=True),
    )
