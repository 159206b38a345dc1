"""The tables of the core."""

import sqlalchemy as sa
from alembic import op

from store.dialect import BIGINT, BYTES, TEXT

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "access_tokens",
        sa.Column("id", TEXT, nullable=False),
        sa.Column("kind", TEXT, nullable=False),
        sa.Column("account_id", TEXT, nullable=False),
        sa.Column("environment", TEXT, nullable=False),
        sa.Column("key_id", TEXT, nullable=True),
        sa.Column("name", TEXT, nullable=False),
        sa.Column("digest", TEXT, nullable=False),
        sa.Column("prefix", TEXT, nullable=False),
        sa.Column("last4", TEXT, nullable=False),
        sa.Column("created_at", BIGINT, nullable=False),
        sa.Column("last_used_at", BIGINT, nullable=True),
        sa.Column("revoked_at", BIGINT, nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(
        "ix_access_tokens_account",
        "access_tokens",
        ["account_id", "environment", "id"],
        unique=False,
    )
    op.create_index("ux_access_tokens_digest", "access_tokens", ["digest"], unique=True)

    op.create_table(
        "account_environments",
        sa.Column("account_id", TEXT, nullable=False),
        sa.Column("environment", TEXT, nullable=False),
        sa.Column("event_no", BIGINT, server_default=sa.text("0"), nullable=False),
        sa.Column(
            "low_balance_threshold_micros", BIGINT, server_default=sa.text("0"), nullable=False
        ),
        sa.Column("created_at", BIGINT, nullable=False),
        sa.PrimaryKeyConstraint("account_id", "environment"),
        postgresql_with={"fillfactor": 70, "autovacuum_vacuum_scale_factor": 0.02},
    )
    op.create_table(
        "accounts",
        sa.Column("id", TEXT, nullable=False),
        sa.Column("name", TEXT, nullable=False),
        sa.Column("email", TEXT, nullable=True),
        sa.Column("password_hash", TEXT, nullable=True),
        sa.Column("is_operator", BIGINT, server_default=sa.text("0"), nullable=False),
        sa.Column("is_sandbox", BIGINT, server_default=sa.text("0"), nullable=False),
        sa.Column("created_at", BIGINT, nullable=False),
        sa.Column("last_active_at", BIGINT, nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(
        "ix_accounts_sandbox",
        "accounts",
        ["last_active_at"],
        unique=False,
        sqlite_where=sa.text("is_sandbox = 1"),
        postgresql_where=sa.text("is_sandbox = 1"),
    )
    op.create_index(
        "ux_accounts_email",
        "accounts",
        ["email"],
        unique=True,
        sqlite_where=sa.text("email IS NOT NULL"),
        postgresql_where=sa.text("email IS NOT NULL"),
    )

    op.create_table(
        "api_key_secrets",
        sa.Column("digest", TEXT, nullable=False),
        sa.Column("key_id", TEXT, nullable=False),
        sa.Column("account_id", TEXT, nullable=False),
        sa.Column("expires_at", BIGINT, nullable=True),
        sa.Column("created_at", BIGINT, nullable=False),
        sa.PrimaryKeyConstraint("digest"),
    )
    op.create_index("ix_api_key_secrets_key", "api_key_secrets", ["key_id"], unique=False)

    op.create_table(
        "api_keys",
        sa.Column("id", TEXT, nullable=False),
        sa.Column("account_id", TEXT, nullable=False),
        sa.Column("environment", TEXT, nullable=False),
        sa.Column("parent_id", TEXT, nullable=True),
        sa.Column("lineage", TEXT, nullable=False),
        sa.Column("name", TEXT, nullable=False),
        sa.Column("scopes", TEXT, nullable=False),
        sa.Column("ip_allow_list", TEXT, nullable=False),
        sa.Column("per_call_cents", BIGINT, nullable=True),
        sa.Column("per_day_cents", BIGINT, nullable=True),
        sa.Column("per_month_cents", BIGINT, nullable=True),
        sa.Column("approval_threshold_cents", BIGINT, nullable=True),
        sa.Column("expires_at", BIGINT, nullable=True),
        sa.Column("prefix", TEXT, nullable=False),
        sa.Column("last4", TEXT, nullable=False),
        sa.Column("created_at", BIGINT, nullable=False),
        sa.Column("last_used_at", BIGINT, nullable=True),
        sa.Column("revoked_at", BIGINT, nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(
        "ix_api_keys_account", "api_keys", ["account_id", "environment", "id"], unique=False
    )

    op.create_table(
        "approvals",
        sa.Column("id", TEXT, nullable=False),
        sa.Column("account_id", TEXT, nullable=False),
        sa.Column("environment", TEXT, nullable=False),
        sa.Column("transaction_id", TEXT, nullable=False),
        sa.Column("requested_by", TEXT, nullable=True),
        sa.Column("status", TEXT, nullable=False),
        sa.Column("decided_by", TEXT, nullable=True),
        sa.Column("created_at", BIGINT, nullable=False),
        sa.Column("expires_at", BIGINT, nullable=False),
        sa.Column("decided_at", BIGINT, nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(
        "ix_approvals_account", "approvals", ["account_id", "environment", "id"], unique=False
    )
    op.create_index(
        "ix_approvals_due",
        "approvals",
        ["expires_at"],
        unique=False,
        sqlite_where=sa.text("status = 'pending'"),
        postgresql_where=sa.text("status = 'pending'"),
    )
    op.create_index("ux_approvals_transaction", "approvals", ["transaction_id"], unique=True)

    op.create_table(
        "attempts",
        sa.Column("delivery_id", TEXT, nullable=False),
        sa.Column("number", BIGINT, autoincrement=False, nullable=False),
        sa.Column("id", TEXT, nullable=False),
        sa.Column("account_id", TEXT, nullable=False),
        sa.Column("environment", TEXT, nullable=False),
        sa.Column("started_at", BIGINT, nullable=False),
        sa.Column("duration_us", BIGINT, nullable=False),
        sa.Column("http_status", BIGINT, nullable=True),
        sa.Column("error", TEXT, nullable=True),
        sa.Column("reason", TEXT, nullable=True),
        sa.Column("remote_address", TEXT, nullable=True),
        sa.Column("timings_ms", TEXT, nullable=False),
        sa.Column("request_headers", TEXT, nullable=False),
        sa.Column("body_sha256", TEXT, nullable=True),
        sa.Column("response_body", BYTES, nullable=False),
        sa.PrimaryKeyConstraint("delivery_id", "number"),
    )
    op.create_table(
        "deliveries",
        sa.Column("id", TEXT, nullable=False),
        sa.Column("event_id", TEXT, nullable=False),
        sa.Column("endpoint_id", TEXT, nullable=False),
        sa.Column("account_id", TEXT, nullable=False),
        sa.Column("environment", TEXT, nullable=False),
        sa.Column("event_type", TEXT, nullable=False),
        sa.Column("transaction_id", TEXT, nullable=True),
        sa.Column("status", TEXT, nullable=False),
        sa.Column("attempts_made", BIGINT, nullable=False),
        sa.Column("next_attempt_at", BIGINT, nullable=True),
        sa.Column("claim_no", BIGINT, server_default=sa.text("0"), nullable=False),
        sa.Column("lost_claims", BIGINT, server_default=sa.text("0"), nullable=False),
        sa.Column("replay_of", TEXT, nullable=True),
        sa.Column("replay_id", TEXT, nullable=True),
        sa.Column("created_at", BIGINT, nullable=False),
        sa.Column("settled_at", BIGINT, nullable=True),
        sa.PrimaryKeyConstraint("id"),
        postgresql_with={"fillfactor": 70, "autovacuum_vacuum_scale_factor": 0.02},
    )
    op.create_index(
        "ix_deliveries_account",
        "deliveries",
        ["account_id", "environment", "created_at", "id"],
        unique=False,
    )
    op.create_index(
        "ix_deliveries_due",
        "deliveries",
        ["endpoint_id", "next_attempt_at"],
        unique=False,
        sqlite_where=sa.text("status IN ('pending', 'sending')"),
        postgresql_where=sa.text("status IN ('pending', 'sending')"),
    )
    op.create_index(
        "ix_deliveries_endpoint", "deliveries", ["endpoint_id", "created_at", "id"], unique=False
    )
    op.create_index(
        "ix_deliveries_job",
        "deliveries",
        ["replay_id", "status", "next_attempt_at"],
        unique=False,
        sqlite_where=sa.text("replay_id IS NOT NULL"),
        postgresql_where=sa.text("replay_id IS NOT NULL"),
    )
    op.create_index(
        "ix_deliveries_replays",
        "deliveries",
        ["event_id"],
        unique=False,
        sqlite_where=sa.text("replay_of IS NOT NULL"),
        postgresql_where=sa.text("replay_of IS NOT NULL"),
    )
    op.create_index(
        "ix_deliveries_status",
        "deliveries",
        ["account_id", "environment", "status", "created_at", "id"],
        unique=False,
        sqlite_where=sa.text("status <> 'delivered'"),
        postgresql_where=sa.text("status <> 'delivered'"),
    )
    op.create_index(
        "ix_deliveries_transaction",
        "deliveries",
        ["transaction_id"],
        unique=False,
        sqlite_where=sa.text("transaction_id IS NOT NULL"),
        postgresql_where=sa.text("transaction_id IS NOT NULL"),
    )
    op.create_index(
        "ix_deliveries_type",
        "deliveries",
        ["account_id", "environment", "event_type", "created_at", "id"],
        unique=False,
        sqlite_where=sa.text("event_type <> 'topup.delivered'"),
        postgresql_where=sa.text("event_type <> 'topup.delivered'"),
    )
    op.create_index(
        "ux_deliveries_job",
        "deliveries",
        ["replay_id", "replay_of"],
        unique=True,
        sqlite_where=sa.text("replay_id IS NOT NULL"),
        postgresql_where=sa.text("replay_id IS NOT NULL"),
    )

    op.create_table(
        "endpoints",
        sa.Column("id", TEXT, nullable=False),
        sa.Column("account_id", TEXT, nullable=False),
        sa.Column("environment", TEXT, nullable=False),
        sa.Column("url", TEXT, nullable=False),
        sa.Column("description", TEXT, nullable=False),
        sa.Column("events", TEXT, nullable=False),
        sa.Column("headers_sealed", BYTES, nullable=True),
        sa.Column("secret_sealed", BYTES, nullable=False),
        sa.Column("previous_secret_sealed", BYTES, nullable=True),
        sa.Column("previous_secret_until_at", BIGINT, nullable=True),
        sa.Column("retry_schedule_s", TEXT, nullable=False),
        sa.Column("rate_limit_per_s", BIGINT, nullable=True),
        sa.Column("rate_tat_us", BIGINT, server_default=sa.text("0"), nullable=False),
        sa.Column("drain_tat_us", BIGINT, server_default=sa.text("0"), nullable=False),
        sa.Column("status", TEXT, nullable=False),
        sa.Column("enabled_at", BIGINT, nullable=True),
        sa.Column("claimed_at", BIGINT, nullable=True),
        sa.Column("disabled_reason", TEXT, nullable=True),
        sa.Column("disabled_at", BIGINT, nullable=True),
        sa.Column("failing_since_at", BIGINT, nullable=True),
        sa.Column("deleted_at", BIGINT, nullable=True),
        sa.Column("created_at", BIGINT, nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(
        "ix_endpoints_account",
        "endpoints",
        ["account_id", "environment", "id"],
        unique=False,
        sqlite_where=sa.text("deleted_at IS NULL"),
        postgresql_where=sa.text("deleted_at IS NULL"),
    )

    op.create_table(
        "events",
        sa.Column("id", TEXT, nullable=False),
        sa.Column("account_id", TEXT, nullable=False),
        sa.Column("environment", TEXT, nullable=False),
        sa.Column("event_no", BIGINT, nullable=False),
        sa.Column("type", TEXT, nullable=False),
        sa.Column("transaction_id", TEXT, nullable=True),
        sa.Column("is_sample", BIGINT, server_default=sa.text("0"), nullable=False),
        sa.Column("body", BYTES, nullable=False),
        sa.Column("created_at", BIGINT, nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(
        "ix_events_transaction",
        "events",
        ["transaction_id"],
        unique=False,
        sqlite_where=sa.text("transaction_id IS NOT NULL"),
        postgresql_where=sa.text("transaction_id IS NOT NULL"),
    )
    op.create_index(
        "ux_events_no", "events", ["account_id", "environment", "event_no"], unique=True
    )

    op.create_table(
        "idempotency_keys",
        sa.Column("account_id", TEXT, nullable=False),
        sa.Column("environment", TEXT, nullable=False),
        sa.Column("digest", TEXT, nullable=False),
        sa.Column("fingerprint", TEXT, nullable=False),
        sa.Column("status", BIGINT, nullable=False),
        sa.Column("body", BYTES, nullable=True),
        sa.Column("is_sealed", BIGINT, server_default=sa.text("0"), nullable=False),
        sa.Column("lease_until_at", BIGINT, nullable=True),
        sa.Column("created_at", BIGINT, nullable=False),
        sa.PrimaryKeyConstraint("account_id", "environment", "digest"),
    )
    op.create_index("ix_idempotency_created", "idempotency_keys", ["created_at"], unique=False)
    op.create_index(
        "ix_idempotency_sealed",
        "idempotency_keys",
        ["created_at"],
        unique=False,
        sqlite_where=sa.text("is_sealed = 1"),
        postgresql_where=sa.text("is_sealed = 1"),
    )

    op.create_table(
        "ledger_accounts",
        sa.Column("id", TEXT, nullable=False),
        sa.Column("account_id", TEXT, nullable=False),
        sa.Column("environment", TEXT, nullable=False),
        sa.Column("kind", TEXT, nullable=False),
        sa.Column("name", TEXT, nullable=False),
        sa.Column("balance_micros", BIGINT, nullable=False),
        sa.Column("expires_at", BIGINT, nullable=True),
        sa.Column("is_spent", BIGINT, server_default=sa.text("0"), nullable=False),
        sa.Column("created_at", BIGINT, nullable=False),
        sa.Column("updated_at", BIGINT, nullable=False),
        sa.CheckConstraint("balance_micros >= 0", name="balance_not_negative"),
        sa.PrimaryKeyConstraint("id"),
        postgresql_with={"fillfactor": 70, "autovacuum_vacuum_scale_factor": 0.02},
    )
    op.create_index(
        "ix_ledger_accounts_expiry",
        "ledger_accounts",
        ["expires_at"],
        unique=False,
        sqlite_where=sa.text("kind = 'grant' AND is_spent = 0"),
        postgresql_where=sa.text("kind = 'grant' AND is_spent = 0"),
    )
    op.create_index(
        "ix_ledger_accounts_grants",
        "ledger_accounts",
        ["account_id", "environment", "id"],
        unique=False,
        sqlite_where=sa.text("kind = 'grant' AND is_spent = 0"),
        postgresql_where=sa.text("kind = 'grant' AND is_spent = 0"),
    )
    op.create_index(
        "ix_ledger_accounts_recipients",
        "ledger_accounts",
        ["account_id", "environment", "id"],
        unique=False,
        sqlite_where=sa.text("kind = 'recipient'"),
        postgresql_where=sa.text("kind = 'recipient'"),
    )
    op.create_index(
        "ux_ledger_accounts_name",
        "ledger_accounts",
        ["account_id", "environment", "kind", "name"],
        unique=True,
    )

    op.create_table(
        "notices",
        sa.Column("id", TEXT, nullable=False),
        sa.Column("account_id", TEXT, nullable=False),
        sa.Column("environment", TEXT, nullable=False),
        sa.Column("endpoint_id", TEXT, nullable=False),
        sa.Column("stage", TEXT, nullable=False),
        sa.Column("reason", TEXT, nullable=True),
        sa.Column("failing_since_at", BIGINT, nullable=False),
        sa.Column("created_at", BIGINT, nullable=False),
        sa.Column("ended_at", BIGINT, nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(
        "ix_notices_account", "notices", ["account_id", "environment", "id"], unique=False
    )
    op.create_index(
        "ux_notices_stage", "notices", ["endpoint_id", "failing_since_at", "stage"], unique=True
    )

    op.create_table(
        "replays",
        sa.Column("id", TEXT, nullable=False),
        sa.Column("account_id", TEXT, nullable=False),
        sa.Column("environment", TEXT, nullable=False),
        sa.Column("endpoint_id", TEXT, nullable=False),
        sa.Column("status", TEXT, nullable=False),
        sa.Column("delivery_status", TEXT, nullable=False),
        sa.Column("event_types", TEXT, nullable=False),
        sa.Column("since_at", BIGINT, nullable=False),
        sa.Column("until_at", BIGINT, nullable=False),
        sa.Column("rate_per_s", BIGINT, nullable=False),
        sa.Column("matched", BIGINT, nullable=False),
        sa.Column("queued", BIGINT, server_default=sa.text("0"), nullable=False),
        sa.Column("after_at", BIGINT, nullable=False),
        sa.Column("after_id", TEXT, nullable=False),
        sa.Column("is_queued", BIGINT, server_default=sa.text("0"), nullable=False),
        sa.Column("next_step_at", BIGINT, nullable=True),
        sa.Column("done", BIGINT, nullable=True),
        sa.Column("failed", BIGINT, nullable=True),
        sa.Column("created_at", BIGINT, nullable=False),
        sa.Column("ended_at", BIGINT, nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(
        "ix_replays_account", "replays", ["account_id", "environment", "id"], unique=False
    )
    op.create_index(
        "ix_replays_due",
        "replays",
        ["next_step_at"],
        unique=False,
        sqlite_where=sa.text("status <> 'paused' AND next_step_at IS NOT NULL"),
        postgresql_where=sa.text("status <> 'paused' AND next_step_at IS NOT NULL"),
    )

    op.create_table(
        "sealed_keys",
        sa.Column("name", TEXT, nullable=False),
        sa.Column("sealed", BYTES, nullable=False),
        sa.Column("created_at", BIGINT, nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )
    op.create_table(
        "spend_windows",
        sa.Column("key_id", TEXT, nullable=False),
        sa.Column("period", TEXT, nullable=False),
        sa.Column("window_start_at", BIGINT, nullable=False),
        sa.Column("account_id", TEXT, nullable=False),
        sa.Column("spent_micros", BIGINT, nullable=False),
        sa.CheckConstraint("spent_micros >= 0", name="spent_not_negative"),
        sa.PrimaryKeyConstraint("key_id", "period", "window_start_at"),
        postgresql_with={"fillfactor": 70, "autovacuum_vacuum_scale_factor": 0.02},
    )
    op.create_table(
        "topups",
        sa.Column("id", TEXT, nullable=False),
        sa.Column("account_id", TEXT, nullable=False),
        sa.Column("environment", TEXT, nullable=False),
        sa.Column("spent_by", TEXT, nullable=True),
        sa.Column("status", TEXT, nullable=False),
        sa.Column("platform", TEXT, nullable=False),
        sa.Column("amount_cents", BIGINT, nullable=False),
        sa.Column("recipient_email", TEXT, nullable=False),
        sa.Column("reference", TEXT, nullable=True),
        sa.Column("metadata", TEXT, nullable=False),
        sa.Column("note", TEXT, nullable=True),
        sa.Column("failure_reason", TEXT, nullable=True),
        sa.Column("new_balance_cents", BIGINT, nullable=True),
        sa.Column("voucher_code", TEXT, nullable=True),
        sa.Column("fulfilment_code", TEXT, nullable=True),
        sa.Column("fulfilment", TEXT, nullable=False),
        sa.Column("handed_over_at", BIGINT, nullable=True),
        sa.Column("next_check_at", BIGINT, nullable=True),
        sa.Column("checks_made", BIGINT, server_default=sa.text("0"), nullable=False),
        sa.Column("created_at", BIGINT, nullable=False),
        sa.Column("settled_at", BIGINT, nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(
        "ix_topups_account", "topups", ["account_id", "environment", "id"], unique=False
    )
    op.create_index(
        "ix_topups_due",
        "topups",
        ["next_check_at"],
        unique=False,
        sqlite_where=sa.text("status = 'pending' AND next_check_at IS NOT NULL"),
        postgresql_where=sa.text("status = 'pending' AND next_check_at IS NOT NULL"),
    )
    op.create_index(
        "ux_topups_reference",
        "topups",
        ["account_id", "environment", "reference"],
        unique=True,
        sqlite_where=sa.text("reference IS NOT NULL"),
        postgresql_where=sa.text("reference IS NOT NULL"),
    )

    op.create_table(
        "transfers",
        sa.Column("id", TEXT, nullable=False),
        sa.Column("account_id", TEXT, nullable=False),
        sa.Column("environment", TEXT, nullable=False),
        sa.Column("debit_id", TEXT, nullable=False),
        sa.Column("credit_id", TEXT, nullable=False),
        sa.Column("amount_micros", BIGINT, nullable=False),
        sa.Column("code", TEXT, nullable=False),
        sa.Column("transaction_id", TEXT, nullable=True),
        sa.Column("subject_id", TEXT, nullable=True),
        sa.Column("created_at", BIGINT, nullable=False),
        sa.CheckConstraint("amount_micros > 0", name="amount_positive"),
        sa.CheckConstraint("debit_id <> credit_id", name="sides_differ"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(
        "ix_transfers_account", "transfers", ["account_id", "environment", "id"], unique=False
    )
    op.create_index(
        "ix_transfers_transaction",
        "transfers",
        ["transaction_id"],
        unique=False,
        sqlite_where=sa.text("transaction_id IS NOT NULL"),
        postgresql_where=sa.text("transaction_id IS NOT NULL"),
    )

    op.create_table(
        "voucher_redemptions",
        sa.Column("transaction_id", TEXT, nullable=False),
        sa.Column("account_id", TEXT, nullable=False),
        sa.Column("environment", TEXT, nullable=False),
        sa.Column("redeemed_by", TEXT, nullable=False),
        sa.Column("settle", TEXT, nullable=False),
        sa.Column("redeemed_at", BIGINT, nullable=False),
        sa.PrimaryKeyConstraint("transaction_id"),
    )
