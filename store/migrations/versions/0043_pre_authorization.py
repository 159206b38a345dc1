"""Signing in to /mcp by OAuth 2.1: clients that registered, what people consented to, codes and tokens.

Additive. A process of before knows no mat_ token and answers 2001 to it.
"""

import sqlalchemy as sa
from alembic import op

from store.dialect import BIGINT, TEXT

revision = "0043"
down_revision = "0042"
branch_labels = None
depends_on = None
oldest_code = "0011"


def upgrade() -> None:
    op.add_column("api_keys", sa.Column("client_id", TEXT, nullable=True))
    op.create_table(
        "authorization_clients",
        sa.Column("id", TEXT, primary_key=True),
        sa.Column("name", TEXT, nullable=False),
        sa.Column("redirect_uris", TEXT, nullable=False),
        sa.Column("created_at", BIGINT, nullable=False),
        sa.Column("used_at", BIGINT, nullable=True),
    )
    op.create_index(
        "ix_authorization_clients_used", "authorization_clients", ["used_at", "created_at"]
    )
    op.create_table(
        "authorization_grants",
        sa.Column("id", TEXT, primary_key=True),
        sa.Column("account_id", TEXT, nullable=False),
        sa.Column("environment", TEXT, nullable=False),
        sa.Column("client_id", TEXT, nullable=False),
        sa.Column("client_name", TEXT, nullable=False),
        sa.Column("key_id", TEXT, nullable=False),
        sa.Column("scopes", TEXT, nullable=False),
        sa.Column("resource", TEXT, nullable=False),
        sa.Column("created_at", BIGINT, nullable=False),
        sa.Column("renewed_at", BIGINT, nullable=False),
    )
    op.create_index("ux_authorization_grants_key", "authorization_grants", ["key_id"], unique=True)
    op.create_index(
        "ix_authorization_grants_client",
        "authorization_grants",
        ["account_id", "environment", "client_id"],
    )
    op.create_table(
        "authorization_codes",
        sa.Column("digest", TEXT, primary_key=True),
        sa.Column("account_id", TEXT, nullable=False),
        sa.Column("environment", TEXT, nullable=False),
        sa.Column("grant_id", TEXT, nullable=False),
        sa.Column("client_id", TEXT, nullable=False),
        sa.Column("redirect_uri", TEXT, nullable=False),
        sa.Column("challenge", TEXT, nullable=False),
        sa.Column("scopes", TEXT, nullable=False),
        sa.Column("expires_at", BIGINT, nullable=False),
        sa.Column("family_id", TEXT, nullable=True),
    )
    op.create_index("ix_authorization_codes_end", "authorization_codes", ["expires_at"])
    op.create_index(
        "ix_authorization_codes_account",
        "authorization_codes",
        ["account_id", "environment", "expires_at"],
    )
    op.create_table(
        "authorization_tokens",
        sa.Column("digest", TEXT, primary_key=True),
        sa.Column("kind", TEXT, nullable=False),
        sa.Column("account_id", TEXT, nullable=False),
        sa.Column("environment", TEXT, nullable=False),
        sa.Column("grant_id", TEXT, nullable=False),
        sa.Column("family_id", TEXT, nullable=False),
        sa.Column("scopes", TEXT, nullable=False),
        sa.Column("created_at", BIGINT, nullable=False),
        sa.Column("expires_at", BIGINT, nullable=False),
        sa.Column("used_at", BIGINT, nullable=True),
        sa.Column("revoked_at", BIGINT, nullable=True),
    )
    op.create_index("ix_authorization_tokens_family", "authorization_tokens", ["family_id"])
    op.create_index("ix_authorization_tokens_grant", "authorization_tokens", ["grant_id"])
    op.create_index("ix_authorization_tokens_end", "authorization_tokens", ["expires_at"])
    op.create_index("ix_authorization_tokens_account", "authorization_tokens", ["account_id"])
