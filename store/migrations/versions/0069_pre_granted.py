"""What a person granted is judged again when it takes effect: codes say which sign-in consented, and an account
says when its person's sessions were all ended.

Additive: codes of before name no sign-in, and are judged by the account alone for the minutes that they live.
"""

import sqlalchemy as sa
from alembic import op

from store.dialect import BIGINT, TEXT

revision = "0069"
down_revision = "0068"
branch_labels = None
depends_on = None
oldest_code = "0011"


def upgrade() -> None:
    op.add_column("accounts", sa.Column("access_ended_at", BIGINT, nullable=True))
    op.add_column("authorization_codes", sa.Column("session_id", TEXT, nullable=True))
    op.add_column("oauth_codes", sa.Column("session_id", TEXT, nullable=True))
