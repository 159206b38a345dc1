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
        "audit_log",
        sa.Column("id", TEXT, nullable=False),
        sa.Column("environment", TEXT, nullable=False),
        sa.Column("account_id", TEXT, nullable=True),
        sa.Column("actor", TEXT, nullable=False),
        sa.Column("actor_account_id", TEXT, nullable=True),
        sa.Column("action", TEXT, nullable=False),
        sa.Column("subject_id", TEXT, nullable=False),
        sa.Column("before", TEXT, nullable=True),
        sa.Column("after", TEXT, nullable=True),
        sa.Column("reason", TEXT, nullable=True),
        sa.Column("created_at", BIGINT, nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(
        "ix_audit_log_account",
        "audit_log",
        ["account_id", "id"],
        unique=False,
        sqlite_where=sa.text("account_id IS NOT NULL"),
        postgresql_where=sa.text("account_id IS NOT NULL"),
    )
    op.create_index("ix_audit_log_environment", "audit_log", ["environment", "id"], unique=False)

    op.create_table(
        "checkin_days",
        sa.Column("environment", TEXT, nullable=False),
        sa.Column("day_start_at", BIGINT, autoincrement=False, nullable=False),
        sa.Column("awarded_micros", BIGINT, nullable=False),
        sa.PrimaryKeyConstraint("environment", "day_start_at"),
    )
    op.create_table(
        "checkin_settings",
        sa.Column("environment", TEXT, nullable=False),
        sa.Column("is_enabled", BIGINT, nullable=False),
        sa.Column("credits_min", BIGINT, nullable=False),
        sa.Column("credits_max", BIGINT, nullable=False),
        sa.Column("streak_bonus_credits", BIGINT, nullable=False),
        sa.Column("streak_days_max", BIGINT, nullable=False),
        sa.Column("daily_budget_credits", BIGINT, nullable=True),
        sa.Column("updated_at", BIGINT, nullable=False),
        sa.PrimaryKeyConstraint("environment"),
    )
    op.create_table(
        "checkins",
        sa.Column("account_id", TEXT, nullable=False),
        sa.Column("environment", TEXT, nullable=False),
        sa.Column("day", TEXT, nullable=False),
        sa.Column("time_zone", TEXT, nullable=False),
        sa.Column("next_time_zone", TEXT, nullable=False),
        sa.Column("streak", BIGINT, nullable=False),
        sa.Column("awarded_micros", BIGINT, nullable=False),
        sa.Column("grant_id", TEXT, nullable=False),
        sa.Column("checked_in_at", BIGINT, nullable=False),
        sa.Column("created_at", BIGINT, nullable=False),
        sa.PrimaryKeyConstraint("account_id", "environment", "day"),
    )
    op.create_table(
        "code_redemptions",
        sa.Column("code_id", TEXT, nullable=False),
        sa.Column("account_id", TEXT, nullable=False),
        sa.Column("id", TEXT, nullable=False),
        sa.Column("environment", TEXT, nullable=False),
        sa.Column("credits_micros", BIGINT, nullable=False),
        sa.Column("is_promotional", BIGINT, nullable=False),
        sa.Column("last4", TEXT, nullable=False),
        sa.Column("expires_at", BIGINT, nullable=True),
        sa.Column("created_at", BIGINT, nullable=False),
        sa.CheckConstraint("credits_micros > 0", name="redemption_positive"),
        sa.PrimaryKeyConstraint("code_id", "account_id"),
    )
    op.create_index(
        "ix_code_redemptions_account",
        "code_redemptions",
        ["account_id", "environment", "id"],
        unique=False,
    )

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
        "holds",
        sa.Column("id", TEXT, nullable=False),
        sa.Column("account_id", TEXT, nullable=False),
        sa.Column("environment", TEXT, nullable=False),
        sa.Column("spent_by", TEXT, nullable=True),
        sa.Column("status", TEXT, nullable=False),
        sa.Column("amount_micros", BIGINT, nullable=False),
        sa.Column("captured_micros", BIGINT, server_default=sa.text("0"), nullable=False),
        sa.Column("description", TEXT, nullable=False),
        sa.Column("model", TEXT, nullable=True),
        sa.Column("reference", TEXT, nullable=True),
        sa.Column("sources", TEXT, nullable=False),
        sa.Column("created_at", BIGINT, nullable=False),
        sa.Column("expires_at", BIGINT, nullable=False),
        sa.Column("ended_at", BIGINT, nullable=True),
        sa.CheckConstraint(
            "captured_micros >= 0 AND captured_micros <= amount_micros", name="captured_in_hold"
        ),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_holds_account", "holds", ["account_id", "environment", "id"], unique=False)
    op.create_index(
        "ix_holds_due",
        "holds",
        ["expires_at"],
        unique=False,
        sqlite_where=sa.text("status = 'held'"),
        postgresql_where=sa.text("status = 'held'"),
    )
    op.create_index(
        "ix_holds_open",
        "holds",
        ["account_id", "environment", "expires_at"],
        unique=False,
        sqlite_where=sa.text("status = 'held'"),
        postgresql_where=sa.text("status = 'held'"),
    )
    op.create_index(
        "ux_holds_reference",
        "holds",
        ["account_id", "environment", "reference"],
        unique=True,
        sqlite_where=sa.text("reference IS NOT NULL"),
        postgresql_where=sa.text("reference IS NOT NULL"),
    )

    op.create_table(
        "oauth_apps",
        sa.Column("id", TEXT, nullable=False),
        sa.Column("account_id", TEXT, nullable=False),
        sa.Column("environment", TEXT, nullable=False),
        sa.Column("name", TEXT, nullable=False),
        sa.Column("redirect_host", TEXT, nullable=False),
        sa.Column("scope", TEXT, nullable=False),
        sa.Column("cap_micros", BIGINT, nullable=False),
        sa.Column("cap_period", TEXT, nullable=False),
        sa.Column("secret_digest", TEXT, nullable=False),
        sa.Column("secret_last4", TEXT, nullable=False),
        sa.Column("created_at", BIGINT, nullable=False),
        sa.Column("rotated_at", BIGINT, nullable=True),
        sa.Column("disabled_at", BIGINT, nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(
        "ix_oauth_apps_account", "oauth_apps", ["account_id", "environment", "id"], unique=False
    )

    op.create_table(
        "oauth_charges",
        sa.Column("id", TEXT, nullable=False),
        sa.Column("account_id", TEXT, nullable=False),
        sa.Column("environment", TEXT, nullable=False),
        sa.Column("app_id", TEXT, nullable=False),
        sa.Column("grant_id", TEXT, nullable=False),
        sa.Column("owner_id", TEXT, nullable=False),
        sa.Column("order_no", TEXT, nullable=False),
        sa.Column("amount_micros", BIGINT, nullable=False),
        sa.Column("remark", TEXT, nullable=False),
        sa.Column("created_at", BIGINT, nullable=False),
        sa.CheckConstraint("amount_micros > 0", name="charge_positive"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(
        "ix_oauth_charges_account",
        "oauth_charges",
        ["account_id", "environment", "id"],
        unique=False,
    )
    op.create_index(
        "ix_oauth_charges_owner", "oauth_charges", ["owner_id", "environment", "id"], unique=False
    )
    op.create_index(
        "ux_oauth_charges_order", "oauth_charges", ["app_id", "account_id", "order_no"], unique=True
    )

    op.create_table(
        "oauth_codes",
        sa.Column("digest", TEXT, nullable=False),
        sa.Column("account_id", TEXT, nullable=False),
        sa.Column("environment", TEXT, nullable=False),
        sa.Column("app_id", TEXT, nullable=False),
        sa.Column("redirect_uri", TEXT, nullable=False),
        sa.Column("challenge", TEXT, nullable=True),
        sa.Column("scope", TEXT, nullable=False),
        sa.Column("cap_micros", BIGINT, nullable=False),
        sa.Column("cap_period", TEXT, nullable=False),
        sa.Column("expires_at", BIGINT, nullable=False),
        sa.Column("used_at", BIGINT, nullable=True),
        sa.PrimaryKeyConstraint("digest"),
    )
    op.create_index(
        "ix_oauth_codes_account",
        "oauth_codes",
        ["account_id", "environment", "expires_at"],
        unique=False,
    )

    op.create_table(
        "oauth_grants",
        sa.Column("id", TEXT, nullable=False),
        sa.Column("account_id", TEXT, nullable=False),
        sa.Column("environment", TEXT, nullable=False),
        sa.Column("app_id", TEXT, nullable=False),
        sa.Column("scope", TEXT, nullable=False),
        sa.Column("cap_micros", BIGINT, nullable=False),
        sa.Column("cap_period", TEXT, nullable=False),
        sa.Column("consented_at", BIGINT, nullable=False),
        sa.Column("revoked_at", BIGINT, nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(
        "ix_oauth_grants_account", "oauth_grants", ["account_id", "environment", "id"], unique=False
    )
    op.create_index("ux_oauth_grants_app", "oauth_grants", ["app_id", "account_id"], unique=True)

    op.create_table(
        "oauth_tokens",
        sa.Column("id", TEXT, nullable=False),
        sa.Column("kind", TEXT, nullable=False),
        sa.Column("account_id", TEXT, nullable=False),
        sa.Column("environment", TEXT, nullable=False),
        sa.Column("app_id", TEXT, nullable=False),
        sa.Column("grant_id", TEXT, nullable=False),
        sa.Column("digest", TEXT, nullable=False),
        sa.Column("prefix", TEXT, nullable=False),
        sa.Column("last4", TEXT, nullable=False),
        sa.Column("created_at", BIGINT, nullable=False),
        sa.Column("last_used_at", BIGINT, nullable=True),
        sa.Column("expires_at", BIGINT, nullable=False),
        sa.Column("revoked_at", BIGINT, nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_oauth_tokens_account", "oauth_tokens", ["account_id", "id"], unique=False)
    op.create_index("ix_oauth_tokens_grant", "oauth_tokens", ["grant_id", "id"], unique=False)
    op.create_index("ux_oauth_tokens_digest", "oauth_tokens", ["digest"], unique=True)

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
        sa.Column("reversed_grant_micros", BIGINT, server_default=sa.text("0"), nullable=False),
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
        "ix_orders_approved",
        "orders",
        ["environment", "id"],
        unique=False,
        sqlite_where=sa.text("paid_at IS NOT NULL AND reason IS NOT NULL"),
        postgresql_where=sa.text("paid_at IS NOT NULL AND reason IS NOT NULL"),
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
        "period_reversals",
        sa.Column("period_id", TEXT, nullable=False),
        sa.Column("key", TEXT, nullable=False),
        sa.Column("account_id", TEXT, nullable=False),
        sa.Column("environment", TEXT, nullable=False),
        sa.Column("kind", TEXT, nullable=False),
        sa.Column("amount", BIGINT, nullable=False),
        sa.Column("status", TEXT, nullable=False),
        sa.Column("created_at", BIGINT, nullable=False),
        sa.PrimaryKeyConstraint("period_id", "key"),
    )
    op.create_table(
        "plans",
        sa.Column("environment", TEXT, nullable=False),
        sa.Column("id", TEXT, nullable=False),
        sa.Column("name", TEXT, nullable=False),
        sa.Column("description", TEXT, nullable=False),
        sa.Column("price_monthly", BIGINT, nullable=False),
        sa.Column("price_yearly", BIGINT, nullable=True),
        sa.Column("currency", TEXT, nullable=False),
        sa.Column("credits_included", BIGINT, nullable=False),
        sa.Column("features", TEXT, nullable=False),
        sa.Column("stripe_price_id_monthly", TEXT, nullable=True),
        sa.Column("stripe_price_id_yearly", TEXT, nullable=True),
        sa.Column("creem_product_id", TEXT, nullable=True),
        sa.Column("creem_product_id_yearly", TEXT, nullable=True),
        sa.Column("is_active", BIGINT, server_default=sa.text("1"), nullable=False),
        sa.Column("position", BIGINT, server_default=sa.text("0"), nullable=False),
        sa.Column("created_at", BIGINT, nullable=False),
        sa.CheckConstraint(
            "price_monthly > 0 AND credits_included > 0", name="plan_sells_something"
        ),
        sa.PrimaryKeyConstraint("environment", "id"),
    )
    op.create_table(
        "provider_customers",
        sa.Column("account_id", TEXT, nullable=False),
        sa.Column("environment", TEXT, nullable=False),
        sa.Column("provider", TEXT, nullable=False),
        sa.Column("customer_ref", TEXT, nullable=False),
        sa.Column("updated_at", BIGINT, nullable=False),
        sa.PrimaryKeyConstraint("account_id", "environment", "provider"),
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
        "provider_links",
        sa.Column("provider", TEXT, nullable=False),
        sa.Column("environment", TEXT, nullable=False),
        sa.Column("object_id", TEXT, nullable=False),
        sa.Column("linked_id", TEXT, nullable=False),
        sa.Column("created_at", BIGINT, nullable=False),
        sa.PrimaryKeyConstraint("provider", "environment", "object_id"),
    )
    op.create_index(
        "ix_provider_links_linked",
        "provider_links",
        ["provider", "environment", "linked_id"],
        unique=False,
    )

    op.create_table(
        "provider_objects",
        sa.Column("provider", TEXT, nullable=False),
        sa.Column("environment", TEXT, nullable=False),
        sa.Column("object_id", TEXT, nullable=False),
        sa.Column("account_id", TEXT, nullable=False),
        sa.Column("order_id", TEXT, nullable=True),
        sa.Column("created_at", BIGINT, nullable=False),
        sa.PrimaryKeyConstraint("provider", "environment", "object_id"),
    )
    op.create_index("ix_provider_objects_order", "provider_objects", ["order_id"], unique=False)

    op.create_table(
        "provider_strays",
        sa.Column("provider", TEXT, nullable=False),
        sa.Column("environment", TEXT, nullable=False),
        sa.Column("object_id", TEXT, nullable=False),
        sa.Column("key", TEXT, nullable=False),
        sa.Column("kind", TEXT, nullable=False),
        sa.Column("account_id", TEXT, nullable=True),
        sa.Column("amount", BIGINT, nullable=False),
        sa.Column("currency", TEXT, nullable=False),
        sa.Column("is_won", BIGINT, server_default=sa.text("0"), nullable=False),
        sa.Column("created_at", BIGINT, nullable=False),
        sa.PrimaryKeyConstraint("provider", "environment", "object_id", "key", "kind"),
    )
    op.create_table(
        "redemption_batches",
        sa.Column("id", TEXT, nullable=False),
        sa.Column("environment", TEXT, nullable=False),
        sa.Column("name", TEXT, nullable=False),
        sa.Column("credits_micros", BIGINT, nullable=False),
        sa.Column("code_count", BIGINT, nullable=False),
        sa.Column("uses_max", BIGINT, nullable=False),
        sa.Column("is_promotional", BIGINT, nullable=False),
        sa.Column("promotional_days", BIGINT, nullable=True),
        sa.Column("is_complete", BIGINT, server_default=sa.text("0"), nullable=False),
        sa.Column("expires_at", BIGINT, nullable=True),
        sa.Column("disabled_at", BIGINT, nullable=True),
        sa.Column("created_at", BIGINT, nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(
        "ix_redemption_batches_environment",
        "redemption_batches",
        ["environment", "id"],
        unique=False,
    )

    op.create_table(
        "redemption_codes",
        sa.Column("id", TEXT, nullable=False),
        sa.Column("batch_id", TEXT, nullable=False),
        sa.Column("environment", TEXT, nullable=False),
        sa.Column("digest", TEXT, nullable=False),
        sa.Column("last4", TEXT, nullable=False),
        sa.Column("uses_max", BIGINT, nullable=False),
        sa.Column("used_count", BIGINT, server_default=sa.text("0"), nullable=False),
        sa.Column("disabled_at", BIGINT, nullable=True),
        sa.Column("created_at", BIGINT, nullable=False),
        sa.CheckConstraint("used_count >= 0 AND used_count <= uses_max", name="uses_in_limit"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(
        "ix_redemption_codes_batch", "redemption_codes", ["batch_id", "id"], unique=False
    )
    op.create_index(
        "ix_redemption_codes_last4",
        "redemption_codes",
        ["environment", "last4", "id"],
        unique=False,
    )
    op.create_index("ux_redemption_codes_digest", "redemption_codes", ["digest"], unique=True)

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
        "sandbox_subscriptions",
        sa.Column("ref", TEXT, nullable=False),
        sa.Column("token", TEXT, nullable=False),
        sa.Column("account_id", TEXT, nullable=False),
        sa.Column("environment", TEXT, nullable=False),
        sa.Column("order_id", TEXT, nullable=False),
        sa.Column("provider", TEXT, nullable=False),
        sa.Column("customer_ref", TEXT, nullable=False),
        sa.Column("status", TEXT, nullable=False),
        sa.Column("product_ref", TEXT, nullable=False),
        sa.Column("interval", TEXT, nullable=False),
        sa.Column("amount", BIGINT, nullable=False),
        sa.Column("currency", TEXT, nullable=False),
        sa.Column("first_amount", BIGINT, nullable=False),
        sa.Column("next_product_ref", TEXT, nullable=True),
        sa.Column("next_interval", TEXT, nullable=True),
        sa.Column("next_amount", BIGINT, nullable=True),
        sa.Column("is_ending", BIGINT, server_default=sa.text("0"), nullable=False),
        sa.Column("is_declining", BIGINT, server_default=sa.text("0"), nullable=False),
        sa.Column("number", BIGINT, server_default=sa.text("0"), nullable=False),
        sa.Column("attempts", BIGINT, server_default=sa.text("0"), nullable=False),
        sa.Column("anchor_at", BIGINT, nullable=False),
        sa.Column("cycle", BIGINT, server_default=sa.text("0"), nullable=False),
        sa.Column("next_at", BIGINT, nullable=True),
        sa.Column("created_at", BIGINT, nullable=False),
        sa.PrimaryKeyConstraint("ref"),
    )
    op.create_index(
        "ix_sandbox_subscriptions_account",
        "sandbox_subscriptions",
        ["account_id", "environment"],
        unique=False,
    )
    op.create_index(
        "ix_sandbox_subscriptions_next",
        "sandbox_subscriptions",
        ["next_at"],
        unique=False,
        sqlite_where=sa.text("next_at IS NOT NULL"),
        postgresql_where=sa.text("next_at IS NOT NULL"),
    )
    op.create_index(
        "ux_sandbox_subscriptions_order", "sandbox_subscriptions", ["order_id"], unique=True
    )
    op.create_index(
        "ux_sandbox_subscriptions_token", "sandbox_subscriptions", ["token"], unique=True
    )

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

    op.create_table(
        "subscription_objects",
        sa.Column("provider", TEXT, nullable=False),
        sa.Column("environment", TEXT, nullable=False),
        sa.Column("object_id", TEXT, nullable=False),
        sa.Column("account_id", TEXT, nullable=False),
        sa.Column("subscription_id", TEXT, nullable=False),
        sa.Column("period_start_at", BIGINT, nullable=False),
        sa.Column("created_at", BIGINT, nullable=False),
        sa.PrimaryKeyConstraint("provider", "environment", "object_id"),
    )
    op.create_index(
        "ix_subscription_objects_subscription",
        "subscription_objects",
        ["subscription_id"],
        unique=False,
    )

    op.create_table(
        "subscription_periods",
        sa.Column("subscription_id", TEXT, nullable=False),
        sa.Column("period_start_at", BIGINT, autoincrement=False, nullable=False),
        sa.Column("id", TEXT, nullable=False),
        sa.Column("account_id", TEXT, nullable=False),
        sa.Column("environment", TEXT, nullable=False),
        sa.Column("period_end_at", BIGINT, nullable=False),
        sa.Column("invoice_id", TEXT, nullable=False),
        sa.Column("plan_id", TEXT, nullable=False),
        sa.Column("amount", BIGINT, nullable=False),
        sa.Column("currency", TEXT, nullable=False),
        sa.Column("credits_micros", BIGINT, nullable=False),
        sa.Column("is_prorated", BIGINT, server_default=sa.text("0"), nullable=False),
        sa.Column("refunded_amount", BIGINT, server_default=sa.text("0"), nullable=False),
        sa.Column("reversed_micros", BIGINT, server_default=sa.text("0"), nullable=False),
        sa.Column("created_at", BIGINT, nullable=False),
        sa.CheckConstraint(
            "reversed_micros >= 0 AND reversed_micros <= credits_micros",
            name="period_reversed_within_credits",
        ),
        sa.PrimaryKeyConstraint("subscription_id", "period_start_at"),
    )
    op.create_index(
        "ix_subscription_periods_account",
        "subscription_periods",
        ["account_id", "environment"],
        unique=False,
    )
    op.create_index("ux_subscription_periods_id", "subscription_periods", ["id"], unique=True)

    op.create_table(
        "subscriptions",
        sa.Column("id", TEXT, nullable=False),
        sa.Column("account_id", TEXT, nullable=False),
        sa.Column("environment", TEXT, nullable=False),
        sa.Column("order_id", TEXT, nullable=False),
        sa.Column("provider", TEXT, nullable=False),
        sa.Column("is_stand_in", BIGINT, server_default=sa.text("0"), nullable=False),
        sa.Column("provider_ref", TEXT, nullable=True),
        sa.Column("customer_ref", TEXT, nullable=True),
        sa.Column("status", TEXT, nullable=False),
        sa.Column("plan_id", TEXT, nullable=False),
        sa.Column("plan_name", TEXT, nullable=False),
        sa.Column("interval", TEXT, nullable=False),
        sa.Column("credits_micros", BIGINT, nullable=False),
        sa.Column("amount", BIGINT, nullable=False),
        sa.Column("currency", TEXT, nullable=False),
        sa.Column("first_amount", BIGINT, nullable=False),
        sa.Column("product_ref", TEXT, nullable=True),
        sa.Column("next_plan_id", TEXT, nullable=True),
        sa.Column("is_ending", BIGINT, server_default=sa.text("0"), nullable=False),
        sa.Column("told_at", BIGINT, nullable=True),
        sa.Column("paid_until_at", BIGINT, nullable=True),
        sa.Column("due_at", BIGINT, nullable=True),
        sa.Column("created_at", BIGINT, nullable=False),
        sa.Column("ended_at", BIGINT, nullable=True),
        sa.CheckConstraint("first_amount <= amount", name="first_amount_within_amount"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(
        "ix_subscriptions_account",
        "subscriptions",
        ["account_id", "environment", "id"],
        unique=False,
    )
    op.create_index(
        "ix_subscriptions_due",
        "subscriptions",
        ["due_at"],
        unique=False,
        sqlite_where=sa.text("due_at IS NOT NULL"),
        postgresql_where=sa.text("due_at IS NOT NULL"),
    )
    op.create_index("ux_subscriptions_order", "subscriptions", ["order_id"], unique=True)

    op.create_table(
        "usage_records",
        sa.Column("id", TEXT, nullable=False),
        sa.Column("account_id", TEXT, nullable=False),
        sa.Column("environment", TEXT, nullable=False),
        sa.Column("key_id", TEXT, nullable=True),
        sa.Column("amount_micros", BIGINT, nullable=False),
        sa.Column("description", TEXT, nullable=False),
        sa.Column("model", TEXT, nullable=True),
        sa.Column("reference", TEXT, nullable=True),
        sa.Column("created_at", BIGINT, nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(
        "ix_usage_records_account",
        "usage_records",
        ["account_id", "environment", "id"],
        unique=False,
    )
    op.create_index(
        "ux_usage_records_reference",
        "usage_records",
        ["account_id", "environment", "reference"],
        unique=True,
        sqlite_where=sa.text("reference IS NOT NULL"),
        postgresql_where=sa.text("reference IS NOT NULL"),
    )

    with op.batch_alter_table("account_environments", schema=None) as batch_op:
        batch_op.add_column(
            sa.Column("clock_ahead_us", BIGINT, server_default=sa.text("0"), nullable=False)
        )
        batch_op.create_index(
            "ix_account_environments_ahead",
            ["account_id", "environment"],
            unique=False,
            sqlite_where=sa.text("clock_ahead_us > 0"),
            postgresql_where=sa.text("clock_ahead_us > 0"),
        )

    with op.batch_alter_table("accounts", schema=None) as batch_op:
        batch_op.add_column(sa.Column("time_zone", TEXT, server_default="UTC", nullable=False))

    op.create_index(
        "ix_transfers_subject",
        "transfers",
        ["subject_id"],
        unique=False,
        sqlite_where=sa.text("subject_id IS NOT NULL"),
        postgresql_where=sa.text("subject_id IS NOT NULL"),
    )

    op.create_index(
        "ix_voucher_redemptions_redeemer",
        "voucher_redemptions",
        ["redeemed_by", "environment", "transaction_id"],
        unique=False,
    )

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
