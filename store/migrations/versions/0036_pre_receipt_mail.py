"""Payers get their receipts by mail, and may switch that off.

Additive. Receipts are due by a column of their own: a worker of before sees none of these mails.
"""

import sqlalchemy as sa
from alembic import op

from store.dialect import BIGINT

revision = "0036"
down_revision = "0035"
branch_labels = None
depends_on = None
oldest_code = "0011"


def upgrade() -> None:
    op.add_column("accounts", sa.Column("receipt_mail_off_at", BIGINT, nullable=True))
    op.add_column("owner_mails", sa.Column("next_receipt_at", BIGINT, nullable=True))
    is_due = sa.text("next_receipt_at IS NOT NULL")
    op.create_index(
        "ix_owner_mails_receipts_due",
        "owner_mails",
        ["next_receipt_at"],
        sqlite_where=is_due,
        postgresql_where=is_due,
    )
