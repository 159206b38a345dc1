"""Requests that were refused, failed or changed a setting, for their senders to see.

Additive. A process of before writes none.
"""

import sqlalchemy as sa
from alembic import op

from store.dialect import BIGINT, TEXT

revision = "0051"
down_revision = "0050"
branch_labels = None
depends_on = None
oldest_code = "0011"


def upgrade() -> None:
    texts = ("request_id", "account_id", "environment", "credential_id", "method", "route", "path")
    known = ("transaction_id", "address", "user_agent", "idempotency_key", "content_type")
    op.create_table(
        "request_log",
        sa.Column("id", TEXT, primary_key=True),
        *(sa.Column(name, TEXT, nullable=False) for name in texts),
        sa.Column("status", BIGINT, nullable=False),
        sa.Column("code", BIGINT, nullable=True),
        sa.Column("duration_us", BIGINT, nullable=False),
        *(sa.Column(name, TEXT, nullable=True) for name in known),
        sa.Column("request_bytes", BIGINT, nullable=False),
        *(sa.Column(name, TEXT, nullable=False) for name in ("request_body", "response_body")),
        sa.Column("created_at", BIGINT, nullable=False),
    )
    op.create_index("ix_request_log_account", "request_log", ["account_id", "environment", "id"])
    op.create_index("ix_request_log_request", "request_log", ["request_id"])
