"""A code, key or link is handed over once, and what a supplier said too late or against its own word is kept.

Additive: a worker of before writes neither, and the first worker of this version fills handed_over from what was
delivered before.
"""

import time

import sqlalchemy as sa
from alembic import op

from kernel.clock import DAY_US
from kernel.ids import least_id
from store.dialect import BIGINT, TEXT

revision = "0073"
down_revision = "0072"
branch_labels = None
depends_on = None
oldest_code = "0011"


def upgrade() -> None:
    op.create_table(
        "handed_over",
        sa.Column("environment", TEXT, primary_key=True),
        sa.Column("digest", TEXT, primary_key=True),
        sa.Column("transaction_id", TEXT, nullable=False),
    )
    fill = op.create_table(
        "handed_over_fill",
        sa.Column("id", BIGINT, primary_key=True, autoincrement=False),
        sa.Column("after_id", TEXT, nullable=False),
    )
    # A worker of before may run for a day beside this version. Where nothing was sent, nothing is looked at.
    end = least_id("txn", time.time_ns() // 1000 + DAY_US)
    topup = op.get_bind().execute(sa.text("SELECT id FROM topups LIMIT 1")).first()
    begin = end if topup is None else ""
    op.bulk_insert(fill, [{"id": 1, "after_id": begin}, {"id": 2, "after_id": end}])
    op.create_table(
        "supplier_words",
        sa.Column("transaction_id", TEXT, primary_key=True),
        sa.Column("digest", TEXT, primary_key=True),
        sa.Column("account_id", TEXT, nullable=False),
        sa.Column("environment", TEXT, nullable=False),
        sa.Column("supplier", TEXT, nullable=False),
        sa.Column("word", TEXT, nullable=False),
        sa.Column("why", TEXT, nullable=False),
        sa.Column("detail", TEXT, nullable=False),
        sa.Column("kind", TEXT, nullable=True),
        sa.Column("hint", TEXT, nullable=True),
        sa.Column("sealed", TEXT, nullable=True),
        sa.Column("cost_cents", BIGINT, nullable=True),
        sa.Column("told_at", BIGINT, nullable=False),
        sa.Column("last_told_at", BIGINT, nullable=False),
        sa.Column("times", BIGINT, nullable=False, server_default="1"),
        sa.Column("seen_at", BIGINT, nullable=True),
        sa.Column("seen_by", TEXT, nullable=True),
    )
    is_unseen = sa.text("seen_at IS NULL")
    op.create_index(
        "ix_supplier_words_unseen",
        "supplier_words",
        ["environment", "transaction_id"],
        sqlite_where=is_unseen,
        postgresql_where=is_unseen,
    )
