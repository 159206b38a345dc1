"""Add links to a page that shows a merchant's webhooks. Other sites may embed the page."""

import sqlalchemy as sa
from alembic import op

from store.dialect import BIGINT, TEXT

revision = "0104"
down_revision = "0103"
branch_labels = None
depends_on = None
oldest_code = "0100"


def upgrade() -> None:
    op.create_table(
        "portal_links",
        sa.Column("id", TEXT, primary_key=True),
        sa.Column("account_id", TEXT, nullable=False),
        sa.Column("environment", TEXT, nullable=False),
        sa.Column("name", TEXT, nullable=False),
        sa.Column("digest", TEXT, nullable=False),
        sa.Column("can", TEXT, nullable=False),
        sa.Column("origins", TEXT, nullable=True),
        sa.Column("endpoint_ids", TEXT, nullable=True),
        sa.Column("made_by", TEXT, nullable=False),
        sa.Column("created_at", BIGINT, nullable=False),
        sa.Column("expires_at", BIGINT, nullable=False),
        sa.Column("revoked_at", BIGINT, nullable=True),
    )
    op.create_index("ux_portal_links_digest", "portal_links", ["digest"], unique=True)
    op.create_index("ix_portal_links_account", "portal_links", ["account_id", "environment", "id"])
