"""A subscription that its provider has paused says since when, until when, and when the provider is asked again.

Additive: none is paused yet, and code of the release before never pauses one.
"""

import sqlalchemy as sa
from alembic import op

from store.dialect import BIGINT

revision = "0071"
down_revision = "0070"
branch_labels = None
depends_on = None
oldest_code = "0011"


def upgrade() -> None:
    for name in ("charge_at", "paused_at", "resumes_at", "next_check_at"):
        op.add_column("subscriptions", sa.Column(name, BIGINT, nullable=True))
    for name in ("paused_at", "resumes_at"):
        op.add_column("sandbox_subscriptions", sa.Column(name, BIGINT, nullable=True))
    op.add_column("subscription_steers", sa.Column("resumes_at", BIGINT, nullable=True))
    op.create_index(
        "ix_subscriptions_check",
        "subscriptions",
        ["next_check_at"],
        sqlite_where=sa.text("next_check_at IS NOT NULL"),
        postgresql_where=sa.text("next_check_at IS NOT NULL"),
    )
