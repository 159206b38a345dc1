"""Each schema says which code runs on it, so that code of the release before goes on after a migration."""

import sqlalchemy as sa
from alembic import op

from store.dialect import TEXT

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None
# The oldest code that runs on this schema, by the newest version that it knows. Each migration from
# here on has it: of a `pre` one it is the newest version of the release before.
oldest_code = "0011"


def upgrade() -> None:
    op.create_table(
        "schema_notes",
        sa.Column("version", TEXT, nullable=False),
        sa.Column("oldest_code", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("version"),
    )
