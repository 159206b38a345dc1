"""Create the schema of 0.1.0: every table, its indexes and the first rows of an installation.

This file never changes. It was made from store/schema.py, which explains the columns. It replaces the
migrations before 0.1.0. `topup migrate` also accepts a database at the last of those migrations.
"""

import sqlalchemy as sa
from alembic import op

from store.dialect import BIGINT, BYTES, TEXT

revision = "0100"
down_revision = None
branch_labels = None
depends_on = None
oldest_code = "0080"


def upgrade() -> None:
    for create in TABLES:
        create()
    _first_rows()


def _index(
    name: str, table: str, columns: list[str], *, unique: bool = False, where: str | None = None
) -> None:
    condition = None if where is None else sa.text(where)
    op.create_index(
        name, table, columns, unique=unique, sqlite_where=condition, postgresql_where=condition
    )


def _first_rows() -> None:
    """Add three packs for each environment, and the first rows of other tables."""
    texts = ("environment", "id", "name", "currency")
    numbers = ("amount", "credits", "bonus_credits", "is_popular", "position", "created_at")
    packs = sa.table(
        "packs",
        *(sa.column(name, TEXT) for name in texts),
        *(sa.column(name, BIGINT) for name in numbers),
    )
    sold = (
        ("pack_starter", "Starter Pack", 500, 5_000, 0, 0, 1),
        ("pack_pro", "Pro Pack", 2_000, 25_000, 5_000, 1, 2),
        ("pack_business", "Business Pack", 5_000, 70_000, 20_000, 0, 3),
    )
    names = ("id", "name", "amount", "credits", "bonus_credits", "is_popular", "position")
    rows = [
        {"environment": environment, "currency": "USD", "created_at": 0}
        | dict(zip(names, pack, strict=True))
        for environment in ("staging", "live")
        for pack in sold
    ]
    op.bulk_insert(packs, rows)
    versions = sa.table("platform_versions", sa.column("id", BIGINT), sa.column("version", BIGINT))
    op.bulk_insert(versions, [{"id": 1, "version": 0}])
    fill = sa.table("handed_over_fill", sa.column("id", BIGINT), sa.column("after_id", TEXT))
    end = "txn_0000000000000000"
    op.bulk_insert(fill, [{"id": 1, "after_id": end}, {"id": 2, "after_id": end}])


def _accounts() -> None:
    op.create_table(
        "accounts",
        sa.Column("id", TEXT, primary_key=True),
        sa.Column("name", TEXT, nullable=False),
        sa.Column("email", TEXT, nullable=True),
        sa.Column("password_hash", TEXT, nullable=True),
        sa.Column("is_operator", BIGINT, nullable=False, server_default=sa.text("0")),
        sa.Column("is_sandbox", BIGINT, nullable=False, server_default=sa.text("0")),
        sa.Column("live_opened_at", BIGINT, nullable=True),
        sa.Column("live_closed_at", BIGINT, nullable=True),
        sa.Column("email_verified_at", BIGINT, nullable=True),
        sa.Column("suspended_at", BIGINT, nullable=True),
        sa.Column("suspended_for", TEXT, nullable=True),
        sa.Column("time_zone", TEXT, nullable=False, server_default="UTC"),
        sa.Column("created_at", BIGINT, nullable=False),
        sa.Column("last_active_at", BIGINT, nullable=False),
        sa.Column("expiring_mail_off_at", BIGINT, nullable=True),
        sa.Column("receipt_mail_off_at", BIGINT, nullable=True),
        sa.Column("approval_mail_off_at", BIGINT, nullable=True),
        sa.Column("mail_language", TEXT, nullable=True),
        sa.Column("access_ended_at", BIGINT, nullable=True),
        sa.Column("erasing_at", BIGINT, nullable=True),
        sa.Column("staging_full_until", BIGINT, nullable=True),
    )
    _index("ix_accounts_sandbox", "accounts", ["last_active_at"], where="is_sandbox = 1")
    _index("ux_accounts_email", "accounts", ["email"], unique=True, where="email IS NOT NULL")


def _account_environments() -> None:
    op.create_table(
        "account_environments",
        sa.Column("account_id", TEXT, primary_key=True),
        sa.Column("environment", TEXT, primary_key=True),
        sa.Column("event_no", BIGINT, nullable=False, server_default=sa.text("0")),
        sa.Column("events_from_no", BIGINT, nullable=False, server_default=sa.text("0")),
        sa.Column("event_epoch", BIGINT, nullable=False, server_default=sa.text("0")),
        sa.Column(
            "low_balance_threshold_micros", BIGINT, nullable=False, server_default=sa.text("0")
        ),
        sa.Column("clock_ahead_us", BIGINT, nullable=False, server_default=sa.text("0")),
        sa.Column("created_at", BIGINT, nullable=False),
        sa.Column("plan_only_until_at", BIGINT, nullable=True),
        sa.Column("low_balance_more", TEXT, nullable=True),
        sa.Column("recharge_below_micros", BIGINT, nullable=True),
        sa.Column("recharge_from_micros", BIGINT, nullable=True),
        sa.Column("recharge_order_id", TEXT, nullable=True),
        sa.Column("day_limit_cents", BIGINT, nullable=True),
        sa.Column("suspended_at", BIGINT, nullable=True),
        postgresql_with={"fillfactor": 70, "autovacuum_vacuum_scale_factor": 0.02},
    )
    _index(
        "ix_account_environments_ahead",
        "account_environments",
        ["account_id", "environment"],
        where="clock_ahead_us > 0",
    )
    _index(
        "ix_account_environments_recharge",
        "account_environments",
        ["recharge_order_id"],
        where="recharge_order_id IS NOT NULL",
    )


def _staging_storage() -> None:
    op.create_table(
        "staging_storage",
        sa.Column("account_id", TEXT, primary_key=True),
        sa.Column("day_start_at", BIGINT, nullable=False),
        sa.Column("rows_stored", BIGINT, nullable=False),
        sa.Column("bytes_stored", BIGINT, nullable=False),
        sa.Column("counted_until_at", BIGINT, nullable=False),
    )


def _api_keys() -> None:
    op.create_table(
        "api_keys",
        sa.Column("id", TEXT, primary_key=True),
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
        sa.Column("approval_above_per_day_cents", BIGINT, nullable=True),
        sa.Column("expires_at", BIGINT, nullable=True),
        sa.Column("prefix", TEXT, nullable=False),
        sa.Column("last4", TEXT, nullable=False),
        sa.Column("created_at", BIGINT, nullable=False),
        sa.Column("last_used_at", BIGINT, nullable=True),
        sa.Column("revoked_at", BIGINT, nullable=True),
        sa.Column("purpose", TEXT, nullable=True),
        sa.Column("lifetime_cents", BIGINT, nullable=True),
        sa.Column("mandate", TEXT, nullable=True),
        sa.Column("paused_at", BIGINT, nullable=True),
        sa.Column("client_id", TEXT, nullable=True),
        sa.Column("made_by", TEXT, nullable=True),
    )
    _index("ix_api_keys_account", "api_keys", ["account_id", "environment", "id"])
    _index(
        "ix_api_keys_living",
        "api_keys",
        ["account_id", "environment", "id"],
        where="revoked_at IS NULL",
    )


def _api_key_secrets() -> None:
    op.create_table(
        "api_key_secrets",
        sa.Column("digest", TEXT, primary_key=True),
        sa.Column("key_id", TEXT, nullable=False),
        sa.Column("account_id", TEXT, nullable=False),
        sa.Column("expires_at", BIGINT, nullable=True),
        sa.Column("created_at", BIGINT, nullable=False),
    )
    _index("ix_api_key_secrets_key", "api_key_secrets", ["key_id"])


def _access_tokens() -> None:
    op.create_table(
        "access_tokens",
        sa.Column("id", TEXT, primary_key=True),
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
    )
    _index("ix_access_tokens_account", "access_tokens", ["account_id", "environment", "id"])
    _index("ux_access_tokens_digest", "access_tokens", ["digest"], unique=True)


def _sessions() -> None:
    op.create_table(
        "sessions",
        sa.Column("id", TEXT, primary_key=True),
        sa.Column("account_id", TEXT, nullable=False),
        sa.Column("environment", TEXT, nullable=False),
        sa.Column("digest", TEXT, nullable=False),
        sa.Column("user_agent", TEXT, nullable=False),
        sa.Column("created_at", BIGINT, nullable=False),
        sa.Column("last_seen_at", BIGINT, nullable=False),
        sa.Column("expires_at", BIGINT, nullable=False),
        sa.Column("confirmed_at", BIGINT, nullable=True),
        sa.Column("acts_for", TEXT, nullable=True),
    )
    _index("ix_sessions_account", "sessions", ["account_id", "last_seen_at"])
    _index("ux_sessions_digest", "sessions", ["digest"], unique=True)


def _password_resets() -> None:
    op.create_table(
        "password_resets",
        sa.Column("id", TEXT, primary_key=True),
        sa.Column("account_id", TEXT, nullable=False),
        sa.Column("email", TEXT, nullable=False),
        sa.Column("created_at", BIGINT, nullable=False),
        sa.Column("expires_at", BIGINT, nullable=False),
    )
    _index("ix_password_resets_account", "password_resets", ["account_id"])


def _email_verifications() -> None:
    op.create_table(
        "email_verifications",
        sa.Column("id", TEXT, primary_key=True),
        sa.Column("account_id", TEXT, nullable=False),
        sa.Column("email", TEXT, nullable=False),
        sa.Column("created_at", BIGINT, nullable=False),
        sa.Column("expires_at", BIGINT, nullable=False),
    )
    _index("ix_email_verifications_account", "email_verifications", ["account_id"])


def _notification_choices() -> None:
    op.create_table(
        "notification_choices",
        sa.Column("account_id", TEXT, primary_key=True),
        sa.Column("person_id", TEXT, primary_key=True),
        sa.Column("choice", TEXT, primary_key=True),
        sa.Column("is_on", BIGINT, nullable=False),
        sa.Column("changed_at", BIGINT, nullable=False),
    )


def _members() -> None:
    op.create_table(
        "members",
        sa.Column("id", TEXT, primary_key=True),
        sa.Column("account_id", TEXT, nullable=False),
        sa.Column("email", TEXT, nullable=False),
        sa.Column("role", TEXT, nullable=False),
        sa.Column("invited_by", TEXT, nullable=False),
        sa.Column("created_at", BIGINT, nullable=False),
        sa.Column("invitation_id", TEXT, nullable=True),
        sa.Column("expires_at", BIGINT, nullable=True),
        sa.Column("person_id", TEXT, nullable=True),
        sa.Column("joined_at", BIGINT, nullable=True),
        sa.Column("removed_at", BIGINT, nullable=True),
        sa.Column("chosen_at", BIGINT, nullable=True),
    )
    _index("ix_members_account", "members", ["account_id", "person_id"])
    _index("ix_members_person", "members", ["person_id"], where="person_id IS NOT NULL")
    _index(
        "ux_members_email",
        "members",
        ["account_id", "email"],
        unique=True,
        where="removed_at IS NULL",
    )
    _index(
        "ux_members_invitation",
        "members",
        ["invitation_id"],
        unique=True,
        where="invitation_id IS NOT NULL",
    )


def _second_factors() -> None:
    op.create_table(
        "second_factors",
        sa.Column("account_id", TEXT, primary_key=True),
        sa.Column("nonce", TEXT, nullable=False),
        sa.Column("last_step", BIGINT, nullable=False, server_default=sa.text("0")),
        sa.Column("recovery", TEXT, nullable=False),
        sa.Column("created_at", BIGINT, nullable=False),
        sa.Column("confirmed_at", BIGINT, nullable=True),
    )


def _passkeys() -> None:
    op.create_table(
        "passkeys",
        sa.Column("id", TEXT, primary_key=True),
        sa.Column("account_id", TEXT, nullable=False),
        sa.Column("credential_id", TEXT, nullable=False),
        sa.Column("public_key", TEXT, nullable=False),
        sa.Column("name", TEXT, nullable=False),
        sa.Column("sign_count", BIGINT, nullable=False),
        sa.Column("last_challenge_at", BIGINT, nullable=False),
        sa.Column("created_at", BIGINT, nullable=False),
        sa.Column("last_used_at", BIGINT, nullable=True),
    )
    _index("ix_passkeys_account", "passkeys", ["account_id"])
    _index("ux_passkeys_credential", "passkeys", ["credential_id"], unique=True)


def _spend_windows() -> None:
    op.create_table(
        "spend_windows",
        sa.Column("key_id", TEXT, primary_key=True),
        sa.Column("period", TEXT, primary_key=True),
        sa.Column("window_start_at", BIGINT, primary_key=True),
        sa.Column("account_id", TEXT, nullable=False),
        sa.Column("spent_micros", BIGINT, nullable=False),
        sa.Column("detail", TEXT, nullable=True),
        sa.CheckConstraint("spent_micros >= 0", name="spent_not_negative"),
        postgresql_with={"fillfactor": 70, "autovacuum_vacuum_scale_factor": 0.02},
    )
    _index(
        "ix_spend_windows_recipients",
        "spend_windows",
        ["window_start_at"],
        where="period >= 'same:' AND period < 'to;'",
    )


def _sealed_keys() -> None:
    op.create_table(
        "sealed_keys",
        sa.Column("name", TEXT, primary_key=True),
        sa.Column("sealed", BYTES, nullable=False),
        sa.Column("created_at", BIGINT, nullable=False),
    )


def _commit_tokens() -> None:
    op.create_table(
        "commit_tokens",
        sa.Column("id", TEXT, primary_key=True),
        sa.Column("token", BIGINT, nullable=False),
        sa.Column("written_at", BIGINT, nullable=False),
        sa.Column("filler", BYTES, nullable=True),
        postgresql_with={"fillfactor": 70, "autovacuum_vacuum_scale_factor": 0.02},
    )


def _idempotency_keys() -> None:
    op.create_table(
        "idempotency_keys",
        sa.Column("account_id", TEXT, primary_key=True),
        sa.Column("environment", TEXT, primary_key=True),
        sa.Column("digest", TEXT, primary_key=True),
        sa.Column("fingerprint", TEXT, nullable=False),
        sa.Column("status", BIGINT, nullable=False),
        sa.Column("body", BYTES, nullable=True),
        sa.Column("is_sealed", BIGINT, nullable=False, server_default=sa.text("0")),
        sa.Column("text_digest", TEXT, nullable=True),
        sa.Column("code_at", BIGINT, nullable=True),
        sa.Column("lease_until_at", BIGINT, nullable=True),
        sa.Column("lease_token", TEXT, nullable=True),
        sa.Column("created_at", BIGINT, nullable=False),
    )
    _index("ix_idempotency_created", "idempotency_keys", ["created_at"])
    _index("ix_idempotency_sealed", "idempotency_keys", ["created_at"], where="is_sealed = 1")
    _index(
        "ix_idempotency_text",
        "idempotency_keys",
        ["account_id", "environment", "text_digest"],
        where="text_digest IS NOT NULL",
    )


def _ledger_accounts() -> None:
    op.create_table(
        "ledger_accounts",
        sa.Column("id", TEXT, primary_key=True),
        sa.Column("account_id", TEXT, nullable=False),
        sa.Column("environment", TEXT, nullable=False),
        sa.Column("kind", TEXT, nullable=False),
        sa.Column("name", TEXT, nullable=False),
        sa.Column("balance_micros", BIGINT, nullable=False),
        sa.Column("expires_at", BIGINT, nullable=True),
        sa.Column("is_spent", BIGINT, nullable=False, server_default=sa.text("0")),
        sa.Column("created_at", BIGINT, nullable=False),
        sa.Column("updated_at", BIGINT, nullable=False),
        sa.CheckConstraint("balance_micros >= 0", name="balance_not_negative"),
        postgresql_with={"fillfactor": 70, "autovacuum_vacuum_scale_factor": 0.02},
    )
    _index(
        "ix_ledger_accounts_expiry",
        "ledger_accounts",
        ["expires_at"],
        where="kind = 'grant' AND is_spent = 0",
    )
    _index(
        "ix_ledger_accounts_grants",
        "ledger_accounts",
        ["account_id", "environment", "id"],
        where="kind = 'grant' AND is_spent = 0",
    )
    _index(
        "ix_ledger_accounts_recipients",
        "ledger_accounts",
        ["account_id", "environment", "id"],
        where="kind = 'recipient'",
    )
    _index(
        "ux_ledger_accounts_name",
        "ledger_accounts",
        ["account_id", "environment", "kind", "name"],
        unique=True,
    )


def _transfers() -> None:
    op.create_table(
        "transfers",
        sa.Column("id", TEXT, primary_key=True),
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
    )
    _index("ix_transfers_account", "transfers", ["account_id", "environment", "id"])
    _index("ix_transfers_subject", "transfers", ["subject_id"], where="subject_id IS NOT NULL")
    _index(
        "ix_transfers_transaction",
        "transfers",
        ["transaction_id"],
        where="transaction_id IS NOT NULL",
    )


def _topups() -> None:
    op.create_table(
        "topups",
        sa.Column("id", TEXT, primary_key=True),
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
        sa.Column("voucher_code_hint", TEXT, nullable=True),
        sa.Column("fulfilment_code", TEXT, nullable=True),
        sa.Column("fulfilment", TEXT, nullable=False),
        sa.Column("handed_over_at", BIGINT, nullable=True),
        sa.Column("next_check_at", BIGINT, nullable=True),
        sa.Column("checks_made", BIGINT, nullable=False, server_default=sa.text("0")),
        sa.Column("created_at", BIGINT, nullable=False),
        sa.Column("settled_at", BIGINT, nullable=True),
        sa.Column("trace", TEXT, nullable=True),
        sa.Column("supplier", TEXT, nullable=True),
        sa.Column("deliverable", TEXT, nullable=True),
        sa.Column("delivery", TEXT, nullable=True),
        sa.Column("claimed_at", BIGINT, nullable=True),
        sa.Column("emailed_at", BIGINT, nullable=True),
        sa.Column("scheduled_for", BIGINT, nullable=True),
        sa.Column("fee_cents", BIGINT, nullable=True),
        sa.Column("earned_fee_cents", BIGINT, nullable=True),
        sa.Column("counted_in", TEXT, nullable=True),
        sa.Column("key_name", TEXT, nullable=True),
        sa.Column("caller_address", TEXT, nullable=True),
        sa.Column("idempotency_key", TEXT, nullable=True),
        sa.Column("sent_by", TEXT, nullable=True),
        sa.CheckConstraint(
            "COALESCE(earned_fee_cents, 0) = CASE WHEN status IN ('delivered', 'reversing') THEN COALESCE(fee_cents, 0) ELSE 0 END",
            name="fee_earned_with_delivery",
        ),
    )
    _index("ix_topups_account", "topups", ["account_id", "environment", "id"])
    _index(
        "ix_topups_desk",
        "topups",
        ["environment", "id"],
        where="status = 'pending' AND supplier IS NOT NULL",
    )
    _index(
        "ix_topups_due",
        "topups",
        ["next_check_at"],
        where="status = 'pending' AND next_check_at IS NOT NULL",
    )
    _index(
        "ix_topups_failed",
        "topups",
        ["environment", "id"],
        where="status = 'failed' AND supplier IS NOT NULL",
    )
    _index(
        "ix_topups_person",
        "topups",
        ["environment", "handed_over_at"],
        where="status = 'pending' AND supplier IS NOT NULL AND handed_over_at IS NOT NULL AND next_check_at IS NULL",
    )
    _index("ix_topups_scheduled", "topups", ["scheduled_for"], where="status = 'scheduled'")
    _index(
        "ix_topups_scheduled_account",
        "topups",
        ["account_id", "environment", "scheduled_for"],
        where="status = 'scheduled'",
    )
    _index(
        "ix_topups_status",
        "topups",
        ["account_id", "environment", "status", "id"],
        where="status <> 'delivered'",
    )
    _index(
        "ix_topups_waiting",
        "topups",
        ["environment", "created_at"],
        where="status = 'pending' AND supplier IS NOT NULL",
    )
    _index(
        "ux_topups_reference",
        "topups",
        ["account_id", "environment", "reference"],
        unique=True,
        where="reference IS NOT NULL",
    )


def _topup_intents() -> None:
    op.create_table(
        "topup_intents",
        sa.Column("account_id", TEXT, primary_key=True),
        sa.Column("environment", TEXT, primary_key=True),
        sa.Column("intent", TEXT, primary_key=True),
        sa.Column("transaction_id", TEXT, nullable=False),
    )


def _mails() -> None:
    op.create_table(
        "mails",
        sa.Column("id", TEXT, primary_key=True),
        sa.Column("account_id", TEXT, nullable=False),
        sa.Column("environment", TEXT, nullable=False),
        sa.Column("transaction_id", TEXT, nullable=False),
        sa.Column("recipient_email", TEXT, nullable=False),
        sa.Column("status", TEXT, nullable=False),
        sa.Column("created_at", BIGINT, nullable=False),
        sa.Column("attempts", BIGINT, nullable=False, server_default=sa.text("0")),
        sa.Column("claim_no", BIGINT, nullable=False, server_default=sa.text("0")),
        sa.Column("next_attempt_at", BIGINT, nullable=True),
        sa.Column("ended_at", BIGINT, nullable=True),
        sa.Column("reason", TEXT, nullable=True),
        postgresql_with={"fillfactor": 70, "autovacuum_vacuum_scale_factor": 0.02},
    )
    _index("ix_mails_account", "mails", ["account_id", "environment", "id"])
    _index("ix_mails_day", "mails", ["account_id", "environment", "created_at"])
    _index("ix_mails_due", "mails", ["next_attempt_at"], where="next_attempt_at IS NOT NULL")
    _index(
        "ix_mails_recipient",
        "mails",
        ["account_id", "environment", "recipient_email", "created_at"],
    )
    _index("ix_mails_topup", "mails", ["transaction_id"])


def _mail_refusals() -> None:
    op.create_table(
        "mail_refusals",
        sa.Column("digest", TEXT, primary_key=True),
        sa.Column("created_at", BIGINT, nullable=False),
    )


def _batches() -> None:
    op.create_table(
        "batches",
        sa.Column("id", TEXT, primary_key=True),
        sa.Column("account_id", TEXT, nullable=False),
        sa.Column("environment", TEXT, nullable=False),
        sa.Column("spent_by", TEXT, nullable=True),
        sa.Column("status", TEXT, nullable=False),
        sa.Column("is_all_or_nothing", BIGINT, nullable=False),
        sa.Column("items", BIGINT, nullable=False),
        sa.Column("request_digest", TEXT, nullable=True),
        sa.Column("created_at", BIGINT, nullable=False),
        sa.Column("accepted_at", BIGINT, nullable=True),
        sa.Column("cancelled_at", BIGINT, nullable=True),
        sa.Column("cancelled_by", TEXT, nullable=True),
        sa.Column("completed_at", BIGINT, nullable=True),
        sa.Column("next_check_at", BIGINT, nullable=True),
        sa.Column("counts", TEXT, nullable=True),
        sa.Column("sent_by", TEXT, nullable=True),
    )
    _index("ix_batches_account", "batches", ["account_id", "environment", "id"])
    _index("ix_batches_due", "batches", ["next_check_at"], where="next_check_at IS NOT NULL")
    _index(
        "ux_batches_request",
        "batches",
        ["account_id", "environment", "request_digest"],
        unique=True,
        where="request_digest IS NOT NULL",
    )


def _batch_items() -> None:
    op.create_table(
        "batch_items",
        sa.Column("batch_id", TEXT, primary_key=True),
        sa.Column("number", BIGINT, primary_key=True),
        sa.Column("transaction_id", TEXT, nullable=False),
        sa.Column("state", TEXT, nullable=False),
        sa.Column("reference", TEXT, nullable=True),
        sa.Column("request", TEXT, nullable=True),
        sa.Column("refusal", TEXT, nullable=True),
    )


def _fulfilment_attempts() -> None:
    op.create_table(
        "fulfilment_attempts",
        sa.Column("transaction_id", TEXT, primary_key=True),
        sa.Column("number", BIGINT, primary_key=True),
        sa.Column("account_id", TEXT, nullable=False),
        sa.Column("environment", TEXT, nullable=False),
        sa.Column("recipient_email", TEXT, nullable=False),
        sa.Column("supplier", TEXT, nullable=False),
        sa.Column("kind", TEXT, nullable=False),
        sa.Column("outcome", TEXT, nullable=False),
        sa.Column("detail", TEXT, nullable=True),
        sa.Column("requests_made", BIGINT, nullable=False, server_default=sa.text("1")),
        sa.Column("requested_at", BIGINT, nullable=False),
        sa.Column("last_requested_at", BIGINT, nullable=False),
        sa.Column("ended_at", BIGINT, nullable=True),
        sa.Column("prepared", TEXT, nullable=True),
        sa.Column("left_over", TEXT, nullable=True),
        sa.Column("cost_cents", BIGINT, nullable=True),
    )
    _index(
        "ix_fulfilment_attempts_open",
        "fulfilment_attempts",
        ["environment", "supplier", "account_id", "recipient_email"],
        where="ended_at IS NULL",
    )
    _index(
        "ix_fulfilment_attempts_supplier",
        "fulfilment_attempts",
        ["environment", "supplier", "last_requested_at"],
    )


def _supplier_recipients() -> None:
    op.create_table(
        "supplier_recipients",
        sa.Column("account_id", TEXT, primary_key=True),
        sa.Column("environment", TEXT, primary_key=True),
        sa.Column("supplier", TEXT, primary_key=True),
        sa.Column("recipient_email", TEXT, primary_key=True),
        sa.Column("left_over", TEXT, nullable=False),
        sa.Column("changed_at", BIGINT, nullable=False),
    )


def _topup_reversals() -> None:
    op.create_table(
        "topup_reversals",
        sa.Column("transaction_id", TEXT, primary_key=True),
        sa.Column("account_id", TEXT, nullable=False),
        sa.Column("environment", TEXT, nullable=False),
        sa.Column("reason", TEXT, nullable=False),
        sa.Column("requested_by", TEXT, nullable=True),
        sa.Column("requested_at", BIGINT, nullable=False),
        sa.Column("checks_made", BIGINT, nullable=False, server_default=sa.text("0")),
        sa.Column("next_check_at", BIGINT, nullable=True),
        sa.Column("outcome", TEXT, nullable=True),
        sa.Column("detail", TEXT, nullable=True),
        sa.Column("ended_at", BIGINT, nullable=True),
    )
    _index("ix_topup_reversals_due", "topup_reversals", ["next_check_at"], where="ended_at IS NULL")


def _handed_over() -> None:
    op.create_table(
        "handed_over",
        sa.Column("environment", TEXT, primary_key=True),
        sa.Column("digest", TEXT, primary_key=True),
        sa.Column("transaction_id", TEXT, nullable=False),
    )


def _handed_over_fill() -> None:
    op.create_table(
        "handed_over_fill",
        sa.Column("id", BIGINT, primary_key=True, autoincrement=False),
        sa.Column("after_id", TEXT, nullable=False),
    )


def _supplier_words() -> None:
    op.create_table(
        "supplier_words",
        sa.Column("transaction_id", TEXT, primary_key=True),
        sa.Column("digest", TEXT, primary_key=True),
        sa.Column("account_id", TEXT, nullable=False),
        sa.Column("environment", TEXT, nullable=False),
        sa.Column("supplier", TEXT, nullable=False),
        sa.Column("word", TEXT, nullable=False),
        sa.Column("why", TEXT, nullable=False),
        sa.Column("detail", TEXT, nullable=False),
        sa.Column("kind", TEXT, nullable=True),
        sa.Column("hint", TEXT, nullable=True),
        sa.Column("sealed", TEXT, nullable=True),
        sa.Column("cost_cents", BIGINT, nullable=True),
        sa.Column("received_at", BIGINT, nullable=False),
        sa.Column("last_received_at", BIGINT, nullable=False),
        sa.Column("times", BIGINT, nullable=False, server_default=sa.text("1")),
        sa.Column("seen_at", BIGINT, nullable=True),
        sa.Column("seen_by", TEXT, nullable=True),
    )
    _index(
        "ix_supplier_words_unseen",
        "supplier_words",
        ["environment", "transaction_id"],
        where="seen_at IS NULL",
    )


def _platforms() -> None:
    op.create_table(
        "platforms",
        sa.Column("environment", TEXT, primary_key=True),
        sa.Column("id", TEXT, primary_key=True),
        sa.Column("name", TEXT, nullable=False),
        sa.Column("min_amount_cents", BIGINT, nullable=False),
        sa.Column("max_amount_cents", BIGINT, nullable=False),
        sa.Column("is_active", BIGINT, nullable=False, server_default=sa.text("1")),
        sa.Column("position", BIGINT, nullable=False),
        sa.Column("created_at", BIGINT, nullable=False),
    )


def _platform_fees() -> None:
    op.create_table(
        "platform_fees",
        sa.Column("environment", TEXT, primary_key=True),
        sa.Column("platform", TEXT, primary_key=True),
        sa.Column("account_id", TEXT, primary_key=True),
        sa.Column("fixed_cents", BIGINT, nullable=False),
        sa.Column("basis_points", BIGINT, nullable=False),
        sa.Column("min_cents", BIGINT, nullable=False),
        sa.Column("max_cents", BIGINT, nullable=True),
        sa.Column("changed_at", BIGINT, nullable=False),
    )


def _platform_suppliers() -> None:
    op.create_table(
        "platform_suppliers",
        sa.Column("environment", TEXT, primary_key=True),
        sa.Column("platform", TEXT, primary_key=True),
        sa.Column("supplier", TEXT, primary_key=True),
        sa.Column("position", BIGINT, nullable=False),
    )


def _suppliers() -> None:
    op.create_table(
        "suppliers",
        sa.Column("environment", TEXT, primary_key=True),
        sa.Column("id", TEXT, primary_key=True),
        sa.Column("kind", TEXT, nullable=False),
        sa.Column("options", TEXT, nullable=False),
        sa.Column("sealed", BYTES, nullable=True),
        sa.Column("hints", TEXT, nullable=False),
        sa.Column("is_active", BIGINT, nullable=False, server_default=sa.text("1")),
        sa.Column("is_simulated", BIGINT, nullable=False, server_default=sa.text("0")),
        sa.Column("created_at", BIGINT, nullable=False),
        sa.Column("changed_at", BIGINT, nullable=False),
        sa.Column("breaker_opened_at", BIGINT, nullable=True),
        sa.Column("last_error", TEXT, nullable=True),
        sa.Column("last_error_at", BIGINT, nullable=True),
        sa.Column("paused_at", BIGINT, nullable=True),
    )


def _platform_versions() -> None:
    op.create_table(
        "platform_versions",
        sa.Column("id", BIGINT, primary_key=True, autoincrement=False),
        sa.Column("version", BIGINT, nullable=False, server_default=sa.text("0")),
    )


def _stock_codes() -> None:
    op.create_table(
        "stock_codes",
        sa.Column("id", TEXT, primary_key=True),
        sa.Column("environment", TEXT, nullable=False),
        sa.Column("supplier", TEXT, nullable=False),
        sa.Column("platform", TEXT, nullable=False),
        sa.Column("amount_cents", BIGINT, nullable=False),
        sa.Column("digest", TEXT, nullable=False),
        sa.Column("sealed", BYTES, nullable=False),
        sa.Column("hint", TEXT, nullable=False),
        sa.Column("expires_at", BIGINT, nullable=True),
        sa.Column("added_at", BIGINT, nullable=False),
        sa.Column("transaction_id", TEXT, nullable=True),
        sa.Column("taken_at", BIGINT, nullable=True),
    )
    _index(
        "ix_stock_codes_free",
        "stock_codes",
        ["environment", "supplier", "platform", "amount_cents", "id"],
        where="transaction_id IS NULL",
    )
    _index("ux_stock_codes_digest", "stock_codes", ["environment", "digest"], unique=True)
    _index(
        "ux_stock_codes_transaction",
        "stock_codes",
        ["transaction_id"],
        unique=True,
        where="transaction_id IS NOT NULL",
    )


def _stock_levels() -> None:
    op.create_table(
        "stock_levels",
        sa.Column("environment", TEXT, primary_key=True),
        sa.Column("supplier", TEXT, primary_key=True),
        sa.Column("platform", TEXT, primary_key=True),
        sa.Column("amount_cents", BIGINT, primary_key=True, autoincrement=False),
        sa.Column("low_threshold", BIGINT, nullable=False),
        sa.Column("is_low", BIGINT, nullable=False, server_default=sa.text("0")),
    )


def _manual_tasks() -> None:
    op.create_table(
        "manual_tasks",
        sa.Column("transaction_id", TEXT, primary_key=True),
        sa.Column("account_id", TEXT, nullable=False),
        sa.Column("environment", TEXT, nullable=False),
        sa.Column("supplier", TEXT, nullable=False),
        sa.Column("created_at", BIGINT, nullable=False),
        sa.Column("due_at", BIGINT, nullable=False),
        sa.Column("taken_by", TEXT, nullable=True),
        sa.Column("taken_at", BIGINT, nullable=True),
        sa.Column("outcome", TEXT, nullable=True),
        sa.Column("sealed", BYTES, nullable=True),
        sa.Column("reason", TEXT, nullable=True),
        sa.Column("decided_by", TEXT, nullable=True),
        sa.Column("decided_at", BIGINT, nullable=True),
    )
    _index(
        "ix_manual_tasks_open", "manual_tasks", ["environment", "due_at"], where="outcome IS NULL"
    )


def _voucher_redemptions() -> None:
    op.create_table(
        "voucher_redemptions",
        sa.Column("transaction_id", TEXT, primary_key=True),
        sa.Column("account_id", TEXT, nullable=False),
        sa.Column("environment", TEXT, nullable=False),
        sa.Column("redeemed_by", TEXT, nullable=False),
        sa.Column("settle", TEXT, nullable=False),
        sa.Column("redeemed_at", BIGINT, nullable=False),
    )
    _index(
        "ix_voucher_redemptions_redeemer",
        "voucher_redemptions",
        ["redeemed_by", "environment", "transaction_id"],
    )


def _approvals() -> None:
    op.create_table(
        "approvals",
        sa.Column("id", TEXT, primary_key=True),
        sa.Column("account_id", TEXT, nullable=False),
        sa.Column("environment", TEXT, nullable=False),
        sa.Column("transaction_id", TEXT, nullable=False),
        sa.Column("requested_by", TEXT, nullable=True),
        sa.Column("status", TEXT, nullable=False),
        sa.Column("decided_by", TEXT, nullable=True),
        sa.Column("created_at", BIGINT, nullable=False),
        sa.Column("expires_at", BIGINT, nullable=False),
        sa.Column("decided_at", BIGINT, nullable=True),
        sa.Column("notified_at", BIGINT, nullable=True),
        sa.Column("reason", TEXT, nullable=False, server_default="threshold"),
    )
    _index("ix_approvals_account", "approvals", ["account_id", "environment", "id"])
    _index("ix_approvals_due", "approvals", ["expires_at"], where="status = 'pending'")
    _index(
        "ix_approvals_pending",
        "approvals",
        ["account_id", "environment", "expires_at"],
        where="status = 'pending'",
    )
    _index(
        "ix_approvals_untold",
        "approvals",
        ["account_id", "environment", "id"],
        where="status = 'pending' AND notified_at IS NULL",
    )
    _index("ux_approvals_transaction", "approvals", ["transaction_id"], unique=True)


def _redemption_batches() -> None:
    op.create_table(
        "redemption_batches",
        sa.Column("id", TEXT, primary_key=True),
        sa.Column("environment", TEXT, nullable=False),
        sa.Column("name", TEXT, nullable=False),
        sa.Column("credits_micros", BIGINT, nullable=False),
        sa.Column("code_count", BIGINT, nullable=False),
        sa.Column("uses_max", BIGINT, nullable=False),
        sa.Column("is_promotional", BIGINT, nullable=False),
        sa.Column("promotional_days", BIGINT, nullable=True),
        sa.Column("is_complete", BIGINT, nullable=False, server_default=sa.text("0")),
        sa.Column("expires_at", BIGINT, nullable=True),
        sa.Column("disabled_at", BIGINT, nullable=True),
        sa.Column("created_at", BIGINT, nullable=False),
    )
    _index("ix_redemption_batches_environment", "redemption_batches", ["environment", "id"])


def _machine_payments() -> None:
    op.create_table(
        "machine_payments",
        sa.Column("id", TEXT, primary_key=True),
        sa.Column("account_id", TEXT, nullable=False),
        sa.Column("environment", TEXT, nullable=False),
        sa.Column("spent_by", TEXT, nullable=True),
        sa.Column("protocol", TEXT, nullable=False),
        sa.Column("payment_ref", TEXT, nullable=False),
        sa.Column("identifier", TEXT, nullable=False),
        sa.Column("body_digest", TEXT, nullable=False),
        sa.Column("request", TEXT, nullable=False),
        sa.Column("network", TEXT, nullable=False),
        sa.Column("asset", TEXT, nullable=False),
        sa.Column("payer", TEXT, nullable=False),
        sa.Column("amount", TEXT, nullable=False),
        sa.Column("charged_cents", BIGINT, nullable=False),
        sa.Column("proof", TEXT, nullable=False),
        sa.Column("transaction_id", TEXT, nullable=False),
        sa.Column("expires_at", BIGINT, nullable=False),
        sa.Column("created_at", BIGINT, nullable=False),
        sa.Column("state", TEXT, nullable=False),
        sa.Column("settlement", TEXT, nullable=True),
        sa.Column("detail", TEXT, nullable=True),
        sa.Column("checks_made", BIGINT, nullable=False, server_default=sa.text("0")),
        sa.Column("is_lost", BIGINT, nullable=False, server_default=sa.text("0")),
        sa.Column("lease_until", BIGINT, nullable=True),
        sa.Column("next_check_at", BIGINT, nullable=True),
        sa.Column("refund_code", TEXT, nullable=True),
        sa.Column("refund_code_hint", TEXT, nullable=True),
        sa.Column("settled_at", BIGINT, nullable=True),
        sa.Column("ended_at", BIGINT, nullable=True),
    )
    _index("ix_machine_payments_account", "machine_payments", ["account_id", "environment", "id"])
    _index(
        "ix_machine_payments_due",
        "machine_payments",
        ["next_check_at"],
        where="next_check_at IS NOT NULL",
    )
    _index("ix_machine_payments_environment", "machine_payments", ["environment", "id"])
    _index(
        "ix_machine_payments_open",
        "machine_payments",
        ["environment", "state", "id"],
        where="ended_at IS NULL",
    )
    _index(
        "ix_machine_payments_settled",
        "machine_payments",
        ["environment", "settled_at"],
        where="settled_at IS NOT NULL",
    )
    _index(
        "ux_machine_payments_identifier",
        "machine_payments",
        ["environment", "protocol", "identifier"],
        unique=True,
    )
    _index(
        "ux_machine_payments_ref",
        "machine_payments",
        ["environment", "protocol", "payment_ref"],
        unique=True,
    )
    _index(
        "ux_machine_payments_settlement",
        "machine_payments",
        ["settlement", "environment"],
        unique=True,
        where="settled_at IS NOT NULL",
    )


def _redemption_codes() -> None:
    op.create_table(
        "redemption_codes",
        sa.Column("id", TEXT, primary_key=True),
        sa.Column("batch_id", TEXT, nullable=False),
        sa.Column("environment", TEXT, nullable=False),
        sa.Column("digest", TEXT, nullable=False),
        sa.Column("last4", TEXT, nullable=False),
        sa.Column("uses_max", BIGINT, nullable=False),
        sa.Column("used_count", BIGINT, nullable=False, server_default=sa.text("0")),
        sa.Column("disabled_at", BIGINT, nullable=True),
        sa.Column("created_at", BIGINT, nullable=False),
        sa.CheckConstraint("used_count >= 0 AND used_count <= uses_max", name="uses_in_limit"),
    )
    _index("ix_redemption_codes_batch", "redemption_codes", ["batch_id", "id"])
    _index("ix_redemption_codes_last4", "redemption_codes", ["environment", "last4", "id"])
    _index("ux_redemption_codes_digest", "redemption_codes", ["digest"], unique=True)


def _code_redemptions() -> None:
    op.create_table(
        "code_redemptions",
        sa.Column("code_id", TEXT, primary_key=True),
        sa.Column("account_id", TEXT, primary_key=True),
        sa.Column("id", TEXT, nullable=False),
        sa.Column("environment", TEXT, nullable=False),
        sa.Column("credits_micros", BIGINT, nullable=False),
        sa.Column("is_promotional", BIGINT, nullable=False),
        sa.Column("last4", TEXT, nullable=False),
        sa.Column("expires_at", BIGINT, nullable=True),
        sa.Column("created_at", BIGINT, nullable=False),
        sa.CheckConstraint("credits_micros > 0", name="redemption_positive"),
    )
    _index("ix_code_redemptions_account", "code_redemptions", ["account_id", "environment", "id"])


def _ledger_proofs() -> None:
    op.create_table(
        "ledger_proofs",
        sa.Column("id", TEXT, primary_key=True),
        sa.Column("began_at", BIGINT, nullable=False),
        sa.Column("ended_at", BIGINT, nullable=False),
        sa.Column("findings", BIGINT, nullable=False),
        sa.Column("is_full", BIGINT, nullable=True),
        sa.Column("live_day", BIGINT, nullable=True),
        sa.Column("staging_day", BIGINT, nullable=True),
    )


def _signing_keys() -> None:
    op.create_table(
        "signing_keys",
        sa.Column("kid", TEXT, primary_key=True),
        sa.Column("number", BIGINT, nullable=False),
        sa.Column("public_key", BYTES, nullable=False),
        sa.Column("created_at", BIGINT, nullable=False),
    )


def _checkpoints() -> None:
    op.create_table(
        "checkpoints",
        sa.Column("environment", TEXT, primary_key=True),
        sa.Column("day_start_at", BIGINT, primary_key=True, autoincrement=False),
        sa.Column("seed", BYTES, nullable=False),
        sa.Column("claimed_by", TEXT, nullable=True),
        sa.Column("claimed_until", BIGINT, nullable=False),
        sa.Column("size", BIGINT, nullable=True),
        sa.Column("late", BIGINT, nullable=True),
        sa.Column("root", BYTES, nullable=True),
        sa.Column("digest", BYTES, nullable=True),
        sa.Column("jws", TEXT, nullable=True),
        sa.Column("sealed_at", BIGINT, nullable=True),
    )


def _checkpoint_tiles() -> None:
    op.create_table(
        "checkpoint_tiles",
        sa.Column("environment", TEXT, primary_key=True),
        sa.Column("day_start_at", BIGINT, primary_key=True, autoincrement=False),
        sa.Column("level", BIGINT, primary_key=True, autoincrement=False),
        sa.Column("number", BIGINT, primary_key=True, autoincrement=False),
        sa.Column("first_id", TEXT, nullable=False),
        sa.Column("last_id", TEXT, nullable=False),
        sa.Column("ids", BYTES, nullable=False),
        sa.Column("hashes", BYTES, nullable=False),
        sa.Column("root", BYTES, nullable=False),
    )


def _sealed_balances() -> None:
    op.create_table(
        "sealed_balances",
        sa.Column("account_id", TEXT, primary_key=True),
        sa.Column("environment", TEXT, primary_key=True),
        sa.Column("ledger_account_id", TEXT, primary_key=True),
        sa.Column("day_start_at", BIGINT, nullable=False),
        sa.Column("debits_micros", BIGINT, nullable=False),
        sa.Column("credits_micros", BIGINT, nullable=False),
        sa.Column("before_debits_micros", BIGINT, nullable=False),
        sa.Column("before_credits_micros", BIGINT, nullable=False),
    )


def _sealed_sums() -> None:
    op.create_table(
        "sealed_sums",
        sa.Column("environment", TEXT, primary_key=True),
        sa.Column("summed_day", BIGINT, nullable=True),
        sa.Column("tiles", BIGINT, nullable=False),
    )


def _checkpoint_proofs() -> None:
    op.create_table(
        "checkpoint_proofs",
        sa.Column("environment", TEXT, primary_key=True),
        sa.Column("day_start_at", BIGINT, nullable=False),
        sa.Column("began_at", BIGINT, nullable=False),
        sa.Column("findings", BIGINT, nullable=False),
    )


def _record_marks() -> None:
    op.create_table(
        "record_marks",
        sa.Column("id", TEXT, primary_key=True),
        sa.Column("step_no", BIGINT, nullable=False),
        sa.Column("began_at", BIGINT, nullable=False),
        sa.Column("day_start_at", BIGINT, nullable=False),
        sa.Column("size", BIGINT, nullable=False),
        sa.Column("after_ids", TEXT, nullable=False),
    )


def _record_tiles() -> None:
    op.create_table(
        "record_tiles",
        sa.Column("day_start_at", BIGINT, primary_key=True, autoincrement=False),
        sa.Column("number", BIGINT, primary_key=True, autoincrement=False),
        sa.Column("first_id", TEXT, nullable=False),
        sa.Column("last_id", TEXT, nullable=False),
        sa.Column("sealed_at", BIGINT, nullable=False),
        sa.Column("root", BYTES, nullable=False),
        sa.Column("leaves", BYTES, nullable=False),
    )
    _index("ix_record_tiles_ids", "record_tiles", ["day_start_at", "last_id"])


def _record_heads() -> None:
    op.create_table(
        "record_heads",
        sa.Column("number", BIGINT, primary_key=True, autoincrement=False),
        sa.Column("day_start_at", BIGINT, nullable=False),
        sa.Column("size", BIGINT, nullable=False),
        sa.Column("root", BYTES, nullable=False),
        sa.Column("digest", BYTES, nullable=False),
        sa.Column("jws", TEXT, nullable=False),
        sa.Column("sealed_to", BIGINT, nullable=False),
        sa.Column("sealed_at", BIGINT, nullable=False),
    )
    _index("ix_record_heads_day", "record_heads", ["day_start_at", "number"])


def _record_seeds() -> None:
    op.create_table(
        "record_seeds",
        sa.Column("account_id", TEXT, primary_key=True),
        sa.Column("period", BIGINT, primary_key=True, autoincrement=False),
        sa.Column("seed", BYTES, nullable=False),
    )


def _record_waiting() -> None:
    op.create_table(
        "record_waiting",
        sa.Column("id", TEXT, primary_key=True),
        sa.Column("account_id", TEXT, nullable=False),
    )
    _index("ix_record_waiting_account", "record_waiting", ["account_id"])


def _record_removals() -> None:
    op.create_table(
        "record_removals",
        sa.Column("kind", TEXT, primary_key=True),
        sa.Column("subject", TEXT, primary_key=True),
        sa.Column("until_at", BIGINT, nullable=False),
        sa.Column("jws", TEXT, nullable=False),
    )


def _money_differences() -> None:
    op.create_table(
        "money_differences",
        sa.Column("id", TEXT, primary_key=True),
        sa.Column("account_id", TEXT, nullable=False),
        sa.Column("environment", TEXT, nullable=False),
        sa.Column("part", TEXT, nullable=False),
        sa.Column("kind", TEXT, nullable=False),
        sa.Column("subject_id", TEXT, nullable=False),
        sa.Column("expected", BIGINT, nullable=False),
        sa.Column("found", BIGINT, nullable=False),
        sa.Column("unit", TEXT, nullable=False),
        sa.Column("detail", TEXT, nullable=False),
        sa.Column("since", BIGINT, nullable=False),
        sa.Column("seen_at", BIGINT, nullable=False),
        sa.Column("closed_at", BIGINT, nullable=True),
        sa.Column("closed_by", TEXT, nullable=True),
        sa.Column("reason", TEXT, nullable=True),
    )
    _index("ix_money_differences_environment", "money_differences", ["environment", "id"])
    _index(
        "ix_money_differences_open",
        "money_differences",
        ["environment", "id"],
        where="closed_at IS NULL",
    )
    _index(
        "ux_money_differences_subject",
        "money_differences",
        ["environment", "part", "kind", "subject_id"],
        unique=True,
    )


def _reconciliation_parts() -> None:
    op.create_table(
        "reconciliation_parts",
        sa.Column("environment", TEXT, primary_key=True),
        sa.Column("part", TEXT, primary_key=True),
        sa.Column("next_at", BIGINT, nullable=False),
        sa.Column("began_at", BIGINT, nullable=True),
        sa.Column("ended_at", BIGINT, nullable=True),
        sa.Column("checked", BIGINT, nullable=False, server_default=sa.text("0")),
        sa.Column("fault", TEXT, nullable=True),
        sa.Column("mark", TEXT, nullable=True),
    )


def _events() -> None:
    op.create_table(
        "events",
        sa.Column("id", TEXT, primary_key=True),
        sa.Column("account_id", TEXT, nullable=False),
        sa.Column("environment", TEXT, nullable=False),
        sa.Column("event_no", BIGINT, nullable=False),
        sa.Column("type", TEXT, nullable=False),
        sa.Column("transaction_id", TEXT, nullable=True),
        sa.Column("is_sample", BIGINT, nullable=False, server_default=sa.text("0")),
        sa.Column("body", BYTES, nullable=False),
        sa.Column("code_at", BIGINT, nullable=True),
        sa.Column("code_sealed", TEXT, nullable=True),
        sa.Column("trace", TEXT, nullable=True),
        sa.Column("created_at", BIGINT, nullable=False),
    )
    _index(
        "ix_events_told", "events", ["created_at"], where="type IN ('balance.low', 'key.created')"
    )
    _index(
        "ix_events_transaction", "events", ["transaction_id"], where="transaction_id IS NOT NULL"
    )
    _index("ux_events_no", "events", ["account_id", "environment", "event_no"], unique=True)


def _endpoints() -> None:
    op.create_table(
        "endpoints",
        sa.Column("id", TEXT, primary_key=True),
        sa.Column("account_id", TEXT, nullable=False),
        sa.Column("environment", TEXT, nullable=False),
        sa.Column("url", TEXT, nullable=False),
        sa.Column("description", TEXT, nullable=False),
        sa.Column("events", TEXT, nullable=False),
        sa.Column("headers_sealed", BYTES, nullable=True),
        sa.Column("secret_sealed", BYTES, nullable=False),
        sa.Column("previous_secret_sealed", BYTES, nullable=True),
        sa.Column("previous_secret_until_at", BIGINT, nullable=True),
        sa.Column("signing_keys_sealed", BYTES, nullable=True),
        sa.Column("public_keys", TEXT, nullable=True),
        sa.Column("retry_schedule_s", TEXT, nullable=False),
        sa.Column("rate_limit_per_s", BIGINT, nullable=True),
        sa.Column("ordered", BIGINT, nullable=False, server_default=sa.text("0")),
        sa.Column("include_codes", BIGINT, nullable=False, server_default=sa.text("0")),
        sa.Column("had_codes", BIGINT, nullable=False, server_default=sa.text("0")),
        sa.Column("include_approval_links", BIGINT, nullable=False, server_default=sa.text("0")),
        sa.Column("had_approval_links", BIGINT, nullable=False, server_default=sa.text("0")),
        sa.Column("payload_filter", TEXT, nullable=True),
        sa.Column("rate_tat_us", BIGINT, nullable=False, server_default=sa.text("0")),
        sa.Column("drain_tat_us", BIGINT, nullable=False, server_default=sa.text("0")),
        sa.Column("status", TEXT, nullable=False),
        sa.Column("enabled_at", BIGINT, nullable=True),
        sa.Column("claimed_at", BIGINT, nullable=True),
        sa.Column("disabled_reason", TEXT, nullable=True),
        sa.Column("disabled_at", BIGINT, nullable=True),
        sa.Column("probe_at", BIGINT, nullable=True),
        sa.Column("failing_since_at", BIGINT, nullable=True),
        sa.Column("deleted_at", BIGINT, nullable=True),
        sa.Column("created_at", BIGINT, nullable=False),
        sa.Column("made_by", TEXT, nullable=True),
    )
    _index(
        "ix_endpoints_account",
        "endpoints",
        ["account_id", "environment", "id"],
        where="deleted_at IS NULL",
    )
    _index(
        "ix_endpoints_disabled",
        "endpoints",
        ["disabled_at", "id"],
        where="status = 'disabled' AND deleted_at IS NULL",
    )
    _index(
        "ix_endpoints_probe",
        "endpoints",
        ["probe_at"],
        where="status = 'disabled' AND disabled_reason = 'failing' AND deleted_at IS NULL",
    )
    _index(
        "ix_endpoints_public_keys",
        "endpoints",
        ["id"],
        where="public_keys IS NOT NULL AND deleted_at IS NULL",
    )


def _endpoint_queue() -> None:
    op.create_table(
        "endpoint_queue",
        sa.Column("endpoint_id", TEXT, primary_key=True),
        sa.Column("account_id", TEXT, nullable=False),
        sa.Column("environment", TEXT, nullable=False),
        sa.Column("ready_at", BIGINT, nullable=True),
        sa.Column("is_failing", BIGINT, nullable=False, server_default=sa.text("0")),
        sa.Column("change_no", BIGINT, nullable=False, server_default=sa.text("0")),
        sa.Column("again_no", BIGINT, nullable=False, server_default=sa.text("0")),
        sa.Column("ending_at", BIGINT, nullable=True),
        postgresql_with={"fillfactor": 70, "autovacuum_vacuum_scale_factor": 0.02},
    )
    _index(
        "ix_endpoint_queue_ending", "endpoint_queue", ["ending_at"], where="ending_at IS NOT NULL"
    )
    _index(
        "ix_endpoint_queue_ready",
        "endpoint_queue",
        ["is_failing", "ready_at", "endpoint_id"],
        where="ready_at IS NOT NULL",
    )


def _deliveries() -> None:
    op.create_table(
        "deliveries",
        sa.Column("id", TEXT, primary_key=True),
        sa.Column("event_id", TEXT, nullable=False),
        sa.Column("endpoint_id", TEXT, nullable=False),
        sa.Column("account_id", TEXT, nullable=False),
        sa.Column("environment", TEXT, nullable=False),
        sa.Column("event_type", TEXT, nullable=False),
        sa.Column("transaction_id", TEXT, nullable=True),
        sa.Column("status", TEXT, nullable=False),
        sa.Column("attempts_made", BIGINT, nullable=False),
        sa.Column("next_attempt_at", BIGINT, nullable=True),
        sa.Column("claim_no", BIGINT, nullable=False, server_default=sa.text("0")),
        sa.Column("lost_claims", BIGINT, nullable=False, server_default=sa.text("0")),
        sa.Column("replay_of", TEXT, nullable=True),
        sa.Column("replay_id", TEXT, nullable=True),
        sa.Column("code_at", BIGINT, nullable=True),
        sa.Column("due_at", BIGINT, nullable=True),
        sa.Column("object_id", TEXT, nullable=True),
        sa.Column("event_no", BIGINT, nullable=True),
        sa.Column("blocked_since_at", BIGINT, nullable=True),
        sa.Column("created_at", BIGINT, nullable=False),
        sa.Column("settled_at", BIGINT, nullable=True),
        postgresql_with={"fillfactor": 70, "autovacuum_vacuum_scale_factor": 0.02},
    )
    _index("ix_deliveries_account", "deliveries", ["account_id", "environment", "created_at", "id"])
    _index(
        "ix_deliveries_due",
        "deliveries",
        ["endpoint_id", "next_attempt_at"],
        where="status IN ('pending', 'sending')",
    )
    _index("ix_deliveries_endpoint", "deliveries", ["endpoint_id", "created_at", "id"])
    _index(
        "ix_deliveries_job",
        "deliveries",
        ["replay_id", "status", "next_attempt_at"],
        where="replay_id IS NOT NULL",
    )
    _index(
        "ix_deliveries_object",
        "deliveries",
        ["endpoint_id", "object_id", "event_no", "id"],
        where="status IN ('pending', 'sending') AND object_id IS NOT NULL",
    )
    _index(
        "ix_deliveries_object_sending",
        "deliveries",
        ["endpoint_id", "object_id"],
        where="status = 'sending' AND object_id IS NOT NULL",
    )
    _index("ix_deliveries_replays", "deliveries", ["event_id"], where="replay_of IS NOT NULL")
    _index(
        "ix_deliveries_status",
        "deliveries",
        ["account_id", "environment", "status", "created_at", "id"],
        where="status <> 'delivered'",
    )
    _index(
        "ix_deliveries_transaction",
        "deliveries",
        ["transaction_id"],
        where="transaction_id IS NOT NULL",
    )
    _index(
        "ix_deliveries_type",
        "deliveries",
        ["account_id", "environment", "event_type", "created_at", "id"],
        where="event_type <> 'topup.delivered'",
    )
    _index(
        "ux_deliveries_job",
        "deliveries",
        ["replay_id", "replay_of"],
        unique=True,
        where="replay_id IS NOT NULL",
    )


def _replays() -> None:
    op.create_table(
        "replays",
        sa.Column("id", TEXT, primary_key=True),
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
        sa.Column("queued", BIGINT, nullable=False, server_default=sa.text("0")),
        sa.Column("after_at", BIGINT, nullable=False),
        sa.Column("after_id", TEXT, nullable=False),
        sa.Column("is_queued", BIGINT, nullable=False, server_default=sa.text("0")),
        sa.Column("next_step_at", BIGINT, nullable=True),
        sa.Column("done", BIGINT, nullable=True),
        sa.Column("failed", BIGINT, nullable=True),
        sa.Column("created_at", BIGINT, nullable=False),
        sa.Column("ended_at", BIGINT, nullable=True),
        sa.Column("like_id", TEXT, nullable=True),
        sa.Column("like_status", BIGINT, nullable=True),
        sa.Column("like_error", TEXT, nullable=True),
        sa.Column("like_phrase", TEXT, nullable=True),
        sa.Column("ramp_size", BIGINT, nullable=True),
        sa.Column("ramp_at", BIGINT, nullable=True),
        sa.Column("paused_reason", TEXT, nullable=True),
    )
    _index("ix_replays_account", "replays", ["account_id", "environment", "id"])
    _index(
        "ix_replays_due",
        "replays",
        ["next_step_at"],
        where="status <> 'paused' AND next_step_at IS NOT NULL",
    )


def _attempts() -> None:
    op.create_table(
        "attempts",
        sa.Column("delivery_id", TEXT, primary_key=True),
        sa.Column("number", BIGINT, primary_key=True, autoincrement=False),
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
    )


def _notices() -> None:
    op.create_table(
        "notices",
        sa.Column("id", TEXT, primary_key=True),
        sa.Column("account_id", TEXT, nullable=False),
        sa.Column("environment", TEXT, nullable=False),
        sa.Column("endpoint_id", TEXT, nullable=False),
        sa.Column("stage", TEXT, nullable=False),
        sa.Column("reason", TEXT, nullable=True),
        sa.Column("failing_since_at", BIGINT, nullable=False),
        sa.Column("created_at", BIGINT, nullable=False),
        sa.Column("ended_at", BIGINT, nullable=True),
        sa.Column("notified_at", BIGINT, nullable=True),
        sa.Column("end_notified_at", BIGINT, nullable=True),
    )
    _index("ix_notices_account", "notices", ["account_id", "environment", "id"])
    _index(
        "ix_notices_end_untold",
        "notices",
        ["account_id", "environment"],
        where="notified_at IS NOT NULL AND ended_at IS NOT NULL AND end_notified_at IS NULL",
    )
    _index(
        "ix_notices_untold",
        "notices",
        ["account_id", "environment"],
        where="notified_at IS NULL AND ended_at IS NULL",
    )
    _index("ux_notices_stage", "notices", ["endpoint_id", "failing_since_at", "stage"], unique=True)


def _sandbox_checkouts() -> None:
    op.create_table(
        "sandbox_checkouts",
        sa.Column("token", TEXT, primary_key=True),
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
    )
    _index("ux_sandbox_checkouts_order", "sandbox_checkouts", ["order_id"], unique=True)


def _packs() -> None:
    op.create_table(
        "packs",
        sa.Column("environment", TEXT, primary_key=True),
        sa.Column("id", TEXT, primary_key=True),
        sa.Column("name", TEXT, nullable=False),
        sa.Column("amount", BIGINT, nullable=False),
        sa.Column("currency", TEXT, nullable=False),
        sa.Column("credits", BIGINT, nullable=False),
        sa.Column("bonus_credits", BIGINT, nullable=False, server_default=sa.text("0")),
        sa.Column("is_popular", BIGINT, nullable=False, server_default=sa.text("0")),
        sa.Column("is_active", BIGINT, nullable=False, server_default=sa.text("1")),
        sa.Column("position", BIGINT, nullable=False, server_default=sa.text("0")),
        sa.Column("created_at", BIGINT, nullable=False),
        sa.CheckConstraint("amount > 0 AND credits > 0", name="pack_sells_something"),
    )


def _coupons() -> None:
    op.create_table(
        "coupons",
        sa.Column("id", TEXT, primary_key=True),
        sa.Column("environment", TEXT, nullable=False),
        sa.Column("code", TEXT, nullable=False),
        sa.Column("kind", TEXT, nullable=False),
        sa.Column("percent", BIGINT, nullable=True),
        sa.Column("amount_off", BIGINT, nullable=True),
        sa.Column("currency", TEXT, nullable=True),
        sa.Column("minimum_amount", BIGINT, nullable=True),
        sa.Column("uses_max", BIGINT, nullable=True),
        sa.Column("uses_per_account", BIGINT, nullable=True),
        sa.Column("used_count", BIGINT, nullable=False, server_default=sa.text("0")),
        sa.Column("expires_at", BIGINT, nullable=True),
        sa.Column("is_active", BIGINT, nullable=False, server_default=sa.text("1")),
        sa.Column("created_at", BIGINT, nullable=False),
        sa.CheckConstraint("used_count >= 0", name="used_count_not_negative"),
    )
    _index("ix_coupons_environment", "coupons", ["environment", "id"])
    _index("ux_coupons_code", "coupons", ["environment", "code"], unique=True)


def _coupon_uses() -> None:
    op.create_table(
        "coupon_uses",
        sa.Column("coupon_id", TEXT, primary_key=True),
        sa.Column("order_id", TEXT, primary_key=True),
        sa.Column("account_id", TEXT, nullable=False),
        sa.Column("created_at", BIGINT, nullable=False),
    )
    _index("ix_coupon_uses_account", "coupon_uses", ["account_id", "coupon_id"])


def _orders() -> None:
    op.create_table(
        "orders",
        sa.Column("id", TEXT, primary_key=True),
        sa.Column("account_id", TEXT, nullable=False),
        sa.Column("environment", TEXT, nullable=False),
        sa.Column("order_no", TEXT, nullable=False),
        sa.Column("reference", TEXT, nullable=False),
        sa.Column("kind", TEXT, nullable=False),
        sa.Column("status", TEXT, nullable=False),
        sa.Column("provider", TEXT, nullable=False),
        sa.Column("is_simulated", BIGINT, nullable=False, server_default=sa.text("0")),
        sa.Column("method", TEXT, nullable=True),
        sa.Column("pack_id", TEXT, nullable=True),
        sa.Column("pack_name", TEXT, nullable=True),
        sa.Column("plan_id", TEXT, nullable=True),
        sa.Column("interval", TEXT, nullable=True),
        sa.Column("amount", BIGINT, nullable=False),
        sa.Column("currency", TEXT, nullable=False),
        sa.Column("discount", BIGINT, nullable=False, server_default=sa.text("0")),
        sa.Column("pay_amount", BIGINT, nullable=False),
        sa.Column("pay_currency", TEXT, nullable=False),
        sa.Column("credits_micros", BIGINT, nullable=False),
        sa.Column("promotional_micros", BIGINT, nullable=False, server_default=sa.text("0")),
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
        sa.Column("paid_amount", BIGINT, nullable=True),
        sa.Column("paid_currency", TEXT, nullable=True),
        sa.Column("refunded_amount", BIGINT, nullable=False, server_default=sa.text("0")),
        sa.Column("reversed_micros", BIGINT, nullable=False, server_default=sa.text("0")),
        sa.Column(
            "reversed_promotional_micros", BIGINT, nullable=False, server_default=sa.text("0")
        ),
        sa.Column("reversed_grant_micros", BIGINT, nullable=False, server_default=sa.text("0")),
        sa.Column("reason", TEXT, nullable=True),
        sa.Column("next_check_at", BIGINT, nullable=True),
        sa.Column("checks_made", BIGINT, nullable=False, server_default=sa.text("0")),
        sa.Column("created_at", BIGINT, nullable=False),
        sa.Column("expires_at", BIGINT, nullable=False),
        sa.Column("paid_at", BIGINT, nullable=True),
        sa.Column("opened_at", BIGINT, nullable=True),
        sa.Column("checked_at", BIGINT, nullable=True),
        sa.Column("answer", TEXT, nullable=True),
        sa.Column("origin", TEXT, nullable=True),
        sa.Column("saves_payment", BIGINT, nullable=False, server_default=sa.text("0")),
        sa.Column("trial_days", BIGINT, nullable=True),
        sa.Column("receipt_id", TEXT, nullable=True),
        sa.Column("noted_amount", BIGINT, nullable=False, server_default=sa.text("0")),
        sa.Column("terms", TEXT, nullable=True),
        sa.CheckConstraint(
            "promotional_micros >= 0 AND promotional_micros <= credits_micros",
            name="promotional_within_credits",
        ),
        sa.CheckConstraint(
            "reversed_micros >= 0 AND reversed_micros <= credits_micros",
            name="reversed_within_credits",
        ),
    )
    _index("ix_orders_account", "orders", ["account_id", "environment", "id"])
    _index(
        "ix_orders_approved",
        "orders",
        ["environment", "id"],
        where="paid_at IS NOT NULL AND reason IS NOT NULL",
    )
    _index(
        "ix_orders_due",
        "orders",
        ["next_check_at"],
        where="status = 'pending' AND next_check_at IS NOT NULL",
    )
    _index("ix_orders_environment", "orders", ["environment", "id"])
    _index("ix_orders_pending", "orders", ["account_id", "environment"], where="status = 'pending'")
    _index("ix_orders_reversed", "orders", ["environment", "id"], where="reversed_micros > 0")
    _index("ix_orders_review", "orders", ["environment", "id"], where="status = 'review'")
    _index(
        "ix_orders_unnoted",
        "orders",
        ["environment", "id"],
        where="CASE WHEN refunded_amount = noted_amount THEN 0 ELSE 1 END = 1",
    )
    _index(
        "ix_orders_unnumbered",
        "orders",
        ["environment", "paid_at", "id"],
        where="paid_at IS NOT NULL AND receipt_id IS NULL",
    )
    _index("ux_orders_order_no", "orders", ["order_no"], unique=True)
    _index("ux_orders_reference", "orders", ["reference"], unique=True)
    _index(
        "ux_orders_request",
        "orders",
        ["account_id", "environment", "request_digest"],
        unique=True,
        where="request_digest IS NOT NULL",
    )


def _billing_documents() -> None:
    op.create_table(
        "billing_documents",
        sa.Column("id", TEXT, primary_key=True),
        sa.Column("account_id", TEXT, nullable=False),
        sa.Column("environment", TEXT, nullable=False),
        sa.Column("kind", TEXT, nullable=False),
        sa.Column("series", TEXT, nullable=False),
        sa.Column("sequence", BIGINT, nullable=False),
        sa.Column("number", TEXT, nullable=False),
        sa.Column("subject_id", TEXT, nullable=False),
        sa.Column("order_id", TEXT, nullable=False),
        sa.Column("subscription_id", TEXT, nullable=True),
        sa.Column("amount", BIGINT, nullable=False),
        sa.Column("currency", TEXT, nullable=False),
        sa.Column("facts", TEXT, nullable=False),
        sa.Column("dated_at", BIGINT, nullable=False),
        sa.Column("created_at", BIGINT, nullable=False),
    )
    _index("ix_billing_documents_account", "billing_documents", ["account_id", "environment", "id"])
    _index("ix_billing_documents_order", "billing_documents", ["order_id", "id"])
    _index("ix_billing_documents_subject", "billing_documents", ["subject_id", "id"])
    _index(
        "ux_billing_documents_number", "billing_documents", ["environment", "number"], unique=True
    )
    _index(
        "ux_billing_documents_series",
        "billing_documents",
        ["environment", "series", "sequence"],
        unique=True,
    )


def _document_series() -> None:
    op.create_table(
        "document_series",
        sa.Column("environment", TEXT, primary_key=True),
        sa.Column("series", TEXT, primary_key=True),
        sa.Column("last_number", BIGINT, nullable=False),
    )


def _billing_details() -> None:
    op.create_table(
        "billing_details",
        sa.Column("account_id", TEXT, primary_key=True),
        sa.Column("name", TEXT, nullable=False),
        sa.Column("address", TEXT, nullable=False),
        sa.Column("tax_id", TEXT, nullable=False),
        sa.Column("updated_at", BIGINT, nullable=False),
    )


def _payment_breakdowns() -> None:
    op.create_table(
        "payment_breakdowns",
        sa.Column("provider", TEXT, primary_key=True),
        sa.Column("environment", TEXT, primary_key=True),
        sa.Column("payment_id", TEXT, primary_key=True),
        sa.Column("breakdown", TEXT, nullable=False),
        sa.Column("created_at", BIGINT, nullable=False),
    )


def _payment_fees() -> None:
    op.create_table(
        "payment_fees",
        sa.Column("owner_id", TEXT, primary_key=True),
        sa.Column("account_id", TEXT, nullable=False),
        sa.Column("environment", TEXT, nullable=False),
        sa.Column("provider", TEXT, nullable=False),
        sa.Column("payment_id", TEXT, nullable=False),
        sa.Column("amount", BIGINT, nullable=False),
        sa.Column("currency", TEXT, nullable=False),
        sa.Column("paid_at", BIGINT, nullable=False),
        sa.Column("recorded_at", BIGINT, nullable=False),
    )
    _index("ix_payment_fees_account", "payment_fees", ["account_id"])
    _index("ix_payment_fees_paid", "payment_fees", ["environment", "paid_at"])


def _provider_objects() -> None:
    op.create_table(
        "provider_objects",
        sa.Column("provider", TEXT, primary_key=True),
        sa.Column("environment", TEXT, primary_key=True),
        sa.Column("object_id", TEXT, primary_key=True),
        sa.Column("account_id", TEXT, nullable=False),
        sa.Column("order_id", TEXT, nullable=True),
        sa.Column("created_at", BIGINT, nullable=False),
    )
    _index("ix_provider_objects_order", "provider_objects", ["order_id"])


def _order_reversals() -> None:
    op.create_table(
        "order_reversals",
        sa.Column("order_id", TEXT, primary_key=True),
        sa.Column("key", TEXT, primary_key=True),
        sa.Column("account_id", TEXT, nullable=False),
        sa.Column("environment", TEXT, nullable=False),
        sa.Column("kind", TEXT, nullable=False),
        sa.Column("amount", BIGINT, nullable=False),
        sa.Column("status", TEXT, nullable=False),
        sa.Column("created_at", BIGINT, nullable=False),
    )


def _uncredited_payments() -> None:
    op.create_table(
        "uncredited_payments",
        sa.Column("id", TEXT, primary_key=True),
        sa.Column("account_id", TEXT, nullable=False),
        sa.Column("environment", TEXT, nullable=False),
        sa.Column("order_id", TEXT, nullable=False),
        sa.Column("provider", TEXT, nullable=False),
        sa.Column("payment_ref", TEXT, nullable=False),
        sa.Column("amount", BIGINT, nullable=False),
        sa.Column("currency", TEXT, nullable=False),
        sa.Column("refunded_amount", BIGINT, nullable=False, server_default=sa.text("0")),
        sa.Column("created_at", BIGINT, nullable=False),
        sa.Column("closed_at", BIGINT, nullable=True),
    )
    _index("ix_uncredited_payments_order", "uncredited_payments", ["order_id"])
    _index(
        "uq_uncredited_payments_ref",
        "uncredited_payments",
        ["provider", "environment", "payment_ref"],
        unique=True,
    )


def _uncredited_reversals() -> None:
    op.create_table(
        "uncredited_reversals",
        sa.Column("payment_id", TEXT, primary_key=True),
        sa.Column("key", TEXT, primary_key=True),
        sa.Column("account_id", TEXT, nullable=False),
        sa.Column("environment", TEXT, nullable=False),
        sa.Column("kind", TEXT, nullable=False),
        sa.Column("amount", BIGINT, nullable=False),
        sa.Column("status", TEXT, nullable=False),
        sa.Column("created_at", BIGINT, nullable=False),
    )


def _refunds() -> None:
    op.create_table(
        "refunds",
        sa.Column("id", TEXT, primary_key=True),
        sa.Column("account_id", TEXT, nullable=False),
        sa.Column("environment", TEXT, nullable=False),
        sa.Column("order_id", TEXT, nullable=False),
        sa.Column("owner_id", TEXT, nullable=False),
        sa.Column("period_start_at", BIGINT, nullable=True),
        sa.Column("provider", TEXT, nullable=False),
        sa.Column("payment_ref", TEXT, nullable=False),
        sa.Column("status", TEXT, nullable=False),
        sa.Column("amount", BIGINT, nullable=False),
        sa.Column("currency", TEXT, nullable=False),
        sa.Column("reason", TEXT, nullable=False),
        sa.Column("is_named", BIGINT, nullable=False, server_default=sa.text("1")),
        sa.Column("is_made_at_provider", BIGINT, nullable=False, server_default=sa.text("0")),
        sa.Column("held_micros", BIGINT, nullable=False, server_default=sa.text("0")),
        sa.Column("held_grant_micros", BIGINT, nullable=False, server_default=sa.text("0")),
        sa.Column("provider_refund_id", TEXT, nullable=True),
        sa.Column("detail", TEXT, nullable=True),
        sa.Column("requested_by", TEXT, nullable=True),
        sa.Column("checks_made", BIGINT, nullable=False, server_default=sa.text("0")),
        sa.Column("requested_at", BIGINT, nullable=True),
        sa.Column("next_check_at", BIGINT, nullable=True),
        sa.Column("created_at", BIGINT, nullable=False),
        sa.Column("ended_at", BIGINT, nullable=True),
        sa.Column("lease_until", BIGINT, nullable=True),
    )
    _index("ix_refunds_account", "refunds", ["account_id", "environment", "id"])
    _index("ix_refunds_due", "refunds", ["next_check_at"], where="next_check_at IS NOT NULL")
    _index("ix_refunds_order", "refunds", ["order_id"])
    _index("ix_refunds_owner", "refunds", ["owner_id"])
    _index("uq_refunds_open", "refunds", ["owner_id"], unique=True, where="ended_at IS NULL")


def _disputes() -> None:
    op.create_table(
        "disputes",
        sa.Column("provider", TEXT, primary_key=True),
        sa.Column("environment", TEXT, primary_key=True),
        sa.Column("id", TEXT, primary_key=True),
        sa.Column("account_id", TEXT, nullable=True),
        sa.Column("order_id", TEXT, nullable=True),
        sa.Column("amount", BIGINT, nullable=False),
        sa.Column("currency", TEXT, nullable=False),
        sa.Column("status", TEXT, nullable=False),
        sa.Column("reason", TEXT, nullable=False),
        sa.Column("is_inquiry", BIGINT, nullable=False, server_default=sa.text("0")),
        sa.Column("due_at", BIGINT, nullable=True),
        sa.Column("page_url", TEXT, nullable=True),
        sa.Column("created_at", BIGINT, nullable=False),
        sa.Column("reported_at", BIGINT, nullable=False),
        sa.Column("ended_at", BIGINT, nullable=True),
    )
    _index("ix_disputes_account", "disputes", ["account_id"])
    _index("ix_disputes_open", "disputes", ["environment", "due_at"], where="ended_at IS NULL")
    _index("ix_disputes_order", "disputes", ["order_id"])


def _provider_events() -> None:
    op.create_table(
        "provider_events",
        sa.Column("provider", TEXT, primary_key=True),
        sa.Column("environment", TEXT, primary_key=True),
        sa.Column("event_id", TEXT, primary_key=True),
        sa.Column("type", TEXT, nullable=False),
        sa.Column("account_id", TEXT, nullable=True),
        sa.Column("order_id", TEXT, nullable=True),
        sa.Column("outcome", TEXT, nullable=False),
        sa.Column("detail", TEXT, nullable=False),
        sa.Column("reason", TEXT, nullable=True),
        sa.Column("expected", TEXT, nullable=True),
        sa.Column("came", TEXT, nullable=True),
        sa.Column("received_at", BIGINT, nullable=False),
        sa.Column("resolved_at", BIGINT, nullable=True),
        sa.Column("payment_ref", TEXT, nullable=True),
    )
    _index(
        "ix_provider_events_open",
        "provider_events",
        ["environment", "received_at"],
        where="outcome IN ('review', 'refused') AND resolved_at IS NULL",
    )
    _index(
        "ix_provider_events_order", "provider_events", ["order_id"], where="order_id IS NOT NULL"
    )
    _index("ix_provider_events_received", "provider_events", ["environment", "received_at"])


def _plans() -> None:
    op.create_table(
        "plans",
        sa.Column("environment", TEXT, primary_key=True),
        sa.Column("id", TEXT, primary_key=True),
        sa.Column("name", TEXT, nullable=False),
        sa.Column("description", TEXT, nullable=False),
        sa.Column("price_monthly", BIGINT, nullable=False),
        sa.Column("price_yearly", BIGINT, nullable=True),
        sa.Column("currency", TEXT, nullable=False),
        sa.Column("credits_included", BIGINT, nullable=False),
        sa.Column("trial_days", BIGINT, nullable=False, server_default=sa.text("0")),
        sa.Column("trial_credits", BIGINT, nullable=False, server_default=sa.text("0")),
        sa.Column("features", TEXT, nullable=False),
        sa.Column("stripe_price_id_monthly", TEXT, nullable=True),
        sa.Column("stripe_price_id_yearly", TEXT, nullable=True),
        sa.Column("creem_product_id", TEXT, nullable=True),
        sa.Column("creem_product_id_yearly", TEXT, nullable=True),
        sa.Column("is_active", BIGINT, nullable=False, server_default=sa.text("1")),
        sa.Column("position", BIGINT, nullable=False, server_default=sa.text("0")),
        sa.Column("created_at", BIGINT, nullable=False),
        sa.Column("grant_terms", TEXT, nullable=True),
        sa.CheckConstraint(
            "price_monthly > 0 AND credits_included > 0", name="plan_sells_something"
        ),
    )


def _plan_products() -> None:
    op.create_table(
        "plan_products",
        sa.Column("environment", TEXT, primary_key=True),
        sa.Column("plan_id", TEXT, primary_key=True),
        sa.Column("provider", TEXT, primary_key=True),
        sa.Column("interval", TEXT, primary_key=True),
        sa.Column("ref", TEXT, nullable=False),
    )


def _subscriptions() -> None:
    op.create_table(
        "subscriptions",
        sa.Column("id", TEXT, primary_key=True),
        sa.Column("account_id", TEXT, nullable=False),
        sa.Column("environment", TEXT, nullable=False),
        sa.Column("order_id", TEXT, nullable=False),
        sa.Column("provider", TEXT, nullable=False),
        sa.Column("is_simulated", BIGINT, nullable=False, server_default=sa.text("0")),
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
        sa.Column("next_interval", TEXT, nullable=True),
        sa.Column("next_amount", BIGINT, nullable=True),
        sa.Column("trial_days", BIGINT, nullable=False, server_default=sa.text("0")),
        sa.Column("trial_micros", BIGINT, nullable=False, server_default=sa.text("0")),
        sa.Column("trial_ends_at", BIGINT, nullable=True),
        sa.Column("carried_amount", BIGINT, nullable=False, server_default=sa.text("0")),
        sa.Column("carried_before", BIGINT, nullable=True),
        sa.Column("is_ending", BIGINT, nullable=False, server_default=sa.text("0")),
        sa.Column("reported_at", BIGINT, nullable=True),
        sa.Column("paid_until_at", BIGINT, nullable=True),
        sa.Column("due_at", BIGINT, nullable=True),
        sa.Column("created_at", BIGINT, nullable=False),
        sa.Column("ended_at", BIGINT, nullable=True),
        sa.Column("grant_terms", TEXT, nullable=True),
        sa.Column("charge_at", BIGINT, nullable=True),
        sa.Column("paused_at", BIGINT, nullable=True),
        sa.Column("resumes_at", BIGINT, nullable=True),
        sa.Column("next_check_at", BIGINT, nullable=True),
        sa.CheckConstraint("first_amount <= amount", name="first_amount_within_amount"),
    )
    _index("ix_subscriptions_account", "subscriptions", ["account_id", "environment", "id"])
    _index(
        "ix_subscriptions_check",
        "subscriptions",
        ["next_check_at"],
        where="next_check_at IS NOT NULL",
    )
    _index("ix_subscriptions_due", "subscriptions", ["due_at"], where="due_at IS NOT NULL")
    _index("ux_subscriptions_order", "subscriptions", ["order_id"], unique=True)


def _subscription_periods() -> None:
    op.create_table(
        "subscription_periods",
        sa.Column("subscription_id", TEXT, primary_key=True),
        sa.Column("period_start_at", BIGINT, primary_key=True, autoincrement=False),
        sa.Column("id", TEXT, nullable=False),
        sa.Column("account_id", TEXT, nullable=False),
        sa.Column("environment", TEXT, nullable=False),
        sa.Column("period_end_at", BIGINT, nullable=False),
        sa.Column("invoice_id", TEXT, nullable=False),
        sa.Column("plan_id", TEXT, nullable=False),
        sa.Column("amount", BIGINT, nullable=False),
        sa.Column("currency", TEXT, nullable=False),
        sa.Column("credits_micros", BIGINT, nullable=False),
        sa.Column("is_prorated", BIGINT, nullable=False, server_default=sa.text("0")),
        sa.Column("refunded_amount", BIGINT, nullable=False, server_default=sa.text("0")),
        sa.Column("reversed_micros", BIGINT, nullable=False, server_default=sa.text("0")),
        sa.Column("created_at", BIGINT, nullable=False),
        sa.Column("receipt_id", TEXT, nullable=True),
        sa.Column("noted_amount", BIGINT, nullable=False, server_default=sa.text("0")),
        sa.Column("prorated_amount", BIGINT, nullable=True),
        sa.Column("plan_amount", BIGINT, nullable=True),
        sa.Column("plan_micros", BIGINT, nullable=True),
        sa.Column("corrected_micros", BIGINT, nullable=False, server_default=sa.text("0")),
        sa.Column("comp_reason", TEXT, nullable=True),
        sa.Column("comp_by", TEXT, nullable=True),
        sa.Column("comp_ended_at", BIGINT, nullable=True),
        sa.CheckConstraint(
            "reversed_micros >= 0 AND reversed_micros <= credits_micros",
            name="period_reversed_within_credits",
        ),
    )
    _index("ix_subscription_periods_account", "subscription_periods", ["account_id", "environment"])
    _index(
        "ix_subscription_periods_unnoted",
        "subscription_periods",
        ["environment", "id"],
        where="CASE WHEN refunded_amount = noted_amount THEN 0 ELSE 1 END = 1",
    )
    _index(
        "ix_subscription_periods_unnumbered",
        "subscription_periods",
        ["environment", "created_at", "id"],
        where="receipt_id IS NULL",
    )
    _index("ux_subscription_periods_id", "subscription_periods", ["id"], unique=True)


def _subscription_steers() -> None:
    op.create_table(
        "subscription_steers",
        sa.Column("id", TEXT, primary_key=True),
        sa.Column("subscription_id", TEXT, nullable=False),
        sa.Column("account_id", TEXT, nullable=False),
        sa.Column("environment", TEXT, nullable=False),
        sa.Column("act", TEXT, nullable=False),
        sa.Column("plan_id", TEXT, nullable=True),
        sa.Column("interval", TEXT, nullable=True),
        sa.Column("product_ref", TEXT, nullable=True),
        sa.Column("amount", BIGINT, nullable=True),
        sa.Column("is_charged_now", BIGINT, nullable=False, server_default=sa.text("0")),
        sa.Column("status", TEXT, nullable=False),
        sa.Column("requested_by", TEXT, nullable=False),
        sa.Column("reason", TEXT, nullable=True),
        sa.Column("attempts", BIGINT, nullable=False, server_default=sa.text("0")),
        sa.Column("next_attempt_at", BIGINT, nullable=True),
        sa.Column("created_at", BIGINT, nullable=False),
        sa.Column("ended_at", BIGINT, nullable=True),
        sa.Column("resumes_at", BIGINT, nullable=True),
    )
    _index("ix_subscription_steers_account", "subscription_steers", ["account_id", "environment"])
    _index(
        "ix_subscription_steers_due",
        "subscription_steers",
        ["next_attempt_at"],
        where="next_attempt_at IS NOT NULL",
    )
    _index(
        "ux_subscription_steers_open",
        "subscription_steers",
        ["subscription_id"],
        unique=True,
        where="ended_at IS NULL",
    )


def _owner_mails() -> None:
    op.create_table(
        "owner_mails",
        sa.Column("id", TEXT, primary_key=True),
        sa.Column("account_id", TEXT, nullable=False),
        sa.Column("environment", TEXT, nullable=False),
        sa.Column("kind", TEXT, nullable=False),
        sa.Column("subscription_id", TEXT, nullable=False),
        sa.Column("status", TEXT, nullable=False),
        sa.Column("attempts", BIGINT, nullable=False, server_default=sa.text("0")),
        sa.Column("next_attempt_at", BIGINT, nullable=True),
        sa.Column("reason", TEXT, nullable=True),
        sa.Column("created_at", BIGINT, nullable=False),
        sa.Column("ended_at", BIGINT, nullable=True),
        sa.Column("about", TEXT, nullable=True),
        sa.Column("next_receipt_at", BIGINT, nullable=True),
        sa.Column("next_approval_at", BIGINT, nullable=True),
        sa.Column("next_invitation_at", BIGINT, nullable=True),
        sa.Column("next_notice_at", BIGINT, nullable=True),
        sa.Column("member_id", TEXT, nullable=True),
    )
    _index("ix_owner_mails_account", "owner_mails", ["account_id", "environment", "id"])
    _index(
        "ix_owner_mails_approvals_due",
        "owner_mails",
        ["next_approval_at"],
        where="next_approval_at IS NOT NULL",
    )
    _index(
        "ix_owner_mails_due",
        "owner_mails",
        ["next_attempt_at"],
        where="next_attempt_at IS NOT NULL",
    )
    _index(
        "ix_owner_mails_invitations_due",
        "owner_mails",
        ["next_invitation_at"],
        where="next_invitation_at IS NOT NULL",
    )
    _index(
        "ix_owner_mails_notices_due",
        "owner_mails",
        ["next_notice_at"],
        where="next_notice_at IS NOT NULL",
    )
    _index(
        "ix_owner_mails_receipts_due",
        "owner_mails",
        ["next_receipt_at"],
        where="next_receipt_at IS NOT NULL",
    )


def _notification_turns() -> None:
    op.create_table(
        "notification_turns",
        sa.Column("account_id", TEXT, primary_key=True),
        sa.Column("environment", TEXT, primary_key=True),
        sa.Column("kind", TEXT, primary_key=True),
        sa.Column("notified_no", BIGINT, nullable=False, server_default=sa.text("0")),
        sa.Column("written_at", BIGINT, nullable=True),
    )


def _held_invoices() -> None:
    op.create_table(
        "held_invoices",
        sa.Column("provider", TEXT, primary_key=True),
        sa.Column("environment", TEXT, primary_key=True),
        sa.Column("invoice_id", TEXT, primary_key=True),
        sa.Column("account_id", TEXT, nullable=False),
        sa.Column("subscription_id", TEXT, nullable=False),
        sa.Column("provider_ref", TEXT, nullable=False),
        sa.Column("customer_ref", TEXT, nullable=True),
        sa.Column("product_ref", TEXT, nullable=True),
        sa.Column("period_start_at", BIGINT, nullable=False),
        sa.Column("period_end_at", BIGINT, nullable=False),
        sa.Column("amount", BIGINT, nullable=False),
        sa.Column("paid_amount", BIGINT, nullable=False),
        sa.Column("currency", TEXT, nullable=False),
        sa.Column("plan_id", TEXT, nullable=False),
        sa.Column("price_amount", BIGINT, nullable=False),
        sa.Column("price_currency", TEXT, nullable=False),
        sa.Column("credits_micros", BIGINT, nullable=False),
        sa.Column("created_at", BIGINT, nullable=False),
        sa.Column("resolved_at", BIGINT, nullable=True),
    )
    _index("ix_held_invoices_subscription", "held_invoices", ["subscription_id"])


def _plan_grants() -> None:
    op.create_table(
        "plan_grants",
        sa.Column("id", TEXT, primary_key=True),
        sa.Column("account_id", TEXT, nullable=False),
        sa.Column("environment", TEXT, nullable=False),
        sa.Column("subscription_id", TEXT, nullable=False),
        sa.Column("period_id", TEXT, nullable=False),
        sa.Column("plan_id", TEXT, nullable=False),
        sa.Column("kind", TEXT, nullable=False),
        sa.Column("expires", TEXT, nullable=False),
        sa.Column("starts_at", BIGINT, nullable=False),
        sa.Column("ends_at", BIGINT, nullable=False),
        sa.Column("due_at", BIGINT, nullable=True),
        sa.Column("granted_at", BIGINT, nullable=True),
        sa.Column("expires_at", BIGINT, nullable=True),
        sa.Column("credits_micros", BIGINT, nullable=False),
        sa.Column("granted_micros", BIGINT, nullable=False, server_default=sa.text("0")),
        sa.Column("debt_micros", BIGINT, nullable=False, server_default=sa.text("0")),
        sa.Column("expired_micros", BIGINT, nullable=False, server_default=sa.text("0")),
        sa.Column("rolled_micros", BIGINT, nullable=False, server_default=sa.text("0")),
        sa.Column("reversed_micros", BIGINT, nullable=False, server_default=sa.text("0")),
        sa.Column("reversed_expired_micros", BIGINT, nullable=False, server_default=sa.text("0")),
        sa.Column("created_at", BIGINT, nullable=False),
        sa.Column("unreported_micros", BIGINT, nullable=False, server_default=sa.text("0")),
        sa.CheckConstraint(
            "granted_micros >= 0 AND granted_micros <= credits_micros", name="given_within_credits"
        ),
        sa.CheckConstraint(
            "expired_micros >= 0 AND rolled_micros >= 0 AND reversed_micros >= 0 AND reversed_expired_micros >= 0",
            name="grant_amounts_not_negative",
        ),
    )
    _index("ix_plan_grants_account", "plan_grants", ["account_id", "environment", "id"])
    _index("ix_plan_grants_due", "plan_grants", ["due_at"], where="due_at IS NOT NULL")
    _index("ix_plan_grants_subscription", "plan_grants", ["subscription_id", "id"])


def _expiry_notices() -> None:
    op.create_table(
        "expiry_notices",
        sa.Column("ledger_account_id", TEXT, primary_key=True),
        sa.Column("days_before", BIGINT, primary_key=True, autoincrement=False),
        sa.Column("account_id", TEXT, nullable=False),
        sa.Column("environment", TEXT, nullable=False),
        sa.Column("created_at", BIGINT, nullable=False),
    )
    _index("ix_expiry_notices_account", "expiry_notices", ["account_id", "environment"])


def _credit_adjustments() -> None:
    op.create_table(
        "credit_adjustments",
        sa.Column("id", TEXT, primary_key=True),
        sa.Column("account_id", TEXT, nullable=False),
        sa.Column("environment", TEXT, nullable=False),
        sa.Column("credits", BIGINT, nullable=False),
        sa.Column("reason", TEXT, nullable=False),
        sa.Column("is_promotional", BIGINT, nullable=False),
        sa.Column("expires_at", BIGINT, nullable=True),
        sa.Column("created_at", BIGINT, nullable=False),
    )
    _index(
        "ix_credit_adjustments_account", "credit_adjustments", ["account_id", "environment", "id"]
    )


def _entitlement_counts() -> None:
    op.create_table(
        "entitlement_counts",
        sa.Column("account_id", TEXT, primary_key=True),
        sa.Column("environment", TEXT, primary_key=True),
        sa.Column("name", TEXT, primary_key=True),
        sa.Column("window_start_at", BIGINT, nullable=False),
        sa.Column("used", BIGINT, nullable=False),
        sa.CheckConstraint("used >= 0", name="used_not_negative"),
    )


def _entitlement_uses() -> None:
    op.create_table(
        "entitlement_uses",
        sa.Column("account_id", TEXT, primary_key=True),
        sa.Column("environment", TEXT, primary_key=True),
        sa.Column("reference", TEXT, primary_key=True),
        sa.Column("name", TEXT, nullable=False),
        sa.Column("count", BIGINT, nullable=False),
        sa.Column("key_id", TEXT, nullable=True),
        sa.Column("created_at", BIGINT, nullable=False),
    )
    _index("ix_entitlement_uses_created", "entitlement_uses", ["environment", "created_at"])


def _period_reversals() -> None:
    op.create_table(
        "period_reversals",
        sa.Column("period_id", TEXT, primary_key=True),
        sa.Column("key", TEXT, primary_key=True),
        sa.Column("account_id", TEXT, nullable=False),
        sa.Column("environment", TEXT, nullable=False),
        sa.Column("kind", TEXT, nullable=False),
        sa.Column("amount", BIGINT, nullable=False),
        sa.Column("status", TEXT, nullable=False),
        sa.Column("created_at", BIGINT, nullable=False),
    )


def _subscription_objects() -> None:
    op.create_table(
        "subscription_objects",
        sa.Column("provider", TEXT, primary_key=True),
        sa.Column("environment", TEXT, primary_key=True),
        sa.Column("object_id", TEXT, primary_key=True),
        sa.Column("account_id", TEXT, nullable=False),
        sa.Column("subscription_id", TEXT, nullable=False),
        sa.Column("period_start_at", BIGINT, nullable=False),
        sa.Column("created_at", BIGINT, nullable=False),
    )
    _index("ix_subscription_objects_subscription", "subscription_objects", ["subscription_id"])


def _provider_customers() -> None:
    op.create_table(
        "provider_customers",
        sa.Column("account_id", TEXT, primary_key=True),
        sa.Column("environment", TEXT, primary_key=True),
        sa.Column("provider", TEXT, primary_key=True),
        sa.Column("customer_ref", TEXT, nullable=False),
        sa.Column("updated_at", BIGINT, nullable=False),
    )


def _forgotten_customers() -> None:
    op.create_table(
        "forgotten_customers",
        sa.Column("provider", TEXT, primary_key=True),
        sa.Column("environment", TEXT, primary_key=True),
        sa.Column("customer_ref", TEXT, primary_key=True),
        sa.Column("attempts", BIGINT, nullable=False, server_default=sa.text("0")),
        sa.Column("next_attempt_at", BIGINT, nullable=False),
        sa.Column("last_error", TEXT, nullable=True),
        sa.Column("created_at", BIGINT, nullable=False),
    )
    _index("ix_forgotten_customers_due", "forgotten_customers", ["next_attempt_at"])


def _recharges() -> None:
    op.create_table(
        "recharges",
        sa.Column("account_id", TEXT, primary_key=True),
        sa.Column("environment", TEXT, primary_key=True),
        sa.Column("provider", TEXT, nullable=False),
        sa.Column("is_simulated", BIGINT, nullable=False, server_default=sa.text("0")),
        sa.Column("customer_ref", TEXT, nullable=False),
        sa.Column("method_ref", TEXT, nullable=False),
        sa.Column("brand", TEXT, nullable=False),
        sa.Column("last4", TEXT, nullable=False),
        sa.Column("below_cents", BIGINT, nullable=False),
        sa.Column("amount_cents", BIGINT, nullable=False),
        sa.Column("monthly_max_cents", BIGINT, nullable=False),
        sa.Column("failures", BIGINT, nullable=False, server_default=sa.text("0")),
        sa.Column("disabled_reason", TEXT, nullable=True),
        sa.Column("retry_at", BIGINT, nullable=True),
        sa.Column("changed_at", BIGINT, nullable=False),
    )
    _index("ix_recharges_retry", "recharges", ["retry_at"], where="retry_at IS NOT NULL")


def _recharge_charges() -> None:
    op.create_table(
        "recharge_charges",
        sa.Column("order_id", TEXT, primary_key=True),
        sa.Column("account_id", TEXT, nullable=False),
        sa.Column("environment", TEXT, nullable=False),
        sa.Column("month", TEXT, nullable=False),
        sa.Column("amount_cents", BIGINT, nullable=False),
        sa.Column("customer_ref", TEXT, nullable=False),
        sa.Column("method_ref", TEXT, nullable=False),
        sa.Column("method", TEXT, nullable=False),
        sa.Column("sent_at", BIGINT, nullable=True),
        sa.Column("next_at", BIGINT, nullable=True),
        sa.Column("asked", BIGINT, nullable=False, server_default=sa.text("0")),
        sa.Column("is_counted", BIGINT, nullable=False, server_default=sa.text("1")),
        sa.Column("reason", TEXT, nullable=True),
        sa.Column("url", TEXT, nullable=True),
        sa.Column("disputed_at", BIGINT, nullable=True),
        sa.Column("created_at", BIGINT, nullable=False),
    )
    _index("ix_recharge_charges_due", "recharge_charges", ["next_at"], where="next_at IS NOT NULL")
    _index("ix_recharge_charges_month", "recharge_charges", ["account_id", "environment", "month"])


def _sandbox_cards() -> None:
    op.create_table(
        "sandbox_cards",
        sa.Column("ref", TEXT, primary_key=True),
        sa.Column("account_id", TEXT, nullable=False),
        sa.Column("environment", TEXT, nullable=False),
        sa.Column("provider", TEXT, nullable=False),
        sa.Column("token", TEXT, nullable=False),
        sa.Column("card", TEXT, nullable=True),
        sa.Column("success_url", TEXT, nullable=False),
        sa.Column("created_at", BIGINT, nullable=False),
        sa.Column("removed_at", BIGINT, nullable=True),
    )
    _index("ix_sandbox_cards_account", "sandbox_cards", ["account_id", "environment"])
    _index("ux_sandbox_cards_token", "sandbox_cards", ["token"], unique=True)


def _sandbox_charges() -> None:
    op.create_table(
        "sandbox_charges",
        sa.Column("order_id", TEXT, primary_key=True),
        sa.Column("account_id", TEXT, nullable=False),
        sa.Column("environment", TEXT, nullable=False),
        sa.Column("ref", TEXT, nullable=False),
        sa.Column("outcome", TEXT, nullable=False),
        sa.Column("created_at", BIGINT, nullable=False),
    )


def _provider_links() -> None:
    op.create_table(
        "provider_links",
        sa.Column("provider", TEXT, primary_key=True),
        sa.Column("environment", TEXT, primary_key=True),
        sa.Column("object_id", TEXT, primary_key=True),
        sa.Column("linked_id", TEXT, nullable=False),
        sa.Column("created_at", BIGINT, nullable=False),
    )
    _index("ix_provider_links_linked", "provider_links", ["provider", "environment", "linked_id"])


def _provider_strays() -> None:
    op.create_table(
        "provider_strays",
        sa.Column("provider", TEXT, primary_key=True),
        sa.Column("environment", TEXT, primary_key=True),
        sa.Column("object_id", TEXT, primary_key=True),
        sa.Column("key", TEXT, primary_key=True),
        sa.Column("kind", TEXT, primary_key=True),
        sa.Column("account_id", TEXT, nullable=True),
        sa.Column("amount", BIGINT, nullable=False),
        sa.Column("currency", TEXT, nullable=False),
        sa.Column("is_won", BIGINT, nullable=False, server_default=sa.text("0")),
        sa.Column("created_at", BIGINT, nullable=False),
    )


def _sandbox_subscriptions() -> None:
    op.create_table(
        "sandbox_subscriptions",
        sa.Column("ref", TEXT, primary_key=True),
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
        sa.Column("trial_days", BIGINT, nullable=False, server_default=sa.text("0")),
        sa.Column("next_product_ref", TEXT, nullable=True),
        sa.Column("next_interval", TEXT, nullable=True),
        sa.Column("next_amount", BIGINT, nullable=True),
        sa.Column("is_ending", BIGINT, nullable=False, server_default=sa.text("0")),
        sa.Column("is_declining", BIGINT, nullable=False, server_default=sa.text("0")),
        sa.Column("number", BIGINT, nullable=False, server_default=sa.text("0")),
        sa.Column("attempts", BIGINT, nullable=False, server_default=sa.text("0")),
        sa.Column("anchor_at", BIGINT, nullable=False),
        sa.Column("cycle", BIGINT, nullable=False, server_default=sa.text("0")),
        sa.Column("next_at", BIGINT, nullable=True),
        sa.Column("created_at", BIGINT, nullable=False),
        sa.Column("paused_at", BIGINT, nullable=True),
        sa.Column("resumes_at", BIGINT, nullable=True),
    )
    _index(
        "ix_sandbox_subscriptions_account", "sandbox_subscriptions", ["account_id", "environment"]
    )
    _index(
        "ix_sandbox_subscriptions_next",
        "sandbox_subscriptions",
        ["next_at"],
        where="next_at IS NOT NULL",
    )
    _index("ux_sandbox_subscriptions_order", "sandbox_subscriptions", ["order_id"], unique=True)
    _index("ux_sandbox_subscriptions_token", "sandbox_subscriptions", ["token"], unique=True)


def _audit_log() -> None:
    op.create_table(
        "audit_log",
        sa.Column("id", TEXT, primary_key=True),
        sa.Column("environment", TEXT, nullable=False),
        sa.Column("account_id", TEXT, nullable=True),
        sa.Column("actor", TEXT, nullable=False),
        sa.Column("actor_account_id", TEXT, nullable=True),
        sa.Column("action", TEXT, nullable=False),
        sa.Column("subject_id", TEXT, nullable=False),
        sa.Column("before", TEXT, nullable=True),
        sa.Column("after", TEXT, nullable=True),
        sa.Column("reason", TEXT, nullable=True),
        sa.Column("is_security", BIGINT, nullable=False, server_default=sa.text("0")),
        sa.Column("actor_kind", TEXT, nullable=True),
        sa.Column("address", TEXT, nullable=True),
        sa.Column("user_agent", TEXT, nullable=True),
        sa.Column("outcome", TEXT, nullable=False, server_default="done"),
        sa.Column("created_at", BIGINT, nullable=False),
    )
    _index(
        "ix_audit_log_account", "audit_log", ["account_id", "id"], where="account_id IS NOT NULL"
    )
    _index("ix_audit_log_environment", "audit_log", ["environment", "id"])
    _index(
        "ix_audit_log_operators",
        "audit_log",
        ["id"],
        where="is_security = 0 OR actor_kind IN ('operator', 'cli')",
    )
    _index("ix_audit_log_retention", "audit_log", ["created_at"], where="is_security = 1")
    _index("ix_audit_log_security", "audit_log", ["account_id", "id"], where="is_security = 1")


def _price_lists() -> None:
    op.create_table(
        "price_lists",
        sa.Column("environment", TEXT, primary_key=True),
        sa.Column("version", BIGINT, nullable=False),
    )


def _usage_prices() -> None:
    op.create_table(
        "usage_prices",
        sa.Column("environment", TEXT, primary_key=True),
        sa.Column("model", TEXT, primary_key=True),
        sa.Column("version", BIGINT, primary_key=True, autoincrement=False),
        sa.Column("input_micros", BIGINT, nullable=True),
        sa.Column("output_micros", BIGINT, nullable=True),
        sa.Column("cached_micros", BIGINT, nullable=True),
        sa.Column("changed_by", TEXT, nullable=False),
        sa.Column("changed_at", BIGINT, nullable=False),
    )


def _usage_days() -> None:
    op.create_table(
        "usage_days",
        sa.Column("account_id", TEXT, primary_key=True),
        sa.Column("environment", TEXT, primary_key=True),
        sa.Column("day_start_at", BIGINT, primary_key=True, autoincrement=False),
        sa.Column("key_id", TEXT, primary_key=True),
        sa.Column("app_id", TEXT, primary_key=True),
        sa.Column("model", TEXT, primary_key=True),
        sa.Column("records", BIGINT, nullable=False),
        sa.Column("amount_micros", BIGINT, nullable=False),
        sa.Column("input_tokens", BIGINT, nullable=False),
        sa.Column("output_tokens", BIGINT, nullable=False),
        sa.Column("cached_tokens", BIGINT, nullable=False),
        postgresql_with={"fillfactor": 70, "autovacuum_vacuum_scale_factor": 0.02},
    )


def _usage_records() -> None:
    op.create_table(
        "usage_records",
        sa.Column("id", TEXT, primary_key=True),
        sa.Column("account_id", TEXT, nullable=False),
        sa.Column("environment", TEXT, nullable=False),
        sa.Column("key_id", TEXT, nullable=True),
        sa.Column("amount_micros", BIGINT, nullable=False),
        sa.Column("description", TEXT, nullable=False),
        sa.Column("model", TEXT, nullable=True),
        sa.Column("reference", TEXT, nullable=True),
        sa.Column("created_at", BIGINT, nullable=False),
        sa.Column("input_tokens", BIGINT, nullable=True),
        sa.Column("output_tokens", BIGINT, nullable=True),
        sa.Column("cached_tokens", BIGINT, nullable=True),
        sa.Column("price_version", BIGINT, nullable=True),
        sa.Column("counted_day", BIGINT, nullable=True),
    )
    _index("ix_usage_records_account", "usage_records", ["account_id", "environment", "id"])
    _index(
        "ix_usage_records_time",
        "usage_records",
        ["account_id", "environment", "created_at", "id"],
        where="created_at > 0",
    )
    _index(
        "ix_usage_records_uncounted",
        "usage_records",
        ["account_id", "environment", "id"],
        where="counted_day IS NULL",
    )
    _index(
        "ux_usage_records_reference",
        "usage_records",
        ["account_id", "environment", "reference"],
        unique=True,
        where="reference IS NOT NULL",
    )


def _holds() -> None:
    op.create_table(
        "holds",
        sa.Column("id", TEXT, primary_key=True),
        sa.Column("account_id", TEXT, nullable=False),
        sa.Column("environment", TEXT, nullable=False),
        sa.Column("spent_by", TEXT, nullable=True),
        sa.Column("status", TEXT, nullable=False),
        sa.Column("amount_micros", BIGINT, nullable=False),
        sa.Column("captured_micros", BIGINT, nullable=False, server_default=sa.text("0")),
        sa.Column("description", TEXT, nullable=False),
        sa.Column("model", TEXT, nullable=True),
        sa.Column("reference", TEXT, nullable=True),
        sa.Column("sources", TEXT, nullable=False),
        sa.Column("created_at", BIGINT, nullable=False),
        sa.Column("expires_at", BIGINT, nullable=False),
        sa.Column("ended_at", BIGINT, nullable=True),
        sa.Column("input_tokens", BIGINT, nullable=True),
        sa.Column("output_tokens", BIGINT, nullable=True),
        sa.Column("cached_tokens", BIGINT, nullable=True),
        sa.Column("price_version", BIGINT, nullable=True),
        sa.Column("counted_day", BIGINT, nullable=True),
        sa.Column("overage", TEXT, nullable=True),
        sa.Column("overage_micros", BIGINT, nullable=True),
        sa.Column("counted_in", TEXT, nullable=True),
        sa.CheckConstraint(
            "captured_micros >= 0 AND captured_micros <= amount_micros", name="captured_in_hold"
        ),
    )
    _index("ix_holds_account", "holds", ["account_id", "environment", "id"])
    _index("ix_holds_due", "holds", ["expires_at"], where="status = 'held'")
    _index(
        "ix_holds_open",
        "holds",
        ["account_id", "environment", "expires_at"],
        where="status = 'held'",
    )
    _index(
        "ix_holds_time",
        "holds",
        ["account_id", "environment", "created_at", "id"],
        where="created_at > 0 AND status = 'captured'",
    )
    _index(
        "ix_holds_uncounted",
        "holds",
        ["account_id", "environment", "id"],
        where="status = 'captured' AND counted_day IS NULL",
    )
    _index(
        "ux_holds_reference",
        "holds",
        ["account_id", "environment", "reference"],
        unique=True,
        where="reference IS NOT NULL",
    )


def _checkins() -> None:
    op.create_table(
        "checkins",
        sa.Column("account_id", TEXT, primary_key=True),
        sa.Column("environment", TEXT, primary_key=True),
        sa.Column("day", TEXT, primary_key=True),
        sa.Column("time_zone", TEXT, nullable=False),
        sa.Column("next_time_zone", TEXT, nullable=False),
        sa.Column("streak", BIGINT, nullable=False),
        sa.Column("awarded_micros", BIGINT, nullable=False),
        sa.Column("grant_id", TEXT, nullable=False),
        sa.Column("checked_in_at", BIGINT, nullable=False),
        sa.Column("created_at", BIGINT, nullable=False),
    )


def _checkin_settings() -> None:
    op.create_table(
        "checkin_settings",
        sa.Column("environment", TEXT, primary_key=True),
        sa.Column("is_enabled", BIGINT, nullable=False),
        sa.Column("credits_min", BIGINT, nullable=False),
        sa.Column("credits_max", BIGINT, nullable=False),
        sa.Column("streak_bonus_credits", BIGINT, nullable=False),
        sa.Column("streak_days_max", BIGINT, nullable=False),
        sa.Column("daily_budget_credits", BIGINT, nullable=True),
        sa.Column("updated_at", BIGINT, nullable=False),
    )


def _checkin_days() -> None:
    op.create_table(
        "checkin_days",
        sa.Column("environment", TEXT, primary_key=True),
        sa.Column("day_start_at", BIGINT, primary_key=True, autoincrement=False),
        sa.Column("awarded_micros", BIGINT, nullable=False),
    )


def _volume_days() -> None:
    op.create_table(
        "volume_days",
        sa.Column("environment", TEXT, primary_key=True),
        sa.Column("day_start_at", BIGINT, primary_key=True, autoincrement=False),
        sa.Column("kind", TEXT, primary_key=True),
        sa.Column("name", TEXT, primary_key=True),
        sa.Column("number", BIGINT, nullable=False),
        sa.Column("amount_micros", BIGINT, nullable=False),
    )


def _volume_marks() -> None:
    op.create_table(
        "volume_marks",
        sa.Column("id", TEXT, primary_key=True),
        sa.Column("counted_to", TEXT, nullable=False),
        sa.Column("counted_at", BIGINT, nullable=False),
    )


def _workers() -> None:
    op.create_table(
        "workers",
        sa.Column("id", TEXT, primary_key=True),
        sa.Column("machine", TEXT, nullable=False),
        sa.Column("process_id", BIGINT, nullable=False),
        sa.Column("version", TEXT, nullable=False),
        sa.Column("started_at", BIGINT, nullable=False),
        sa.Column("seen_at", BIGINT, nullable=False),
        sa.Column("sending", BIGINT, nullable=False),
        sa.Column("slots", BIGINT, nullable=False),
    )


def _request_log() -> None:
    op.create_table(
        "request_log",
        sa.Column("id", TEXT, primary_key=True),
        sa.Column("request_id", TEXT, nullable=False),
        sa.Column("account_id", TEXT, nullable=False),
        sa.Column("environment", TEXT, nullable=False),
        sa.Column("credential_id", TEXT, nullable=False),
        sa.Column("method", TEXT, nullable=False),
        sa.Column("route", TEXT, nullable=False),
        sa.Column("path", TEXT, nullable=False),
        sa.Column("status", BIGINT, nullable=False),
        sa.Column("code", BIGINT, nullable=True),
        sa.Column("transaction_id", TEXT, nullable=True),
        sa.Column("duration_us", BIGINT, nullable=False),
        sa.Column("address", TEXT, nullable=True),
        sa.Column("user_agent", TEXT, nullable=True),
        sa.Column("idempotency_key", TEXT, nullable=True),
        sa.Column("content_type", TEXT, nullable=True),
        sa.Column("request_bytes", BIGINT, nullable=False),
        sa.Column("request_body", TEXT, nullable=False),
        sa.Column("response_body", TEXT, nullable=False),
        sa.Column("created_at", BIGINT, nullable=False),
    )
    _index("ix_request_log_account", "request_log", ["account_id", "environment", "id"])
    _index("ix_request_log_request", "request_log", ["request_id"])


def _oauth_apps() -> None:
    op.create_table(
        "oauth_apps",
        sa.Column("id", TEXT, primary_key=True),
        sa.Column("account_id", TEXT, nullable=False),
        sa.Column("environment", TEXT, nullable=False),
        sa.Column("name", TEXT, nullable=False),
        sa.Column("redirect_host", TEXT, nullable=False),
        sa.Column("redirect_uris", TEXT, nullable=False, server_default=sa.text("''")),
        sa.Column("is_public", BIGINT, nullable=False, server_default=sa.text("0")),
        sa.Column("scope", TEXT, nullable=False),
        sa.Column("cap_micros", BIGINT, nullable=False),
        sa.Column("cap_period", TEXT, nullable=False),
        sa.Column("secret_digest", TEXT, nullable=False),
        sa.Column("secret_last4", TEXT, nullable=False),
        sa.Column("created_at", BIGINT, nullable=False),
        sa.Column("rotated_at", BIGINT, nullable=True),
        sa.Column("disabled_at", BIGINT, nullable=True),
        sa.Column("made_by", TEXT, nullable=True),
    )
    _index("ix_oauth_apps_account", "oauth_apps", ["account_id", "environment", "id"])


def _device_logins() -> None:
    op.create_table(
        "device_logins",
        sa.Column("digest", TEXT, primary_key=True),
        sa.Column("user_digest", TEXT, nullable=False),
        sa.Column("name", TEXT, nullable=False),
        sa.Column("address", TEXT, nullable=False),
        sa.Column("status", TEXT, nullable=False),
        sa.Column("created_at", BIGINT, nullable=False),
        sa.Column("expires_at", BIGINT, nullable=False),
        sa.Column("interval_s", BIGINT, nullable=False),
        sa.Column("polled_at", BIGINT, nullable=True),
        sa.Column("decided_at", BIGINT, nullable=True),
        sa.Column("decided_by", TEXT, nullable=True),
        sa.Column("account_id", TEXT, nullable=True),
        sa.Column("environment", TEXT, nullable=True),
        sa.Column("scopes", TEXT, nullable=True),
        sa.Column("key_expires_at", BIGINT, nullable=True),
    )
    _index("ix_device_logins_expires", "device_logins", ["expires_at"])
    _index("ux_device_logins_user_code", "device_logins", ["user_digest"], unique=True)


def _oauth_codes() -> None:
    op.create_table(
        "oauth_codes",
        sa.Column("digest", TEXT, primary_key=True),
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
        sa.Column("grant_id", TEXT, nullable=True),
        sa.Column("revoked_at", BIGINT, nullable=True),
        sa.Column("session_id", TEXT, nullable=True),
    )
    _index("ix_oauth_codes_account", "oauth_codes", ["account_id", "environment", "expires_at"])


def _oauth_grants() -> None:
    op.create_table(
        "oauth_grants",
        sa.Column("id", TEXT, primary_key=True),
        sa.Column("account_id", TEXT, nullable=False),
        sa.Column("environment", TEXT, nullable=False),
        sa.Column("app_id", TEXT, nullable=False),
        sa.Column("scope", TEXT, nullable=False),
        sa.Column("cap_micros", BIGINT, nullable=False),
        sa.Column("cap_period", TEXT, nullable=False),
        sa.Column("consented_at", BIGINT, nullable=False),
        sa.Column("revoked_at", BIGINT, nullable=True),
    )
    _index("ix_oauth_grants_account", "oauth_grants", ["account_id", "environment", "id"])
    _index("ux_oauth_grants_app", "oauth_grants", ["app_id", "account_id"], unique=True)


def _oauth_tokens() -> None:
    op.create_table(
        "oauth_tokens",
        sa.Column("id", TEXT, primary_key=True),
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
    )
    _index("ix_oauth_tokens_account", "oauth_tokens", ["account_id", "id"])
    _index("ix_oauth_tokens_grant", "oauth_tokens", ["grant_id", "id"])
    _index("ux_oauth_tokens_digest", "oauth_tokens", ["digest"], unique=True)


def _authorization_clients() -> None:
    op.create_table(
        "authorization_clients",
        sa.Column("id", TEXT, primary_key=True),
        sa.Column("name", TEXT, nullable=False),
        sa.Column("redirect_uris", TEXT, nullable=False),
        sa.Column("created_at", BIGINT, nullable=False),
        sa.Column("used_at", BIGINT, nullable=True),
    )
    _index("ix_authorization_clients_used", "authorization_clients", ["used_at", "created_at"])


def _authorization_grants() -> None:
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
    _index(
        "ix_authorization_grants_client",
        "authorization_grants",
        ["account_id", "environment", "client_id"],
    )
    _index("ux_authorization_grants_key", "authorization_grants", ["key_id"], unique=True)


def _authorization_codes() -> None:
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
        sa.Column("session_id", TEXT, nullable=True),
    )
    _index(
        "ix_authorization_codes_account",
        "authorization_codes",
        ["account_id", "environment", "expires_at"],
    )
    _index("ix_authorization_codes_end", "authorization_codes", ["expires_at"])


def _authorization_tokens() -> None:
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
    _index("ix_authorization_tokens_account", "authorization_tokens", ["account_id"])
    _index("ix_authorization_tokens_end", "authorization_tokens", ["expires_at"])
    _index("ix_authorization_tokens_family", "authorization_tokens", ["family_id"])
    _index("ix_authorization_tokens_grant", "authorization_tokens", ["grant_id"])


def _oauth_charges() -> None:
    op.create_table(
        "oauth_charges",
        sa.Column("id", TEXT, primary_key=True),
        sa.Column("account_id", TEXT, nullable=False),
        sa.Column("environment", TEXT, nullable=False),
        sa.Column("app_id", TEXT, nullable=False),
        sa.Column("grant_id", TEXT, nullable=False),
        sa.Column("owner_id", TEXT, nullable=False),
        sa.Column("order_no", TEXT, nullable=False),
        sa.Column("amount_micros", BIGINT, nullable=False),
        sa.Column("remark", TEXT, nullable=False),
        sa.Column("created_at", BIGINT, nullable=False),
        sa.Column("counted_day", BIGINT, nullable=True),
        sa.CheckConstraint("amount_micros > 0", name="charge_positive"),
    )
    _index("ix_oauth_charges_account", "oauth_charges", ["account_id", "environment", "id"])
    _index("ix_oauth_charges_owner", "oauth_charges", ["owner_id", "environment", "id"])
    _index(
        "ix_oauth_charges_time",
        "oauth_charges",
        ["account_id", "environment", "created_at", "id"],
        where="created_at > 0",
    )
    _index(
        "ix_oauth_charges_uncounted",
        "oauth_charges",
        ["account_id", "environment", "id"],
        where="counted_day IS NULL",
    )
    _index(
        "ux_oauth_charges_order", "oauth_charges", ["app_id", "account_id", "order_no"], unique=True
    )


def _schema_notes() -> None:
    op.create_table(
        "schema_notes",
        sa.Column("version", TEXT, primary_key=True),
        sa.Column("oldest_code", TEXT, nullable=False),
        sa.Column("code_version", TEXT, nullable=True),
        sa.Column("reached_at", BIGINT, nullable=True),
    )


def _backups() -> None:
    op.create_table(
        "backups",
        sa.Column("id", TEXT, primary_key=True),
        sa.Column("place", TEXT, nullable=False),
        sa.Column("began_at", BIGINT, nullable=False),
        sa.Column("ended_at", BIGINT, nullable=True),
        sa.Column("code_version", TEXT, nullable=False),
        sa.Column("size", BIGINT, nullable=True),
    )


def _accepted_losses() -> None:
    op.create_table(
        "accepted_losses",
        sa.Column("accepted_at", BIGINT, primary_key=True, autoincrement=False),
        sa.Column("lost_from_at", BIGINT, nullable=True),
        sa.Column("lost_until_at", BIGINT, nullable=True),
        sa.Column("reason", TEXT, nullable=False),
    )


TABLES = (
    _accounts,
    _account_environments,
    _staging_storage,
    _api_keys,
    _api_key_secrets,
    _access_tokens,
    _sessions,
    _password_resets,
    _email_verifications,
    _notification_choices,
    _members,
    _second_factors,
    _passkeys,
    _spend_windows,
    _sealed_keys,
    _commit_tokens,
    _idempotency_keys,
    _ledger_accounts,
    _transfers,
    _topups,
    _topup_intents,
    _mails,
    _mail_refusals,
    _batches,
    _batch_items,
    _fulfilment_attempts,
    _supplier_recipients,
    _topup_reversals,
    _handed_over,
    _handed_over_fill,
    _supplier_words,
    _platforms,
    _platform_fees,
    _platform_suppliers,
    _suppliers,
    _platform_versions,
    _stock_codes,
    _stock_levels,
    _manual_tasks,
    _voucher_redemptions,
    _approvals,
    _redemption_batches,
    _machine_payments,
    _redemption_codes,
    _code_redemptions,
    _ledger_proofs,
    _signing_keys,
    _checkpoints,
    _checkpoint_tiles,
    _sealed_balances,
    _sealed_sums,
    _checkpoint_proofs,
    _record_marks,
    _record_tiles,
    _record_heads,
    _record_seeds,
    _record_waiting,
    _record_removals,
    _money_differences,
    _reconciliation_parts,
    _events,
    _endpoints,
    _endpoint_queue,
    _deliveries,
    _replays,
    _attempts,
    _notices,
    _sandbox_checkouts,
    _packs,
    _coupons,
    _coupon_uses,
    _orders,
    _billing_documents,
    _document_series,
    _billing_details,
    _payment_breakdowns,
    _payment_fees,
    _provider_objects,
    _order_reversals,
    _uncredited_payments,
    _uncredited_reversals,
    _refunds,
    _disputes,
    _provider_events,
    _plans,
    _plan_products,
    _subscriptions,
    _subscription_periods,
    _subscription_steers,
    _owner_mails,
    _notification_turns,
    _held_invoices,
    _plan_grants,
    _expiry_notices,
    _credit_adjustments,
    _entitlement_counts,
    _entitlement_uses,
    _period_reversals,
    _subscription_objects,
    _provider_customers,
    _forgotten_customers,
    _recharges,
    _recharge_charges,
    _sandbox_cards,
    _sandbox_charges,
    _provider_links,
    _provider_strays,
    _sandbox_subscriptions,
    _audit_log,
    _price_lists,
    _usage_prices,
    _usage_days,
    _usage_records,
    _holds,
    _checkins,
    _checkin_settings,
    _checkin_days,
    _volume_days,
    _volume_marks,
    _workers,
    _request_log,
    _oauth_apps,
    _device_logins,
    _oauth_codes,
    _oauth_grants,
    _oauth_tokens,
    _authorization_clients,
    _authorization_grants,
    _authorization_codes,
    _authorization_tokens,
    _oauth_charges,
    _schema_notes,
    _backups,
    _accepted_losses,
)
