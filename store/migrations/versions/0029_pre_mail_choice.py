"""Owners are told by mail of recharges that failed and of credit that ends, and may switch the latter off.

Additive. A worker of before that claims a mail of a new kind settles it as failed, unsent: end the old
workers soon after the migration.
"""

import sqlalchemy as sa
from alembic import op

from store.dialect import BIGINT, TEXT

revision = "0029"
down_revision = "0028"
branch_labels = None
depends_on = None
oldest_code = "0011"


def upgrade() -> None:
    op.add_column("owner_mails", sa.Column("about", TEXT, nullable=True))
    op.add_column("accounts", sa.Column("expiring_mail_off_at", BIGINT, nullable=True))
