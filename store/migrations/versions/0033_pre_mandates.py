"""Keys carry more limits, can be paused, and accounts have a day's limit of their own.

Additive. A process of before counts and asks none of the new limits, and spends by a paused key: end the
old ones before any of these is set.
"""

import sqlalchemy as sa
from alembic import op

from store.dialect import BIGINT, TEXT

revision = "0033"
down_revision = "0032"
branch_labels = None
depends_on = None
oldest_code = "0011"


def upgrade() -> None:
    op.add_column("api_keys", sa.Column("purpose", TEXT, nullable=True))
    op.add_column("api_keys", sa.Column("lifetime_cents", BIGINT, nullable=True))
    op.add_column("api_keys", sa.Column("mandate", TEXT, nullable=True))
    op.add_column("api_keys", sa.Column("paused_at", BIGINT, nullable=True))
    op.add_column("spend_windows", sa.Column("detail", TEXT, nullable=True))
    op.create_index(
        "ix_spend_windows_recipients",
        "spend_windows",
        ["window_start_at"],
        unique=False,
        sqlite_where=sa.text("period >= 'same:' AND period < 'to;'"),
        postgresql_where=sa.text("period >= 'same:' AND period < 'to;'"),
    )
    op.add_column("account_environments", sa.Column("day_limit_cents", BIGINT, nullable=True))
    op.add_column("topups", sa.Column("counted_in", TEXT, nullable=True))
    op.add_column("holds", sa.Column("counted_in", TEXT, nullable=True))
