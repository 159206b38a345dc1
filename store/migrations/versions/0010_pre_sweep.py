"""A day's threshold for approvals, leases with a token, and emptied grants marked as such."""

import sqlalchemy as sa
from alembic import op

from store.dialect import BIGINT, TEXT

revision = "0010"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("api_keys") as batch_op:
        batch_op.add_column(sa.Column("approval_above_per_day_cents", BIGINT, nullable=True))
    with op.batch_alter_table("idempotency_keys") as batch_op:
        batch_op.add_column(sa.Column("lease_token", TEXT, nullable=True))
    # Grants that were made and emptied by one batch were loaded and swept for ever.
    ledger_accounts = sa.table(
        "ledger_accounts", sa.column("kind"), sa.column("balance_micros"), sa.column("is_spent")
    )
    op.execute(
        ledger_accounts.update()
        .where(ledger_accounts.c.kind == "grant")
        .where(ledger_accounts.c.is_spent == 0)
        .where(ledger_accounts.c.balance_micros == 0)
        .values(is_spent=1)
    )
