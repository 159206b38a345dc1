"""Payments, codes, subscriptions, usage, OAuth apps, sessions."""

import sqlalchemy as sa
from alembic import op

from store.dialect import BIGINT, TEXT

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "coupon_uses",
        sa.Column("coupon_id", TEXT, nullable=False),
        sa.Column("order_id", TEXT, nullable=False),
        sa.Column("account_id", TEXT, nullable=False),
        sa.Column("created_at", BIGINT, nullable=False),
        sa.PrimaryKeyConstraint("coupon_id", "order_id"),
    )
    op.create_index(
        "ix_coupon_uses_account", "coupon_uses", ["account_id", "coupon_id"], unique=False
    )

    op.create_table(
        "coupons",
        sa.Column("id", TEXT, nullable=False),
        sa.Column("environment", TEXT, nullable=False),
        sa.Column("code", TEXT, nullable=False),
        sa.Column("kind", TEXT, nullable=False),
        sa.Column("percent", BIGINT, nullable=True),
        sa.Column("amount_off", BIGINT, nullable=True),
        sa.Column("currency", TEXT, nullable=True),
        sa.Column("minimum_amount", BIGINT, nullable=True),
        sa.Column("uses_max", BIGINT, nullable=True),
        sa.Column("uses_per_account", BIGINT, nullable=True),
        sa.Column("used_count", BIGINT, server_default=sa.text("0"), nullable=False),
        sa.Column("expires_at", BIGINT, nullable=True),
        sa.Column("is_active", BIGINT, server_default=sa.text("1"), nullable=False),
        sa.Column("created_at", BIGINT, nullable=False),
        sa.CheckConstraint("used_count >= 0", name="used_count_not_negative"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_coupons_environment", "coupons", ["environment", "id"], unique=False)
    op.create_index("ux_coupons_code", "coupons", ["environment", "code"], unique=True)

    op.create_table(
        "order_reversals",
        sa.Column("order_id", TEXT, nullable=False),
        sa.Column("key", TEXT, nullable=False),
        sa.Column("account_id", TEXT, nullable=False),
        sa.Column("environment", TEXT, nullable=False),
        sa.Column("kind", TEXT, nullable=False),
        sa.Column("amount", BIGINT, nullable=False),
        sa.Column("status", TEXT, nullable=False),
        sa.Column("created_at", BIGINT, nullable=False),
        sa.PrimaryKeyConstraint("order_id", "key"),
    )
    op.create_table(
        "orders",
        sa.Column("id", TEXT, nullable=False),
        sa.Column("account_id", TEXT, nullable=False),
        sa.Column("environment", TEXT, nullable=False),
        sa.Column("order_no", TEXT, nullable=False),
        sa.Column("reference", TEXT, nullable=False),
        sa.Column("kind", TEXT, nullable=False),
        sa.Column("status", TEXT, nullable=False),
        sa.Column("provider", TEXT, nullable=False),
        sa.Column("is_stand_in", BIGINT, server_default=sa.text("0"), nullable=False),
        sa.Column("method", TEXT, nullable=True),
        sa.Column("pack_id", TEXT, nullable=True),
        sa.Column("pack_name", TEXT, nullable=True),
        sa.Column("plan_id", TEXT, nullable=True),
        sa.Column("interval", TEXT, nullable=True),
        sa.Column("amount", BIGINT, nullable=False),
        sa.Column("currency", TEXT, nullable=False),
        sa.Column("discount", BIGINT, server_default=sa.text("0"), nullable=False),
        sa.Column("pay_amount", BIGINT, nullable=False),
        sa.Column("pay_currency", TEXT, nullable=False),
        sa.Column("credits_micros", BIGINT, nullable=False),
        sa.Column("promotional_micros", BIGINT, server_default=sa.text("0"), nullable=False),
        sa.Column("coupon_id", TEXT, nullable=True),
        sa.Column("coupon_code", TEXT, nullable=True),
        sa.Column("url", TEXT, nullable=True),
        sa.Column("provider_ref", TEXT, nullable=True),
        sa.Column("customer_ref", TEXT, nullable=True),
        sa.Column("invoice_pdf", TEXT, nullable=True),
        sa.Column("success_url", TEXT, nullable=True),
        sa.Column("cancel_url", TEXT, nullable=True),
        sa.Column("oauth_app_id", TEXT, nullable=True),
        sa.Column("created_by", TEXT, nullable=True),
        sa.Column("request_digest", TEXT, nullable=True),
        sa.Column("payment_id", TEXT, nullable=True),
        sa.Column("refunded_amount", BIGINT, server_default=sa.text("0"), nullable=False),
        sa.Column("reversed_micros", BIGINT, server_default=sa.text("0"), nullable=False),
        sa.Column(
            "reversed_promotional_micros", BIGINT, server_default=sa.text("0"), nullable=False
        ),
        sa.Column("reason", TEXT, nullable=True),
        sa.Column("next_check_at", BIGINT, nullable=True),
        sa.Column("checks_made", BIGINT, server_default=sa.text("0"), nullable=False),
        sa.Column("created_at", BIGINT, nullable=False),
        sa.Column("expires_at", BIGINT, nullable=False),
        sa.Column("paid_at", BIGINT, nullable=True),
        sa.CheckConstraint(
            "promotional_micros >= 0 AND promotional_micros <= credits_micros",
            name="promotional_within_credits",
        ),
        sa.CheckConstraint(
            "reversed_micros >= 0 AND reversed_micros <= credits_micros",
            name="reversed_within_credits",
        ),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(
        "ix_orders_account", "orders", ["account_id", "environment", "id"], unique=False
    )
    op.create_index(
        "ix_orders_due",
        "orders",
        ["next_check_at"],
        unique=False,
        sqlite_where=sa.text("status = 'pending' AND next_check_at IS NOT NULL"),
        postgresql_where=sa.text("status = 'pending' AND next_check_at IS NOT NULL"),
    )
    op.create_index("ix_orders_environment", "orders", ["environment", "id"], unique=False)
    op.create_index(
        "ix_orders_pending",
        "orders",
        ["account_id", "environment"],
        unique=False,
        sqlite_where=sa.text("status = 'pending'"),
        postgresql_where=sa.text("status = 'pending'"),
    )
    op.create_index(
        "ix_orders_reversed",
        "orders",
        ["environment", "id"],
        unique=False,
        sqlite_where=sa.text("reversed_micros > 0"),
        postgresql_where=sa.text("reversed_micros > 0"),
    )
    op.create_index(
        "ix_orders_review",
        "orders",
        ["environment", "id"],
        unique=False,
        sqlite_where=sa.text("status = 'review'"),
        postgresql_where=sa.text("status = 'review'"),
    )
    op.create_index("ux_orders_order_no", "orders", ["order_no"], unique=True)
    op.create_index("ux_orders_reference", "orders", ["reference"], unique=True)
    op.create_index(
        "ux_orders_request",
        "orders",
        ["account_id", "environment", "request_digest"],
        unique=True,
        sqlite_where=sa.text("request_digest IS NOT NULL"),
        postgresql_where=sa.text("request_digest IS NOT NULL"),
    )

    op.create_table(
        "packs",
        sa.Column("environment", TEXT, nullable=False),
        sa.Column("id", TEXT, nullable=False),
        sa.Column("name", TEXT, nullable=False),
        sa.Column("amount", BIGINT, nullable=False),
        sa.Column("currency", TEXT, nullable=False),
        sa.Column("credits", BIGINT, nullable=False),
        sa.Column("bonus_credits", BIGINT, server_default=sa.text("0"), nullable=False),
        sa.Column("is_popular", BIGINT, server_default=sa.text("0"), nullable=False),
        sa.Column("is_active", BIGINT, server_default=sa.text("1"), nullable=False),
        sa.Column("position", BIGINT, server_default=sa.text("0"), nullable=False),
        sa.Column("created_at", BIGINT, nullable=False),
        sa.CheckConstraint("amount > 0 AND credits > 0", name="pack_sells_something"),
        sa.PrimaryKeyConstraint("environment", "id"),
    )
    op.create_table(
        "provider_events",
        sa.Column("provider", TEXT, nullable=False),
        sa.Column("environment", TEXT, nullable=False),
        sa.Column("event_id", TEXT, nullable=False),
        sa.Column("type", TEXT, nullable=False),
        sa.Column("account_id", TEXT, nullable=True),
        sa.Column("order_id", TEXT, nullable=True),
        sa.Column("outcome", TEXT, nullable=False),
        sa.Column("detail", TEXT, nullable=False),
        sa.Column("received_at", BIGINT, nullable=False),
        sa.Column("resolved_at", BIGINT, nullable=True),
        sa.PrimaryKeyConstraint("provider", "environment", "event_id"),
    )
    op.create_index(
        "ix_provider_events_open",
        "provider_events",
        ["environment", "received_at"],
        unique=False,
        sqlite_where=sa.text("outcome IN ('review', 'refused') AND resolved_at IS NULL"),
        postgresql_where=sa.text("outcome IN ('review', 'refused') AND resolved_at IS NULL"),
    )
    op.create_index(
        "ix_provider_events_order",
        "provider_events",
        ["order_id"],
        unique=False,
        sqlite_where=sa.text("order_id IS NOT NULL"),
        postgresql_where=sa.text("order_id IS NOT NULL"),
    )
    op.create_index(
        "ix_provider_events_received",
        "provider_events",
        ["environment", "received_at"],
        unique=False,
    )

    op.create_table(
        "provider_objects",
        sa.Column("provider", TEXT, nullable=False),
        sa.Column("environment", TEXT, nullable=False),
        sa.Column("object_id", TEXT, nullable=False),
        sa.Column("account_id", TEXT, nullable=False),
        sa.Column("order_id", TEXT, nullable=True),
        sa.Column("subscription_id", TEXT, nullable=True),
        sa.Column("created_at", BIGINT, nullable=False),
        sa.PrimaryKeyConstraint("provider", "environment", "object_id"),
    )
    op.create_index("ix_provider_objects_order", "provider_objects", ["order_id"], unique=False)

    op.create_table(
        "sandbox_checkouts",
        sa.Column("token", TEXT, nullable=False),
        sa.Column("account_id", TEXT, nullable=False),
        sa.Column("environment", TEXT, nullable=False),
        sa.Column("order_id", TEXT, nullable=False),
        sa.Column("provider", TEXT, nullable=False),
        sa.Column("kind", TEXT, nullable=False),
        sa.Column("ref", TEXT, nullable=False),
        sa.Column("payment_id", TEXT, nullable=False),
        sa.Column("pay_amount", BIGINT, nullable=False),
        sa.Column("pay_currency", TEXT, nullable=False),
        sa.Column("outcome", TEXT, nullable=True),
        sa.Column("created_at", BIGINT, nullable=False),
        sa.Column("ended_at", BIGINT, nullable=True),
        sa.PrimaryKeyConstraint("token"),
    )
    op.create_index("ux_sandbox_checkouts_order", "sandbox_checkouts", ["order_id"], unique=True)

    op.create_table(
        "sessions",
        sa.Column("id", TEXT, nullable=False),
        sa.Column("account_id", TEXT, nullable=False),
        sa.Column("environment", TEXT, nullable=False),
        sa.Column("digest", TEXT, nullable=False),
        sa.Column("user_agent", TEXT, nullable=False),
        sa.Column("created_at", BIGINT, nullable=False),
        sa.Column("last_seen_at", BIGINT, nullable=False),
        sa.Column("expires_at", BIGINT, nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_sessions_account", "sessions", ["account_id", "last_seen_at"], unique=False)
    op.create_index("ux_sessions_digest", "sessions", ["digest"], unique=True)

    # The catalogue that a new installation starts with; an operator's own packs stand beside it.
    packs = sa.table(
        "packs",
        *(
            sa.column(name)
            for name in (
                "environment",
                "id",
                "name",
                "amount",
                "currency",
                "credits",
                "bonus_credits",
                "is_popular",
                "position",
                "created_at",
            )
        ),
    )
    op.bulk_insert(
        packs,
        [
            {
                "environment": environment,
                "id": pack_id,
                "name": name,
                "amount": amount,
                "currency": "USD",
                "credits": sold,
                "bonus_credits": bonus_credits,
                "is_popular": is_popular,
                "position": position,
                "created_at": 0,
            }
            for environment in ("staging", "live")
            for position, pack_id, name, amount, sold, bonus_credits, is_popular in (
                (1, "pack_starter", "Starter Pack", 500, 5_000, 0, 0),
                (2, "pack_pro", "Pro Pack", 2_000, 25_000, 5_000, 1),
                (3, "pack_business", "Business Pack", 5_000, 70_000, 20_000, 0),
            )
        ],
    )
