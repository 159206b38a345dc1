"""Who erased accounts were at providers, until they are deleted there; disputes of recharges; the language of
mail to owners; and an index by which old uses of entitlements are found.

Additive. A worker of before neither writes nor asks about forgotten customers; an account that it erases keeps
its customer at the provider.
"""

import sqlalchemy as sa
from alembic import op

from store.dialect import BIGINT, TEXT

revision = "0030"
down_revision = "0029"
branch_labels = None
depends_on = None
oldest_code = "0011"


def upgrade() -> None:
    op.create_table(
        "forgotten_customers",
        sa.Column("provider", TEXT, primary_key=True),
        sa.Column("environment", TEXT, primary_key=True),
        sa.Column("customer_ref", TEXT, primary_key=True),
        sa.Column("attempts", BIGINT, nullable=False, server_default="0"),
        sa.Column("next_attempt_at", BIGINT, nullable=False),
        sa.Column("last_error", TEXT, nullable=True),
        sa.Column("created_at", BIGINT, nullable=False),
    )
    op.create_index("ix_forgotten_customers_due", "forgotten_customers", ["next_attempt_at"])
    op.add_column("recharge_charges", sa.Column("disputed_at", BIGINT, nullable=True))
    op.add_column("accounts", sa.Column("mail_language", TEXT, nullable=True))
    op.create_index(
        "ix_entitlement_uses_created", "entitlement_uses", ["environment", "created_at"]
    )
