"""Logins of command lines by a person's browser (RFC 8628): the codes' digests and what was decided.

Additive. A process of before knows no such login, and a login that a newer one began waits for a newer one.
"""

import sqlalchemy as sa
from alembic import op

from store.dialect import BIGINT, TEXT

revision = "0042"
down_revision = "0041"
branch_labels = None
depends_on = None
oldest_code = "0011"


def upgrade() -> None:
    op.create_table(
        "device_logins",
        sa.Column("digest", TEXT, primary_key=True),
        sa.Column("user_digest", TEXT, nullable=False),
        sa.Column("name", TEXT, nullable=False),
        sa.Column("address", TEXT, nullable=False),
        sa.Column("status", TEXT, nullable=False),
        sa.Column("created_at", BIGINT, nullable=False),
        sa.Column("expires_at", BIGINT, nullable=False),
        sa.Column("interval_s", BIGINT, nullable=False),
        sa.Column("polled_at", BIGINT, nullable=True),
        sa.Column("decided_at", BIGINT, nullable=True),
        sa.Column("decided_by", TEXT, nullable=True),
        sa.Column("account_id", TEXT, nullable=True),
        sa.Column("environment", TEXT, nullable=True),
        sa.Column("scopes", TEXT, nullable=True),
        sa.Column("key_expires_at", BIGINT, nullable=True),
    )
    op.create_index("ux_device_logins_user_code", "device_logins", ["user_digest"], unique=True)
    op.create_index("ix_device_logins_expires", "device_logins", ["expires_at"])
