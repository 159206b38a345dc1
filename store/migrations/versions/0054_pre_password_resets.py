"""A forgotten password is set anew by a link; mail of new kinds is due by one column.

Additive. A worker of before sees none of the new mails, and takes none of a kind that it does not know.
"""

import sqlalchemy as sa
from alembic import op

from store.dialect import BIGINT

revision = "0054"
down_revision = "0053"
branch_labels = None
depends_on = None
oldest_code = "0011"


def upgrade() -> None:
    op.create_table(
        "password_resets",
        sa.Column("id", sa.Text(), primary_key=True),
        sa.Column("account_id", sa.Text(), nullable=False),
        sa.Column("email", sa.Text(), nullable=False),
        sa.Column("created_at", BIGINT, nullable=False),
        sa.Column("expires_at", BIGINT, nullable=False),
    )
    op.create_index("ix_password_resets_account", "password_resets", ["account_id"])
    op.add_column("owner_mails", sa.Column("next_notice_at", BIGINT, nullable=True))
    is_due = sa.text("next_notice_at IS NOT NULL")
    op.create_index(
        "ix_owner_mails_notices_due",
        "owner_mails",
        ["next_notice_at"],
        sqlite_where=is_due,
        postgresql_where=is_due,
    )
