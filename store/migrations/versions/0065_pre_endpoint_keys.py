"""Endpoints that sign with an Ed25519 key of their own as well, and its public half.

Additive. An endpoint of before has none and signs as it did. A worker of before sends without this signature:
end the older ones before a receiver relies on it.
"""

import sqlalchemy as sa
from alembic import op

from store.dialect import BYTES, TEXT

revision = "0065"
down_revision = "0064"
branch_labels = None
depends_on = None
oldest_code = "0011"

_PUBLISHED = sa.text("public_keys IS NOT NULL AND deleted_at IS NULL")


def upgrade() -> None:
    op.add_column("endpoints", sa.Column("signing_keys_sealed", BYTES, nullable=True))
    op.add_column("endpoints", sa.Column("public_keys", TEXT, nullable=True))
    op.create_index(
        "ix_endpoints_public_keys",
        "endpoints",
        ["id"],
        sqlite_where=_PUBLISHED,
        postgresql_where=_PUBLISHED,
    )
