"""Each person of an account chooses their mail; failing webhooks, low balances and new keys are told.

Additive. A worker of before takes no mail of a kind that it does not know, nor any to a colleague. What fails at the
time of the migration is told; what was over by then is not.
"""

import sqlalchemy as sa
from alembic import op

from store.dialect import BIGINT, TEXT

revision = "0059"
down_revision = "0058"
branch_labels = None
depends_on = None
oldest_code = "0011"

_UNTOLD = "told_at IS NULL AND ended_at IS NULL"
_END_UNTOLD = "told_at IS NOT NULL AND ended_at IS NOT NULL AND end_told_at IS NULL"
_TOLD = "type IN ('balance.low', 'key.created')"


def upgrade() -> None:
    op.create_table(
        "notification_choices",
        sa.Column("account_id", TEXT, primary_key=True),
        sa.Column("person_id", TEXT, primary_key=True),
        sa.Column("choice", TEXT, primary_key=True),
        sa.Column("is_on", BIGINT, nullable=False),
        sa.Column("changed_at", BIGINT, nullable=False),
    )
    op.create_table(
        "notification_turns",
        sa.Column("account_id", TEXT, primary_key=True),
        sa.Column("environment", TEXT, primary_key=True),
        sa.Column("kind", TEXT, primary_key=True),
        sa.Column("told_no", BIGINT, nullable=False, server_default="0"),
        sa.Column("written_at", BIGINT, nullable=True),
    )
    op.add_column("owner_mails", sa.Column("member_id", TEXT, nullable=True))
    for name in ("told_at", "end_told_at"):
        op.add_column("notices", sa.Column(name, BIGINT, nullable=True))
    _index("ix_notices_untold", "notices", ["account_id", "environment"], _UNTOLD)
    _index("ix_notices_end_untold", "notices", ["account_id", "environment"], _END_UNTOLD)
    _index("ix_events_told", "events", ["created_at"], _TOLD)


def _index(name: str, table: str, columns: list[str], where: str) -> None:
    condition = sa.text(where)
    op.create_index(name, table, columns, sqlite_where=condition, postgresql_where=condition)
