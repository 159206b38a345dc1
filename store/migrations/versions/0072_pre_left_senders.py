"""A send that waits knows who made it, so that it waits for a person where they left; a key and an endpoint know,
too, so that an owner sees what whoever is removed has made.

Additive: what a process of before makes names nobody, and goes on as it did.
"""

import sqlalchemy as sa
from alembic import op

from store.dialect import TEXT

revision = "0072"
down_revision = "0071"
branch_labels = None
depends_on = None
oldest_code = "0011"


def upgrade() -> None:
    for table, column in (
        ("topups", "sent_by"),
        ("batches", "sent_by"),
        ("api_keys", "made_by"),
        ("endpoints", "made_by"),
    ):
        op.add_column(table, sa.Column(column, TEXT, nullable=True))
    op.add_column(
        "approvals", sa.Column("reason", TEXT, nullable=False, server_default="threshold")
    )
