"""The approvals of an account that wait, and its keys that are not revoked: what its pages count and show.

Additive. A process of before does without.
"""

import sqlalchemy as sa
from alembic import op

revision = "0047"
down_revision = "0046"
branch_labels = None
depends_on = None
oldest_code = "0011"


def upgrade() -> None:
    _partial_index("ix_approvals_pending", "approvals", "expires_at", "status = 'pending'")
    _partial_index("ix_api_keys_living", "api_keys", "id", "revoked_at IS NULL")


def _partial_index(name: str, table: str, column: str, condition: str) -> None:
    where = sa.text(condition)
    op.create_index(
        name,
        table,
        ["account_id", "environment", column],
        sqlite_where=where,
        postgresql_where=where,
    )
