"""A supplier can be held by a person; the desk finds what waits and what failed by indexes.

Additive: a process of before goes on asking a supplier that is held.
"""

import sqlalchemy as sa
from alembic import op

from store.dialect import BIGINT

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None
oldest_code = "0011"

WAITS_FOR_PERSON = (
    "status = 'pending' AND supplier IS NOT NULL AND handed_over_at IS NOT NULL"
    " AND next_check_at IS NULL"
)
PENDING = "status = 'pending' AND supplier IS NOT NULL"
FAILED = "status = 'failed' AND supplier IS NOT NULL"


def upgrade() -> None:
    op.add_column("suppliers", sa.Column("held_since", BIGINT, nullable=True))
    for name, column, where in (
        ("ix_topups_person", "handed_over_at", WAITS_FOR_PERSON),
        ("ix_topups_desk", "id", PENDING),
        ("ix_topups_failed", "id", FAILED),
    ):
        op.create_index(
            name,
            "topups",
            ["environment", column],
            sqlite_where=sa.text(where),
            postgresql_where=sa.text(where),
        )
