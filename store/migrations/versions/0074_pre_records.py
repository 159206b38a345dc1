"""Events, deliveries, audit entries and billing documents are sealed beside the ledger, under an hourly signed head.

Additive: six tables. Rows of before get no leaf: the log begins when the first worker of this version starts.
"""

from typing import Any

import sqlalchemy as sa
from alembic import op

from store.dialect import BIGINT, BYTES, TEXT

revision = "0074"
down_revision = "0073"
branch_labels = None
depends_on = None
oldest_code = "0011"


def _columns(kind: sa.types.TypeEngine[Any], *names: str) -> list[sa.Column[Any]]:
    return [sa.Column(name, kind, nullable=False) for name in names]


def upgrade() -> None:
    op.create_table(
        "record_marks",
        sa.Column("id", TEXT, primary_key=True),
        *_columns(BIGINT, "step_no", "began_at", "day_start_at", "size"),
        *_columns(TEXT, "after_ids"),
    )
    op.create_table(
        "record_tiles",
        sa.Column("day_start_at", BIGINT, primary_key=True, autoincrement=False),
        sa.Column("number", BIGINT, primary_key=True, autoincrement=False),
        *_columns(TEXT, "first_id", "last_id"),
        *_columns(BIGINT, "sealed_at"),
        *_columns(BYTES, "root", "leaves"),
    )
    op.create_index("ix_record_tiles_ids", "record_tiles", ["day_start_at", "last_id"])
    op.create_table(
        "record_heads",
        sa.Column("number", BIGINT, primary_key=True, autoincrement=False),
        *_columns(BIGINT, "day_start_at", "size"),
        *_columns(BYTES, "root", "digest"),
        *_columns(TEXT, "jws"),
        *_columns(BIGINT, "sealed_to", "sealed_at"),
    )
    op.create_index("ix_record_heads_day", "record_heads", ["day_start_at", "number"])
    op.create_table(
        "record_seeds",
        sa.Column("account_id", TEXT, primary_key=True),
        sa.Column("period", BIGINT, primary_key=True, autoincrement=False),
        *_columns(BYTES, "seed"),
    )
    op.create_table(
        "record_waiting",
        sa.Column("id", TEXT, primary_key=True),
        *_columns(TEXT, "account_id"),
    )
    op.create_index("ix_record_waiting_account", "record_waiting", ["account_id"])
    op.create_table(
        "record_removals",
        sa.Column("kind", TEXT, primary_key=True),
        sa.Column("subject", TEXT, primary_key=True),
        *_columns(BIGINT, "until_at"),
        *_columns(TEXT, "jws"),
    )
