"""Orders say when their checkout was opened and their provider asked; differences of money are rows.

Additive: a process of before leaves the new columns null, and compares nothing.
"""

import sqlalchemy as sa
from alembic import op

from store.dialect import BIGINT, TEXT

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None
oldest_code = "0011"


def upgrade() -> None:
    op.add_column("orders", sa.Column("opened_at", BIGINT, nullable=True))
    op.add_column("orders", sa.Column("asked_at", BIGINT, nullable=True))
    op.add_column("orders", sa.Column("answer", TEXT, nullable=True))
    op.create_table(
        "money_differences",
        sa.Column("id", TEXT, nullable=False),
        sa.Column("account_id", TEXT, nullable=False),
        sa.Column("environment", TEXT, nullable=False),
        sa.Column("part", TEXT, nullable=False),
        sa.Column("kind", TEXT, nullable=False),
        sa.Column("subject_id", TEXT, nullable=False),
        sa.Column("expected", BIGINT, nullable=False),
        sa.Column("found", BIGINT, nullable=False),
        sa.Column("unit", TEXT, nullable=False),
        sa.Column("detail", TEXT, nullable=False),
        sa.Column("since", BIGINT, nullable=False),
        sa.Column("seen_at", BIGINT, nullable=False),
        sa.Column("closed_at", BIGINT, nullable=True),
        sa.Column("closed_by", TEXT, nullable=True),
        sa.Column("reason", TEXT, nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(
        "ux_money_differences_subject",
        "money_differences",
        ["environment", "part", "kind", "subject_id"],
        unique=True,
    )
    op.create_index("ix_money_differences_environment", "money_differences", ["environment", "id"])
    op.create_index(
        "ix_money_differences_open",
        "money_differences",
        ["environment", "id"],
        sqlite_where=sa.text("closed_at IS NULL"),
        postgresql_where=sa.text("closed_at IS NULL"),
    )
    op.create_table(
        "reconciliation_parts",
        sa.Column("environment", TEXT, nullable=False),
        sa.Column("part", TEXT, nullable=False),
        sa.Column("next_at", BIGINT, nullable=False),
        sa.Column("began_at", BIGINT, nullable=True),
        sa.Column("ended_at", BIGINT, nullable=True),
        sa.Column("checked", BIGINT, nullable=False, server_default="0"),
        sa.Column("fault", TEXT, nullable=True),
        sa.Column("mark", TEXT, nullable=True),
        sa.PrimaryKeyConstraint("environment", "part"),
    )
