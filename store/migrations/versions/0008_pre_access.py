"""Who may enter and what is told of it: live opened by a person, the security log, exact redirects.

Additive: a process of before goes on working. Accounts that were there keep live. Idempotency keys
belong to a credential from now on: answers stored before under the account's key are not found.
"""

import sqlalchemy as sa
from alembic import op

from store.dialect import BIGINT, TEXT

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for name in ("live_opened_at", "live_closed_at", "email_verified_at"):
        op.add_column("accounts", sa.Column(name, BIGINT, nullable=True))
    accounts = sa.table(
        "accounts", sa.column("live_opened_at"), sa.column("created_at"), sa.column("is_sandbox")
    )
    were_there = sa.update(accounts).where(accounts.c.is_sandbox == 0)
    op.execute(were_there.values(live_opened_at=accounts.c.created_at))

    op.add_column("sessions", sa.Column("confirmed_at", BIGINT, nullable=True))

    op.add_column("idempotency_keys", sa.Column("text_digest", TEXT, nullable=True))
    op.create_index(
        "ix_idempotency_text",
        "idempotency_keys",
        ["account_id", "environment", "text_digest"],
        unique=False,
        sqlite_where=sa.text("text_digest IS NOT NULL"),
        postgresql_where=sa.text("text_digest IS NOT NULL"),
    )

    op.add_column(
        "audit_log",
        sa.Column("is_security", BIGINT, nullable=False, server_default=sa.text("0")),
    )
    for name in ("actor_kind", "address", "user_agent"):
        op.add_column("audit_log", sa.Column(name, TEXT, nullable=True))
    op.add_column("audit_log", sa.Column("outcome", TEXT, nullable=False, server_default="done"))
    for name, columns in (
        ("ix_audit_log_security", ["account_id", "id"]),
        ("ix_audit_log_retention", ["created_at"]),
    ):
        op.create_index(
            name,
            "audit_log",
            columns,
            unique=False,
            sqlite_where=sa.text("is_security = 1"),
            postgresql_where=sa.text("is_security = 1"),
        )

    op.add_column(
        "oauth_apps", sa.Column("redirect_uris", TEXT, nullable=False, server_default=sa.text("''"))
    )
    op.add_column(
        "oauth_apps", sa.Column("is_public", BIGINT, nullable=False, server_default=sa.text("0"))
    )
    op.add_column("oauth_codes", sa.Column("grant_id", TEXT, nullable=True))
    op.add_column("oauth_codes", sa.Column("revoked_at", BIGINT, nullable=True))
