"""Invitations of colleagues leave by mail.

Additive. These mails are due by a column of their own: a worker of before sees none of them.
"""

import sqlalchemy as sa
from alembic import op

from store.dialect import BIGINT

revision = "0053"
down_revision = "0052"
branch_labels = None
depends_on = None
oldest_code = "0011"


def upgrade() -> None:
    op.add_column("owner_mails", sa.Column("next_invitation_at", BIGINT, nullable=True))
    is_due = sa.text("next_invitation_at IS NOT NULL")
    op.create_index(
        "ix_owner_mails_invitations_due",
        "owner_mails",
        ["next_invitation_at"],
        sqlite_where=is_due,
        postgresql_where=is_due,
    )
