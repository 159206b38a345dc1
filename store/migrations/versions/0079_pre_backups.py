"""The schema and each copy name the build that made them.

Additive: a table, and two columns that are empty in the notes of earlier versions.
"""

import sqlalchemy as sa
from alembic import op

from store.dialect import BIGINT, TEXT

revision = "0079"
down_revision = "0078"
branch_labels = None
depends_on = None
oldest_code = "0077"


def upgrade() -> None:
    op.add_column("schema_notes", sa.Column("code_version", TEXT, nullable=True))
    op.add_column("schema_notes", sa.Column("reached_at", BIGINT, nullable=True))
    op.create_table(
        "backups",
        sa.Column("id", TEXT, primary_key=True),
        sa.Column("place", TEXT, nullable=False),
        sa.Column("began_at", BIGINT, nullable=False),
        sa.Column("ended_at", BIGINT, nullable=True),
        sa.Column("code_version", TEXT, nullable=False),
        sa.Column("size", BIGINT, nullable=True),
    )
