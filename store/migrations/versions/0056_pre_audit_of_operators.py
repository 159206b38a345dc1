"""Operators' acts are found among tenants' own by an index of these alone.

Additive: an index more.
"""

import sqlalchemy as sa
from alembic import op

revision = "0056"
down_revision = "0055"
branch_labels = None
depends_on = None
oldest_code = "0011"


def upgrade() -> None:
    is_operators = sa.text("is_security = 0 OR actor_kind IN ('operator', 'cli')")
    op.create_index(
        "ix_audit_log_operators",
        "audit_log",
        ["id"],
        sqlite_where=is_operators,
        postgresql_where=is_operators,
    )
