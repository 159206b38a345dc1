"""Owners are told by mail of sends that wait for their decision, and may switch that off.

Additive. These mails are due by a column of their own: a worker of before sees none of them. What waits
already is told once.
"""

import sqlalchemy as sa
from alembic import op

from store.dialect import BIGINT

revision = "0045"
down_revision = "0044"
branch_labels = None
depends_on = None
oldest_code = "0011"


def upgrade() -> None:
    op.add_column("accounts", sa.Column("approval_mail_off_at", BIGINT, nullable=True))
    op.add_column("approvals", sa.Column("told_at", BIGINT, nullable=True))
    op.add_column("owner_mails", sa.Column("next_approval_at", BIGINT, nullable=True))
    _partial_index(
        "ix_approvals_untold",
        "approvals",
        ["account_id", "environment", "id"],
        "status = 'pending' AND told_at IS NULL",
    )
    _partial_index(
        "ix_owner_mails_approvals_due",
        "owner_mails",
        ["next_approval_at"],
        "next_approval_at IS NOT NULL",
    )


def _partial_index(name: str, table: str, columns: list[str], where: str) -> None:
    op.create_index(
        name, table, columns, sqlite_where=sa.text(where), postgresql_where=sa.text(where)
    )
