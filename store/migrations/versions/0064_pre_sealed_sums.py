"""The audit of the ledger works from the sums of its sealed days.

Additive: three tables, and three columns of ledger_proofs, which the code before leaves empty.
"""

import sqlalchemy as sa
from alembic import op

from store.dialect import BIGINT, TEXT

revision = "0064"
down_revision = "0063"
branch_labels = None
depends_on = None
oldest_code = "0011"

_SUMS = ("debits_micros", "credits_micros", "before_debits_micros", "before_credits_micros")


def upgrade() -> None:
    op.create_table(
        "sealed_balances",
        sa.Column("account_id", TEXT, primary_key=True),
        sa.Column("environment", TEXT, primary_key=True),
        sa.Column("ledger_account_id", TEXT, primary_key=True),
        sa.Column("day_start_at", BIGINT, nullable=False),
        *(sa.Column(name, BIGINT, nullable=False) for name in _SUMS),
    )
    op.create_table(
        "sealed_sums",
        sa.Column("environment", TEXT, primary_key=True),
        sa.Column("summed_day", BIGINT, nullable=True),
        sa.Column("tiles", BIGINT, nullable=False),
    )
    op.create_table(
        "checkpoint_proofs",
        sa.Column("environment", TEXT, primary_key=True),
        sa.Column("day_start_at", BIGINT, nullable=False),
        sa.Column("began_at", BIGINT, nullable=False),
        sa.Column("findings", BIGINT, nullable=False),
    )
    for name in ("is_full", "live_day", "staging_day"):
        op.add_column("ledger_proofs", sa.Column(name, BIGINT, nullable=True))
