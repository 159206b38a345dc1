"""What a plan grants: its credit's parts and ends, what it entitles to, and what was told of an end.

Additive: null terms are those of before, all credit at once and without an end. A process of before
gives the credit of a plan with other terms at once and without an end, so such terms are set once no
process of before runs any more; credit that ends is promotional credit to it.
"""

import sqlalchemy as sa
from alembic import op

from store.dialect import BIGINT, TEXT

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None
oldest_code = "0011"


def _text(name: str, *, null: bool = False) -> sa.Column[str]:
    return sa.Column(name, TEXT, nullable=null)


def _int(name: str, *, null: bool = False) -> sa.Column[int]:
    return sa.Column(name, BIGINT, nullable=null)


def _amount(name: str) -> sa.Column[int]:
    return sa.Column(name, BIGINT, nullable=False, server_default=sa.text("0"))


def upgrade() -> None:
    op.add_column("plans", _text("grant_terms", null=True))
    op.add_column("subscriptions", _text("grant_terms", null=True))
    op.add_column("account_environments", _int("plan_only_until_at", null=True))
    op.create_table(
        "plan_grants",
        _text("id"),
        _text("account_id"),
        _text("environment"),
        _text("subscription_id"),
        _text("period_id"),
        _text("plan_id"),
        _text("kind"),
        _text("expires"),
        _int("starts_at"),
        _int("ends_at"),
        _int("due_at", null=True),
        _int("given_at", null=True),
        _int("expires_at", null=True),
        _int("credits_micros"),
        _amount("given_micros"),
        _amount("debt_micros"),
        _amount("expired_micros"),
        _amount("rolled_micros"),
        _amount("reversed_micros"),
        _amount("reversed_expired_micros"),
        _int("created_at"),
        sa.PrimaryKeyConstraint("id"),
        sa.CheckConstraint(
            "given_micros >= 0 AND given_micros <= credits_micros", name="given_within_credits"
        ),
        sa.CheckConstraint(
            "expired_micros >= 0 AND rolled_micros >= 0"
            " AND reversed_micros >= 0 AND reversed_expired_micros >= 0",
            name="grant_amounts_not_negative",
        ),
    )
    op.create_index("ix_plan_grants_subscription", "plan_grants", ["subscription_id", "id"])
    op.create_index("ix_plan_grants_account", "plan_grants", ["account_id", "environment", "id"])
    op.create_index(
        "ix_plan_grants_due",
        "plan_grants",
        ["due_at"],
        sqlite_where=sa.text("due_at IS NOT NULL"),
        postgresql_where=sa.text("due_at IS NOT NULL"),
    )
    op.create_table(
        "expiry_notices",
        _text("ledger_account_id"),
        _int("days_before"),
        _text("account_id"),
        _text("environment"),
        _int("created_at"),
        sa.PrimaryKeyConstraint("ledger_account_id", "days_before"),
    )
    op.create_index("ix_expiry_notices_account", "expiry_notices", ["account_id", "environment"])
    op.create_table(
        "credit_adjustments",
        _text("id"),
        _text("account_id"),
        _text("environment"),
        _int("credits"),
        _text("reason"),
        _int("is_promotional"),
        _int("expires_at", null=True),
        _int("created_at"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(
        "ix_credit_adjustments_account", "credit_adjustments", ["account_id", "environment", "id"]
    )
    op.create_table(
        "entitlement_counts",
        _text("account_id"),
        _text("environment"),
        _text("name"),
        _int("window_start_at"),
        _int("used"),
        sa.PrimaryKeyConstraint("account_id", "environment", "name"),
        sa.CheckConstraint("used >= 0", name="used_not_negative"),
    )
    op.create_table(
        "entitlement_uses",
        _text("account_id"),
        _text("environment"),
        _text("reference"),
        _text("name"),
        _int("count"),
        _text("key_id", null=True),
        _int("created_at"),
        sa.PrimaryKeyConstraint("account_id", "environment", "reference"),
    )
