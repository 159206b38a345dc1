"""What a row came of: the request and its trace; when an attempt was due; when the ledger was proved."""

import sqlalchemy as sa
from alembic import op

from store.dialect import BIGINT, TEXT

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None
oldest_code = "0011"


def upgrade() -> None:
    # Without a default no row is rewritten, however many there are.
    with op.batch_alter_table("topups") as batch_op:
        batch_op.add_column(sa.Column("trace", TEXT, nullable=True))
    with op.batch_alter_table("events") as batch_op:
        batch_op.add_column(sa.Column("trace", TEXT, nullable=True))
    with op.batch_alter_table("deliveries") as batch_op:
        batch_op.add_column(sa.Column("due_at", BIGINT, nullable=True))
    op.create_table(
        "ledger_proofs",
        sa.Column("id", TEXT, nullable=False),
        sa.Column("began_at", BIGINT, nullable=False),
        sa.Column("ended_at", BIGINT, nullable=False),
        sa.Column("findings", BIGINT, nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
