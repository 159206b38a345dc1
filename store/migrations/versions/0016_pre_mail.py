"""Top-ups say how they reach their recipients; mail to these is rows, and some addresses want none.

Additive: a process of before leaves the new columns null, and writes no mail.
"""

import sqlalchemy as sa
from alembic import op

from store.dialect import BIGINT, TEXT

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None
oldest_code = "0011"


def upgrade() -> None:
    op.add_column("topups", sa.Column("delivery", TEXT, nullable=True))
    op.add_column("topups", sa.Column("claimed_at", BIGINT, nullable=True))
    op.add_column("topups", sa.Column("emailed_at", BIGINT, nullable=True))
    op.create_table(
        "mails",
        sa.Column("id", TEXT, nullable=False),
        sa.Column("account_id", TEXT, nullable=False),
        sa.Column("environment", TEXT, nullable=False),
        sa.Column("transaction_id", TEXT, nullable=False),
        sa.Column("recipient_email", TEXT, nullable=False),
        sa.Column("status", TEXT, nullable=False),
        sa.Column("created_at", BIGINT, nullable=False),
        sa.Column("attempts", BIGINT, server_default=sa.text("0"), nullable=False),
        sa.Column("claim_no", BIGINT, server_default=sa.text("0"), nullable=False),
        sa.Column("next_attempt_at", BIGINT, nullable=True),
        sa.Column("ended_at", BIGINT, nullable=True),
        sa.Column("reason", TEXT, nullable=True),
        sa.PrimaryKeyConstraint("id"),
        postgresql_with={"fillfactor": 70, "autovacuum_vacuum_scale_factor": 0.02},
    )
    op.create_index("ix_mails_topup", "mails", ["transaction_id"])
    op.create_index("ix_mails_account", "mails", ["account_id", "environment", "id"])
    op.create_index(
        "ix_mails_recipient",
        "mails",
        ["account_id", "environment", "recipient_email", "created_at"],
    )
    op.create_index("ix_mails_day", "mails", ["account_id", "environment", "created_at"])
    op.create_index(
        "ix_mails_due",
        "mails",
        ["next_attempt_at"],
        sqlite_where=sa.text("next_attempt_at IS NOT NULL"),
        postgresql_where=sa.text("next_attempt_at IS NOT NULL"),
    )
    op.create_table(
        "mail_refusals",
        sa.Column("digest", TEXT, nullable=False),
        sa.Column("created_at", BIGINT, nullable=False),
        sa.PrimaryKeyConstraint("digest"),
    )
