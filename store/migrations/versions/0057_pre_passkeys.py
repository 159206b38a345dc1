"""Passkeys stand for the codes of two-factor sign-in.

Additive: a table more. A process of before asks for codes, as it did.
"""

import sqlalchemy as sa
from alembic import op

from store.dialect import BIGINT

revision = "0057"
down_revision = "0056"
branch_labels = None
depends_on = None
oldest_code = "0011"


def upgrade() -> None:
    op.create_table(
        "passkeys",
        sa.Column("id", sa.Text(), primary_key=True),
        sa.Column("account_id", sa.Text(), nullable=False),
        sa.Column("credential_id", sa.Text(), nullable=False),
        sa.Column("public_key", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("sign_count", BIGINT, nullable=False),
        sa.Column("last_challenge_at", BIGINT, nullable=False),
        sa.Column("created_at", BIGINT, nullable=False),
        sa.Column("last_used_at", BIGINT, nullable=True),
    )
    op.create_index("ix_passkeys_account", "passkeys", ["account_id"])
    op.create_index("ux_passkeys_credential", "passkeys", ["credential_id"], unique=True)
