"""Define every table, and explain its columns. The comment above a table names the modules that write it.

- Times are in microseconds UTC. A flag is 0 or 1. An `amount` is in the smallest unit of its currency.
- A text with several values separates them with spaces.
- Unless a comment says otherwise, a digest is SHA-256 in hex, and null means "none" or "not yet".
- `spent_by` holds a key's ID, then the IDs of its ancestors.
- A table whose rows belong to an account has an account_id, so that it can be distributed.

Migrations change a live database. A test compares their schema with this file.
"""

import sqlalchemy as sa

from store.dialect import BIGINT, BYTES, TEXT

metadata = sa.MetaData()

# PostgreSQL's planner expects few rows from a condition in this form. billing/documents/numbering.py uses the same
# text.
UNNOTED = "CASE WHEN refunded_amount = noted_amount THEN 0 ELSE 1 END = 1"


def _table(name: str, *parts: sa.schema.SchemaItem, is_hot: bool = False) -> sa.Table:
    """Declare a table. Set is_hot if its rows change often."""
    options = {"fillfactor": 70, "autovacuum_vacuum_scale_factor": 0.02} if is_hot else {}
    return sa.Table(name, metadata, *parts, postgresql_with=options)


def _text(
    name: str, *, null: bool = False, key: bool = False, default: str | None = None
) -> sa.Column[str]:
    return sa.Column(name, TEXT, nullable=null, primary_key=key, server_default=default)


def _int(
    name: str, *, null: bool = False, key: bool = False, default: int | None = None
) -> sa.Column[int]:
    return sa.Column(
        name,
        BIGINT,
        nullable=null,
        primary_key=key,
        autoincrement=False,
        server_default=None if default is None else sa.text(str(default)),
    )


def _bytes(name: str, *, null: bool = False) -> sa.Column[bytes]:
    return sa.Column(name, BYTES, nullable=null)


def _index(name: str, *columns: str, unique: bool = False, where: str | None = None) -> sa.Index:
    condition = None if where is None else sa.text(where)
    return sa.Index(
        name, *columns, unique=unique, sqlite_where=condition, postgresql_where=condition
    )


# Accounts. An account is a tenant: a merchant, an operator of agents or an end user. keys/account.py writes most
# columns. Some columns are written by keys/account_access.py, keys/notifications.py, keys/session.py and
# keys/staging_quota.py.
accounts = _table(
    "accounts",
    _text("id", key=True),
    _text("name"),
    _text("email", null=True),
    _text("password_hash", null=True),  # an argon2 hash
    _int("is_operator", default=0),
    _int("is_sandbox", default=0),
    _int("live_opened_at", null=True),
    _int("live_closed_at", null=True),
    _int("email_verified_at", null=True),
    _int("suspended_at", null=True),
    _text("suspended_for", null=True),  # the reason
    # IANA name
    _text("time_zone", default="UTC"),
    _int("created_at"),
    _int("last_active_at"),  # If a sandbox isn't used after this day, a later cleanup deletes it.
    _int("expiring_mail_off_at", null=True),
    _int("receipt_mail_off_at", null=True),
    _int("approval_mail_off_at", null=True),
    _text("mail_language", null=True),  # null: English
    # When the account's other sessions were last ended. Unused grants from before that time are void.
    _int("access_ended_at", null=True),
    _int("erasing_at", null=True),
    # Staging stores nothing new for the account until this time.
    _int("staging_full_until", null=True),
    _index("ux_accounts_email", "email", unique=True, where="email IS NOT NULL"),
    _index("ix_accounts_sandbox", "last_active_at", where="is_sandbox = 1"),
)

# An account in one environment. Every transaction that changes money locks this row. keys/account.py writes most
# columns. Some columns are written by webhooks/events/event.py, webhooks/deliveries/retention.py,
# webhooks/events/cursor.py, keys/sandbox_clock.py and keys/account_access.py.
account_environments = _table(
    "account_environments",
    _text("account_id", key=True),
    _text("environment", key=True),
    _int("event_no", default=0),  # Events are numbered in commit order, without gaps.
    _int("events_from_no", default=0),  # All events from this number on still exist.
    _int("event_epoch", default=0),  # a restore changes it
    _int("low_balance_threshold_micros", default=0),  # the highest; 0: off
    _int("clock_ahead_us", default=0),
    _int("created_at"),
    # Until this time, only plan credit pays for the account's own usage.
    _int("plan_only_until_at", null=True),
    _text("low_balance_more", null=True),  # further thresholds
    _int("recharge_below_micros", null=True),  # null: no recharge
    _int("recharge_from_micros", null=True),
    _text("recharge_order_id", null=True),
    _int("day_limit_cents", null=True),
    _int("suspended_at", null=True),
    _index(
        "ix_account_environments_recharge",
        "recharge_order_id",
        where="recharge_order_id IS NOT NULL",
    ),
    _index(
        "ix_account_environments_ahead", "account_id", "environment", where="clock_ahead_us > 0"
    ),
    is_hot=True,
)

# What an account's staging environment stored on a UTC day (keys/staging_quota.py).
staging_storage = _table(
    "staging_storage",
    _text("account_id", key=True),
    _int("day_start_at"),
    _int("rows_stored"),
    _int("bytes_stored"),
    _int("counted_until_at"),
)

# API keys (keys/api_keys/api_key.py).
api_keys = _table(
    "api_keys",
    _text("id", key=True),
    _text("account_id"),
    _text("environment"),
    _text("parent_id", null=True),
    _text("lineage"),
    _text("name"),
    _text("scopes"),
    _text("ip_allow_list"),  # the allowed address ranges (CIDR), or empty for any address
    _int("per_call_cents", null=True),
    _int("per_day_cents", null=True),
    _int("per_month_cents", null=True),
    _int("approval_threshold_cents", null=True),
    _int("approval_above_per_day_cents", null=True),
    _int("expires_at", null=True),
    _text("prefix"),
    _text("last4"),
    _int("created_at"),
    _int("last_used_at", null=True),
    _text("last_used_by", null=True),
    _int("revoked_at", null=True),
    _text("purpose", null=True),
    _int("lifetime_cents", null=True),
    _text("mandate", null=True),  # JSON
    _int("paused_at", null=True),
    _text("client_id", null=True),
    _text("made_by", null=True),
    _index("ix_api_keys_account", "account_id", "environment", "id"),
    _index("ix_api_keys_living", "account_id", "environment", "id", where="revoked_at IS NULL"),
)

# Digests of API keys' secrets (keys/api_keys/api_key.py). During a rotation, a key has two rows.
api_key_secrets = _table(
    "api_key_secrets",
    _text("digest", key=True),
    _text("key_id"),
    _text("account_id"),
    _int("expires_at", null=True),
    _int("created_at"),
    _index("ix_api_key_secrets_key", "key_id"),
)

# Access tokens (keys/tokens/access_token.py). A sat_ token belongs to an account, an adm_ token to an operator.
access_tokens = _table(
    "access_tokens",
    _text("id", key=True),
    _text("kind"),  # system | operator
    _text("account_id"),
    _text("environment"),
    # The key that made the token. The key's caps apply to the token, and the token becomes invalid with the key.
    _text("key_id", null=True),
    _text("name"),
    _text("digest"),
    _text("prefix"),
    _text("last4"),
    _int("created_at"),
    _int("last_used_at", null=True),
    _int("revoked_at", null=True),
    _text("scopes", null=True),  # null: all scopes
    _index("ux_access_tokens_digest", "digest", unique=True),
    _index("ix_access_tokens_account", "account_id", "environment", "id"),
)

# Links that show an account's webhooks (keys/tokens/portal_link.py). A link is deleted a week after it expires or
# is revoked.
portal_links = _table(
    "portal_links",
    _text("id", key=True),
    _text("account_id"),
    _text("environment"),
    _text("name"),
    _text("digest"),
    _text("can"),
    _text("origins", null=True),
    _text("endpoint_ids", null=True),  # null: all
    # The link is void if this key, token or person loses access.
    _text("made_by"),
    _int("created_at"),
    _int("expires_at"),
    _int("revoked_at", null=True),
    _index("ux_portal_links_digest", "digest", unique=True),
    _index("ix_portal_links_account", "account_id", "environment", "id"),
)

# Sign-ins, one for each browser (keys/session.py). A row is deleted when its session ends.
sessions = _table(
    "sessions",
    _text("id", key=True),
    _text("account_id"),
    _text("environment"),
    _text("digest"),
    _text("user_agent"),
    _int("created_at"),
    _int("last_seen_at"),
    _int("expires_at"),
    _int("confirmed_at", null=True),
    _text("acts_for", null=True),
    _index("ux_sessions_digest", "digest", unique=True),
    _index("ix_sessions_account", "account_id", "last_seen_at"),
)

# Links to set a password, or to sign in to `topup dev` (keys/sign_in/password_reset.py, keys/sign_in/sign_in_link.py).
password_resets = _table(
    "password_resets",
    _text("id", key=True),
    _text("account_id"),
    _text("email"),
    _int("created_at"),
    _int("expires_at"),
    _index("ix_password_resets_account", "account_id"),
)

# Links that verify an email address (keys/sign_in/email_verification.py).
email_verifications = _table(
    "email_verifications",
    _text("id", key=True),
    _text("account_id"),
    _text("email"),
    _int("created_at"),
    _int("expires_at"),
    _index("ix_email_verifications_account", "account_id"),
)

# A member's mail choices that differ from the role's default (keys/notifications.py).
notification_choices = _table(
    "notification_choices",
    _text("account_id", key=True),
    _text("person_id", key=True),
    # values: webhook | approval | balance | key | receipt | expiring | staging
    _text("choice", key=True),
    _int("is_on"),
    _int("changed_at"),
)

# Members and invitations of an account (keys/member.py). Rows are never deleted.
members = _table(
    "members",
    _text("id", key=True),
    _text("account_id"),
    _text("email"),
    _text("role"),  # values: developer | finance | support | reader
    _text("invited_by"),
    _int("created_at"),
    _text("invitation_id", null=True),  # null after the invitation was accepted or withdrawn
    _int("expires_at", null=True),
    _text("person_id", null=True),
    _int("joined_at", null=True),
    _int("removed_at", null=True),  # or withdrawn
    # The person acts for the account whose row has the latest time.
    _int("chosen_at", null=True),
    _index("ux_members_email", "account_id", "email", unique=True, where="removed_at IS NULL"),
    _index(
        "ux_members_invitation", "invitation_id", unique=True, where="invitation_id IS NOT NULL"
    ),
    _index("ix_members_account", "account_id", "person_id"),
    _index("ix_members_person", "person_id", where="person_id IS NOT NULL"),
)

# Second factors for signing in (keys/second_factor.py).
second_factors = _table(
    "second_factors",
    _text("account_id", key=True),
    _text("nonce"),
    _int("last_step", default=0),  # in half minutes
    _text("recovery"),  # JSON
    _int("created_at"),
    _int("confirmed_at", null=True),
)

# Passkeys. keys/sign_in/passkey.py writes them, and keys/second_factor.py deletes them.
passkeys = _table(
    "passkeys",
    _text("id", key=True),
    _text("account_id"),
    _text("credential_id"),  # base64url
    _text("public_key"),  # COSE, base64url
    _text("name"),
    _int("sign_count"),
    _int("last_challenge_at"),
    _int("created_at"),
    _int("last_used_at", null=True),
    _index("ix_passkeys_account", "account_id"),
    _index("ux_passkeys_credential", "credential_id", unique=True),
)

# What a key and its descendants spent in a calendar window, and counters for other limits (keys/caps.py).
spend_windows = _table(
    "spend_windows",
    _text("key_id", key=True),
    # A day or month window counts spending. An unapproved window counts a day's sends that needed no approval.
    # keys/caps.py lists the other periods.
    _text("period", key=True),
    _int("window_start_at", key=True),
    _text("account_id"),
    _int("spent_micros"),
    _text("detail", null=True),  # JSON: caps.Detail
    sa.CheckConstraint("spent_micros >= 0", name="spent_not_negative"),
    # These rows count sends to one recipient. They are deleted after a few days.
    _index(
        "ix_spend_windows_recipients",
        "window_start_at",
        where="period >= 'same:' AND period < 'to;'",
    ),
    is_hot=True,
)

# The installation's data keys, encrypted under the master key (keys/vault.py).
sealed_keys = _table(
    "sealed_keys",
    _text("name", key=True),
    _bytes("sealed"),
    _int("created_at"),
)

# The last transaction of each connection, and a row that readiness checks write (store/commit_token.py).
commit_tokens = _table(
    "commit_tokens",
    _text("id", key=True),
    _int("token"),
    _int("written_at"),
    _bytes("filler", null=True),
    is_hot=True,
)

# Stored responses, by Idempotency-Key (store/idempotency.py).
idempotency_keys = _table(
    "idempotency_keys",
    _text("account_id", key=True),
    _text("environment", key=True),
    _text("digest", key=True),  # a digest of the Idempotency-Key and its owner
    _text("fingerprint"),
    _int("status"),  # 0 while a multi-step call is running
    _bytes("body", null=True),
    # The response contains a secret, so it is encrypted, and deleted after 24 hours.
    _int("is_sealed", default=0),
    _text("text_digest", null=True),
    # The body contains an ID in place of the voucher's code, at this position.
    _int("code_at", null=True),
    _int("lease_until_at", null=True),
    # This token is needed to extend or complete the call.
    _text("lease_token", null=True),
    _int("created_at"),
    _index("ix_idempotency_created", "created_at"),
    _index(
        "ix_idempotency_text",
        "account_id",
        "environment",
        "text_digest",
        where="text_digest IS NOT NULL",
    ),
    _index("ix_idempotency_sealed", "created_at", where="is_sealed = 1"),
)

# Ledger accounts (billing/ledger/ledger.py).
ledger_accounts = _table(
    "ledger_accounts",
    _text("id", key=True),
    _text("account_id"),
    _text("environment"),
    _text("kind"),  # chart.Kind
    _text("name"),
    _int("balance_micros"),
    _int("expires_at", null=True),
    # 1 if a grant has no credit left. The balance itself isn't indexed, because each change would rewrite all of the
    # row's index entries.
    _int("is_spent", default=0),
    _int("created_at"),
    _int("updated_at"),
    sa.CheckConstraint("balance_micros >= 0", name="balance_not_negative"),
    _index("ux_ledger_accounts_name", "account_id", "environment", "kind", "name", unique=True),
    _index(
        "ix_ledger_accounts_recipients",
        "account_id",
        "environment",
        "id",
        where="kind = 'recipient'",
    ),
    _index("ix_ledger_accounts_expiry", "expires_at", where="kind = 'grant' AND is_spent = 0"),
    _index(
        "ix_ledger_accounts_grants",
        "account_id",
        "environment",
        "id",
        where="kind = 'grant' AND is_spent = 0",
    ),
    is_hot=True,
)

# Ledger transfers (billing/ledger/ledger.py). Rows never change.
transfers = _table(
    "transfers",
    _text("id", key=True),
    _text("account_id"),
    _text("environment"),
    _text("debit_id"),
    _text("credit_id"),
    _int("amount_micros"),
    _text("code"),  # chart.Code
    _text("transaction_id", null=True),
    _text("subject_id", null=True),  # the object that caused the transfer, or null if a top-up did
    _int("created_at"),
    sa.CheckConstraint("amount_micros > 0", name="amount_positive"),
    sa.CheckConstraint("debit_id <> credit_id", name="sides_differ"),
    _index("ix_transfers_account", "account_id", "environment", "id"),
    _index("ix_transfers_transaction", "transaction_id", where="transaction_id IS NOT NULL"),
    # A send writes nothing to this index, because its transfers have no subject.
    _index("ix_transfers_subject", "subject_id", where="subject_id IS NOT NULL"),
)

_WAITS_FOR_PERSON = (
    "status = 'pending' AND supplier IS NOT NULL AND handed_over_at IS NOT NULL"
    " AND next_check_at IS NULL"
)

# Top-ups. billing/topups/topup.py writes them. billing/recipients/mail_acts.py changes the delivery of ended top-ups.
topups = _table(
    "topups",
    _text("id", key=True),
    _text("account_id"),
    _text("environment"),
    _text("spent_by", null=True),
    # values: scheduled | pending | delivered | failed | cancelled | reversing | reversed
    _text("status"),
    _text("platform"),
    _int("amount_cents"),
    _text("recipient_email"),
    _text("reference", null=True),
    _text("metadata"),  # JSON
    _text("note", null=True),
    _text("failure_reason", null=True),
    _int("new_balance_cents", null=True),  # the recipient's balance
    _text("voucher_code", null=True),  # never written
    _text("voucher_code_hint", null=True),
    # the supplier's encrypted code, delivered instead of a voucher
    _text("fulfilment_code", null=True),
    _text("fulfilment"),
    _int("handed_over_at", null=True),
    _int("next_check_at", null=True),
    _int("checks_made", default=0),
    _int("created_at"),
    _int("settled_at", null=True),
    _text("trace", null=True),
    _text("supplier", null=True),
    _text("deliverable", null=True),  # JSON; null: credit
    _text("delivery", null=True),  # JSON
    _int("claimed_at", null=True),
    _int("emailed_at", null=True),
    _int("scheduled_for", null=True),
    _int("fee_cents", null=True),
    _int("earned_fee_cents", null=True),  # the fee once the top-up is delivered, 0 after a reversal
    _text("counted_in", null=True),
    _text("key_name", null=True),
    _text("caller_address", null=True),
    _text("idempotency_key", null=True),
    _text("sent_by", null=True),
    # Older code doesn't know about fees. This check keeps it from delivering or reversing a top-up with a fee.
    sa.CheckConstraint(
        """COALESCE(earned_fee_cents, 0) =
        CASE WHEN status IN ('delivered', 'reversing') THEN COALESCE(fee_cents, 0) ELSE 0 END""",
        name="fee_earned_with_delivery",
    ),
    _index("ix_topups_account", "account_id", "environment", "id"),
    _index(
        "ix_topups_status",
        "account_id",
        "environment",
        "status",
        "id",
        where="status <> 'delivered'",
    ),
    _index(
        "ux_topups_reference",
        "account_id",
        "environment",
        "reference",
        unique=True,
        where="reference IS NOT NULL",
    ),
    _index(
        "ix_topups_due", "next_check_at", where="status = 'pending' AND next_check_at IS NOT NULL"
    ),
    _index(
        "ix_topups_waiting",
        "environment",
        "created_at",
        where="status = 'pending' AND supplier IS NOT NULL",
    ),
    _index("ix_topups_person", "environment", "handed_over_at", where=_WAITS_FOR_PERSON),
    _index(
        "ix_topups_desk", "environment", "id", where="status = 'pending' AND supplier IS NOT NULL"
    ),
    _index(
        "ix_topups_failed", "environment", "id", where="status = 'failed' AND supplier IS NOT NULL"
    ),
    _index("ix_topups_scheduled", "scheduled_for", where="status = 'scheduled'"),
    _index(
        "ix_topups_scheduled_account",
        "account_id",
        "environment",
        "scheduled_for",
        where="status = 'scheduled'",
    ),
)

# Callers' own IDs for top-ups (billing/topups/working_set.py).
topup_intents = _table(
    "topup_intents",
    _text("account_id", key=True),
    _text("environment", key=True),
    _text("intent", key=True),
    _text("transaction_id"),
)

# Mail to recipients (billing/topups/mail.py, billing/recipients/mailing.py, billing/recipients/mail_acts.py). It
# never contains a code.
mails = _table(
    "mails",
    _text("id", key=True),
    _text("account_id"),
    _text("environment"),
    _text("transaction_id"),
    _text("recipient_email"),
    _text("status"),  # values: queued | sent | bounced | failed | unwanted | outbox | limited
    _int("created_at"),
    _int("attempts", default=0),
    _int("claim_no", default=0),  # Outcomes of claims with a lower number are rejected.
    _int("next_attempt_at", null=True),
    _int("ended_at", null=True),
    _text("reason", null=True),
    _index("ix_mails_topup", "transaction_id"),
    _index("ix_mails_account", "account_id", "environment", "id"),
    _index("ix_mails_recipient", "account_id", "environment", "recipient_email", "created_at"),
    _index("ix_mails_day", "account_id", "environment", "created_at"),
    _index("ix_mails_due", "next_attempt_at", where="next_attempt_at IS NOT NULL"),
    is_hot=True,
)

# Digests of addresses that must get no mail (billing/recipients/refusal.py).
mail_refusals = _table(
    "mail_refusals",
    _text("digest", key=True),
    _int("created_at"),
)

# Bulk sends (billing/bulk/batch.py).
batches = _table(
    "batches",
    _text("id", key=True),
    _text("account_id"),
    _text("environment"),
    _text("spent_by", null=True),
    _text("status"),  # values: accepting | undoing | refused | running | completed
    _int("is_all_or_nothing"),
    _int("items"),
    _text("request_digest", null=True),
    _int("created_at"),
    _int("accepted_at", null=True),
    _int("cancelled_at", null=True),
    _text("cancelled_by", null=True),
    _int("completed_at", null=True),
    _int("next_check_at", null=True),
    _text("counts", null=True),  # JSON
    _text("sent_by", null=True),  # null: a key
    _index("ix_batches_account", "account_id", "environment", "id"),
    _index(
        "ux_batches_request",
        "account_id",
        "environment",
        "request_digest",
        unique=True,
        where="request_digest IS NOT NULL",
    ),
    _index("ix_batches_due", "next_check_at", where="next_check_at IS NOT NULL"),
)

# The items of a bulk send, in the order of its request (billing/bulk/item.py).
batch_items = _table(
    "batch_items",
    _text("batch_id", key=True),
    _int("number", key=True),
    _text("transaction_id"),
    _text("state"),  # values: waiting | accepted | reserved | refused
    _text("reference", null=True),
    _text("request", null=True),  # JSON; null: unreadable
    _text("refusal", null=True),  # JSON
)

# Attempts to have a supplier deliver a top-up (billing/topups/fulfilment.py). An attempt can make several calls.
fulfilment_attempts = _table(
    "fulfilment_attempts",
    _text("transaction_id", key=True),
    _int("number", key=True),
    _text("account_id"),
    _text("environment"),
    _text("recipient_email"),
    _text("supplier"),
    _text("kind"),
    _text(
        "outcome"
    ),  # values: requested | waiting | unknown | delivered | refused | dropped | revoked | kept
    _text("detail", null=True),
    _int("requests_made", default=1),
    _int("requested_at"),
    _int("last_requested_at"),
    _int("ended_at", null=True),
    _text("prepared", null=True),  # nothing secret
    _text("left_over", null=True),  # nothing secret
    _int("cost_cents", null=True),
    _index(
        "ix_fulfilment_attempts_open",
        "environment",
        "supplier",
        "account_id",
        "recipient_email",
        where="ended_at IS NULL",
    ),
    _index("ix_fulfilment_attempts_supplier", "environment", "supplier", "last_requested_at"),
)

# Data about a recipient at a supplier, such as the ID of a key (billing/topups/fulfilment.py).
supplier_recipients = _table(
    "supplier_recipients",
    _text("account_id", key=True),
    _text("environment", key=True),
    _text("supplier", key=True),
    _text("recipient_email", key=True),
    _text("left_over"),
    _int("changed_at"),
)

# Requests to reverse a delivered top-up (billing/topups/reverse.py).
topup_reversals = _table(
    "topup_reversals",
    _text("transaction_id", key=True),
    _text("account_id"),
    _text("environment"),
    _text("reason"),
    _text("requested_by", null=True),  # null: the operator
    _int("requested_at"),
    _int("checks_made", default=0),
    _int("next_check_at", null=True),
    _text("outcome", null=True),  # values: reversed | kept; null while the reversal is open
    _text("detail", null=True),
    _int("ended_at", null=True),
    _index("ix_topup_reversals_due", "next_check_at", where="ended_at IS NULL"),
)

# Digests of codes, keys and links that suppliers delivered (billing/topups/supplier_words.py). Each belongs to one
# top-up.
handed_over = _table(
    "handed_over",
    _text("environment", key=True),
    _text("digest", key=True),  # keyed
    _text("transaction_id"),
)

# How far older top-ups have been entered in handed_over (billing/topups/supplier_words.py).
handed_over_fill = _table(
    "handed_over_fill",
    _int("id", key=True),
    _text("after_id"),
)

# Suppliers' reports that couldn't change their top-up's state (billing/topups/supplier_words.py).
supplier_words = _table(
    "supplier_words",
    _text("transaction_id", key=True),
    _text("digest", key=True),  # keyed
    _text("account_id"),
    _text("environment"),
    _text("supplier"),
    _text("word"),
    _text("why"),  # values: late | second | repeated | implausible
    _text("detail"),
    _text("kind", null=True),
    _text("hint", null=True),
    _text("sealed", null=True),
    _int("cost_cents", null=True),
    _int("received_at"),
    _int("last_received_at"),
    _int("times", default=1),
    _int("seen_at", null=True),
    _text("seen_by", null=True),
    _index("ix_supplier_words_unseen", "environment", "transaction_id", where="seen_at IS NULL"),
)

# Platforms that can be topped up (billing/topups/platform_rows.py).
platforms = _table(
    "platforms",
    _text("environment", key=True),
    _text("id", key=True),
    _text("name"),
    _int("min_amount_cents"),
    _int("max_amount_cents"),
    _int("is_active", default=1),
    _int("position"),
    _int("created_at"),
)

# Platform fees (billing/topups/platform_rows.py). An account's own fee overrides the general fee.
platform_fees = _table(
    "platform_fees",
    _text("environment", key=True),
    _text("platform", key=True),
    _text("account_id", key=True),  # empty: all others
    _int("fixed_cents"),
    _int("basis_points"),
    _int("min_cents"),
    _int("max_cents", null=True),
    _int("changed_at"),
)

# Each platform's suppliers, in the order in which they are called (billing/topups/platform_rows.py).
platform_suppliers = _table(
    "platform_suppliers",
    _text("environment", key=True),
    _text("platform", key=True),
    _text("supplier", key=True),
    _int("position"),
)

# Suppliers (billing/topups/platform_rows.py). Rows are never deleted, so that an ID is never reused.
suppliers = _table(
    "suppliers",
    _text("environment", key=True),
    _text("id", key=True),
    _text("kind"),
    _text("options"),
    _bytes("sealed", null=True),
    _text("hints"),  # JSON: last characters
    _int("is_active", default=1),
    _int("is_simulated", default=0),
    _int("created_at"),
    _int("changed_at"),
    _int("breaker_opened_at", null=True),
    _text("last_error", null=True),
    _int("last_error_at", null=True),
    _int("paused_at", null=True),
)

# A number that grows with each change to a platform, its fees or its suppliers (billing/topups/platform_rows.py).
platform_versions = _table(
    "platform_versions",
    _int("id", key=True),
    _int("version", default=0),
)

# Uploaded codes (billing/fulfilment/code_stock.py). Each code is delivered once.
stock_codes = _table(
    "stock_codes",
    _text("id", key=True),
    _text("environment"),
    _text("supplier"),
    _text("platform"),
    _int("amount_cents"),
    _text("digest"),  # keyed
    _bytes("sealed"),
    _text("hint"),
    _int("expires_at", null=True),
    _int("added_at"),
    _text("transaction_id", null=True),  # null: in stock
    _int("taken_at", null=True),
    _index("ux_stock_codes_digest", "environment", "digest", unique=True),
    _index(
        "ux_stock_codes_transaction",
        "transaction_id",
        unique=True,
        where="transaction_id IS NOT NULL",
    ),
    _index(
        "ix_stock_codes_free",
        "environment",
        "supplier",
        "platform",
        "amount_cents",
        "id",
        where="transaction_id IS NULL",
    ),
)

# Low-stock thresholds for codes (billing/fulfilment/code_stock.py).
stock_levels = _table(
    "stock_levels",
    _text("environment", key=True),
    _text("supplier", key=True),
    _text("platform", key=True),
    _int("amount_cents", key=True),
    _int("low_threshold"),
    _int("is_low", default=0),  # 1 after low stock was reported, until a refill
)

# Top-ups that an operator fulfils by hand (billing/fulfilment/manual.py).
manual_tasks = _table(
    "manual_tasks",
    _text("transaction_id", key=True),
    _text("account_id"),
    _text("environment"),
    _text("supplier"),
    _int("created_at"),
    _int("due_at"),
    _text("taken_by", null=True),
    _int("taken_at", null=True),
    _text("outcome", null=True),  # values: delivered | refused; null while the task is open
    _bytes("sealed", null=True),  # JSON
    _text("reason", null=True),
    _text("decided_by", null=True),
    _int("decided_at", null=True),
    _index("ix_manual_tasks_open", "environment", "due_at", where="outcome IS NULL"),
)

# Redeemed vouchers (billing/topups/rules.py).
voucher_redemptions = _table(
    "voucher_redemptions",
    _text("transaction_id", key=True),
    _text("account_id"),  # the issuer
    _text("environment"),
    _text("redeemed_by"),
    _text("settle"),  # wallet | external
    _int("redeemed_at"),
    _index("ix_voucher_redemptions_redeemer", "redeemed_by", "environment", "transaction_id"),
)

# Top-up approvals (billing/topups/approval.py).
approvals = _table(
    "approvals",
    _text("id", key=True),
    _text("account_id"),
    _text("environment"),
    _text("transaction_id"),
    _text("requested_by", null=True),
    _text("status"),  # values: pending | approved | denied | expired
    _text("decided_by", null=True),
    _int("created_at"),
    _int("expires_at"),
    _int("decided_at", null=True),
    _int("notified_at", null=True),
    # threshold | sender_left
    _text("reason", default="threshold"),
    _index("ix_approvals_account", "account_id", "environment", "id"),
    _index(
        "ix_approvals_pending",
        "account_id",
        "environment",
        "expires_at",
        where="status = 'pending'",
    ),
    _index(
        "ix_approvals_untold",
        "account_id",
        "environment",
        "id",
        where="status = 'pending' AND notified_at IS NULL",
    ),
    _index("ux_approvals_transaction", "transaction_id", unique=True),
    _index("ix_approvals_due", "expires_at", where="status = 'pending'"),
)

# Batches of redemption codes with the same value (billing/credits/redemption_code.py).
redemption_batches = _table(
    "redemption_batches",
    _text("id", key=True),
    _text("environment"),
    _text("name"),
    _int("credits_micros"),
    _int("code_count"),
    _int("uses_max"),
    _int("is_promotional"),
    _int("promotional_days", null=True),  # null: no end
    _int("is_complete", default=0),
    _int("expires_at", null=True),
    _int("disabled_at", null=True),
    _int("created_at"),
    _index("ix_redemption_batches_environment", "environment", "id"),
)

# Payments that were sent together with the request they pay for (billing/machine_payments/payment.py).
machine_payments = _table(
    "machine_payments",
    _text("id", key=True),
    _text("account_id"),
    _text("environment"),
    _text("spent_by", null=True),
    _text("protocol"),  # x402 | mpp
    _text("payment_ref"),
    _text("identifier"),
    _text("body_digest"),
    _text("request"),  # JSON
    _text("network"),
    _text("asset"),
    _text("payer"),
    _text("amount"),  # atomic units
    _int("charged_cents"),
    _text("proof"),  # encrypted
    _text("transaction_id"),
    _int("expires_at"),
    _int("created_at"),
    _text("state"),  # values: settling | unknown | paid | refused | refunded
    _text("settlement", null=True),
    _text("detail", null=True),
    _int("checks_made", default=0),
    # 1 if a response was lost: despite a refusal, the payment may be settled.
    _int("is_lost", default=0),
    _int("lease_until", null=True),
    _int("next_check_at", null=True),
    _text("refund_code", null=True),
    _text("refund_code_hint", null=True),
    _int("settled_at", null=True),
    _int("ended_at", null=True),
    _index("ux_machine_payments_ref", "environment", "protocol", "payment_ref", unique=True),
    _index("ux_machine_payments_identifier", "environment", "protocol", "identifier", unique=True),
    _index("ix_machine_payments_account", "account_id", "environment", "id"),
    _index("ix_machine_payments_environment", "environment", "id"),
    _index("ix_machine_payments_due", "next_check_at", where="next_check_at IS NOT NULL"),
    _index(
        "ix_machine_payments_settled", "environment", "settled_at", where="settled_at IS NOT NULL"
    ),
    # A transfer on the network may be credited only once.
    _index(
        "ux_machine_payments_settlement",
        "settlement",
        "environment",
        unique=True,
        where="settled_at IS NOT NULL",
    ),
    # Payments that aren't over: an operator must decide, or the top-up can still fail.
    _index("ix_machine_payments_open", "environment", "state", "id", where="ended_at IS NULL"),
)

# Redemption codes (billing/credits/redemption_code.py).
redemption_codes = _table(
    "redemption_codes",
    _text("id", key=True),
    _text("batch_id"),
    _text("environment"),
    _text("digest"),
    _text("last4"),
    _int("uses_max"),
    _int("used_count", default=0),
    _int("disabled_at", null=True),
    _int("created_at"),
    sa.CheckConstraint("used_count >= 0 AND used_count <= uses_max", name="uses_in_limit"),
    _index("ux_redemption_codes_digest", "digest", unique=True),
    _index("ix_redemption_codes_batch", "batch_id", "id"),
    _index("ix_redemption_codes_last4", "environment", "last4", "id"),
)

# Code redemptions (billing/credits/redemption_code.py). An account can redeem each code once.
code_redemptions = _table(
    "code_redemptions",
    _text("code_id", key=True),
    _text("account_id", key=True),
    _text("id"),
    _text("environment"),
    _int("credits_micros"),
    _int("is_promotional"),
    _text("last4"),
    _int("expires_at", null=True),
    _int("created_at"),
    sa.CheckConstraint("credits_micros > 0", name="redemption_positive"),
    _index("ix_code_redemptions_account", "account_id", "environment", "id"),
)

# Results of `topup audit`: the newest result, and the last result without findings (billing/ledger/proof.py).
ledger_proofs = _table(
    "ledger_proofs",
    _text("id", key=True),
    _int("began_at"),
    _int("ended_at"),
    _int("findings"),
    _int("is_full", null=True),
    _int("live_day", null=True),
    _int("staging_day", null=True),
)

# The public halves of the signing keys (billing/checkpoints/signing_keys.py). The private halves are in sealed_keys.
signing_keys = _table(
    "signing_keys",
    _text("kid", key=True),  # RFC 7638 thumbprint
    _int("number"),
    _bytes("public_key"),
    _int("created_at"),
)

# The ledger's daily checkpoints, finished or in progress (billing/checkpoints/checkpoint.py).
checkpoints = _table(
    "checkpoints",
    _text("environment", key=True),
    _int("day_start_at", key=True),
    _bytes("seed"),  # for leaves' salts
    _text("claimed_by", null=True),
    _int("claimed_until"),
    # The number of transfers. This column and the following ones are null until the day is sealed.
    _int("size", null=True),
    _int("late", null=True),
    _bytes("root", null=True),
    _bytes("digest", null=True),
    _text("jws", null=True),
    _int("sealed_at", null=True),
)

# The hashes of a checkpoint's tree, 256 per row (billing/checkpoints/checkpoint.py).
checkpoint_tiles = _table(
    "checkpoint_tiles",
    _text("environment", key=True),
    _int("day_start_at", key=True),
    # Level 0 has the leaves. Level 1 has the roots of the tiles at level 0.
    _int("level", key=True),
    _int("number", key=True),
    _text("first_id"),
    _text("last_id"),
    _bytes("ids"),  # msgpack
    _bytes("hashes"),
    _bytes("root"),
)

# Each ledger account's debits and credits, summed over all checkpoints (billing/checkpoints/sums.py).
sealed_balances = _table(
    "sealed_balances",
    _text("account_id", key=True),
    _text("environment", key=True),
    _text("ledger_account_id", key=True),
    _int("day_start_at"),
    _int("debits_micros"),
    _int("credits_micros"),
    _int("before_debits_micros"),  # without that checkpoint
    _int("before_credits_micros"),
)

# The progress of summing sealed_balances (billing/checkpoints/sums.py).
sealed_sums = _table(
    "sealed_sums",
    _text("environment", key=True),
    _int("summed_day", null=True),
    _int("tiles"),
)

# The last complete check of the checkpoints (billing/checkpoints/proving.py).
checkpoint_proofs = _table(
    "checkpoint_proofs",
    _text("environment", key=True),
    _int("day_start_at"),
    _int("began_at"),
    _int("findings"),
)

# A single row that says how far the record log has been written (billing/records/record_log.py).
record_marks = _table(
    "record_marks",
    _text("id", key=True),
    _int("step_no"),  # fences a second sealer
    _int("began_at"),
    _int("day_start_at"),
    _int("size"),
    _text("after_ids"),  # JSON
)

# Leaves of the record log, 256 per row (billing/records/record_log.py).
record_tiles = _table(
    "record_tiles",
    _int("day_start_at", key=True),
    _int("number", key=True),
    _text("first_id"),
    _text("last_id"),
    _int("sealed_at"),
    _bytes("root"),
    _bytes("leaves"),  # msgpack, by column
    _index("ix_record_tiles_ids", "day_start_at", "last_id"),
)

# Signed heads of the record log, one for each hour (billing/records/head.py).
record_heads = _table(
    "record_heads",
    _int("number", key=True),
    _int("day_start_at"),
    _int("size"),
    _bytes("root"),
    _bytes("digest"),
    _text("jws"),
    _int("sealed_to"),  # Rows from before this time are sealed, unless they were written late.
    _int("sealed_at"),
    _index("ix_record_heads_day", "day_start_at", "number"),
)

# Seeds for the salts of the record log's leaves (billing/records/record_log.py). A seed is deleted with its
# account, or when its rows are pruned.
record_seeds = _table(
    "record_seeds",
    _text("account_id", key=True),  # empty: the installation
    # the number of 30-day periods since 1970, or -1 for rows that are never pruned
    _int("period", key=True),
    _bytes("seed"),
)

# Deliveries that were still open when the record log reached them (billing/records/record_log.py).
record_waiting = _table(
    "record_waiting",
    _text("id", key=True),
    _text("account_id"),
    _index("ix_record_waiting_account", "account_id"),
)

# Signed statements of deliberate deletions (billing/records/removal.py).
record_removals = _table(
    "record_removals",
    _text("kind", key=True),  # values: event | delivery | security | account
    _text("subject", key=True),
    _int("until_at"),
    _text("jws"),
)

# Differences between our records and a supplier's or payment provider's (billing/reconciliation/differences.py).
money_differences = _table(
    "money_differences",
    _text("id", key=True),
    _text("account_id"),  # empty: unknown
    _text("environment"),
    _text("part"),  # values: ledger | suppliers | provider:<name>
    _text("kind"),
    _text("subject_id"),
    _int("expected"),  # our ledger's value
    _int("found"),  # the other side's
    _text("unit"),  # the unit of the amounts: a currency, micros, or times (a count)
    _text("detail"),
    _int("since"),
    _int("seen_at"),
    _int("closed_at", null=True),
    _text("closed_by", null=True),
    _text("reason", null=True),
    _index(
        "ux_money_differences_subject", "environment", "part", "kind", "subject_id", unique=True
    ),
    _index("ix_money_differences_environment", "environment", "id"),
    _index("ix_money_differences_open", "environment", "id", where="closed_at IS NULL"),
)

# The state of each part of the reconciliation (billing/reconciliation/runs.py).
reconciliation_parts = _table(
    "reconciliation_parts",
    _text("environment", key=True),
    _text("part", key=True),
    _int("next_at"),  # A run first changes this time, so that no other process starts the same run.
    _int("began_at", null=True),
    _int("ended_at", null=True),
    _int("checked", default=0),
    _text("fault", null=True),  # null: completed
    _text("mark", null=True),
)

# Account events. An event's signed bytes are stored once. webhooks/events/event.py writes events.
# webhooks/deliveries/retention.py deletes old ones.
events = _table(
    "events",
    _text("id", key=True),
    _text("account_id"),
    _text("environment"),
    _int("event_no"),
    _text("type"),
    _text("transaction_id", null=True),
    _int("is_sample", default=0),  # never replayed
    _bytes("body"),  # without a redeemable code
    _int("code_at", null=True),  # the position of the null that a code replaces in the body
    # The code, encrypted as in the top-up. Null means the voucher's code.
    _text("code_sealed", null=True),
    _text("trace", null=True),  # kernel/trace.py
    _int("created_at"),
    _index("ux_events_no", "account_id", "environment", "event_no", unique=True),
    # A send writes nothing to this index, because only these types cause mail.
    _index("ix_events_told", "created_at", where="type IN ('balance.low', 'key.created')"),
    _index("ix_events_transaction", "transaction_id", where="transaction_id IS NOT NULL"),
)

# Webhook endpoints. Written by webhooks/endpoints/endpoint.py, webhooks/endpoints/disabling.py,
# webhooks/endpoints/probe.py and webhooks/endpoints/resealing.py. webhooks/subscriptions/subscription.py writes the
# endpoints of MCP clients. Some columns are written by webhooks/deliveries/claim.py and
# webhooks/deliveries/delivery.py.
endpoints = _table(
    "endpoints",
    _text("id", key=True),
    _text("account_id"),
    _text("environment"),
    _text("url"),
    _text("description"),
    _text("events"),  # empty: all
    _bytes("headers_sealed", null=True),  # JSON
    _bytes("secret_sealed"),
    _bytes("previous_secret_sealed", null=True),
    _int("previous_secret_until_at", null=True),
    _bytes("signing_keys_sealed", null=True),  # Ed25519
    _text("public_keys", null=True),  # JSON
    _text("retry_schedule_s"),
    _int("rate_limit_per_s", null=True),
    _int("ordered", default=0),
    _int("include_codes", default=0),  # 1 if new event bodies contain codes
    _int("had_codes", default=0),  # 1 if older event bodies may contain codes
    _int("include_approval_links", default=0),
    _int("had_approval_links", default=0),  # 1 if older event bodies may contain approval links
    _text("payload_filter", null=True),  # JSON
    # GCRA
    _int("rate_tat_us", default=0),
    _int("drain_tat_us", default=0),
    _text("status"),  # enabled | disabled
    _int("enabled_at", null=True),
    _int("claimed_at", null=True),
    _text("disabled_reason", null=True),
    _int("disabled_at", null=True),
    _int("probe_at", null=True),
    _int("failing_since_at", null=True),
    _int("deleted_at", null=True),
    _int("created_at"),
    _text("made_by", null=True),
    # An MCP client's subscription. All deliveries before the cursor have ended.
    _text("subscription_id", null=True),
    _text("subscriber_id", null=True),
    _int("subscription_until_at", null=True),
    _text("subscription_cursor", null=True),
    _index(
        "ux_endpoints_subscription",
        "account_id",
        "environment",
        "subscription_id",
        unique=True,
        where="subscription_id IS NOT NULL AND deleted_at IS NULL",
    ),
    _index(
        "ix_endpoints_subscription_until",
        "subscription_until_at",
        where="subscription_id IS NOT NULL",
    ),
    _index("ix_endpoints_account", "account_id", "environment", "id", where="deleted_at IS NULL"),
    _index(
        "ix_endpoints_disabled",
        "disabled_at",
        "id",
        where="status = 'disabled' AND deleted_at IS NULL",
    ),
    _index(
        "ix_endpoints_public_keys", "id", where="public_keys IS NOT NULL AND deleted_at IS NULL"
    ),
    _index(
        "ix_endpoints_probe",
        "probe_at",
        where="status = 'disabled' AND disabled_reason = 'failing' AND deleted_at IS NULL",
    ),
)

# Endpoints that have due deliveries, in the order in which they are served
# (webhooks/deliveries/endpoint_queue.py).
endpoint_queue = _table(
    "endpoint_queue",
    _text("endpoint_id", key=True),
    _text("account_id"),
    _text("environment"),
    # The first open delivery can't be sent before this time.
    _int("ready_at", null=True),
    _int("is_failing", default=0),  # Failing endpoints wait in a separate queue.
    _int("change_no", default=0),  # increases with each write to this row, except by publishing
    _int("again_no", default=0),  # a number that increases when an old event gets a new delivery
    _int("ending_at", null=True),
    _index(
        "ix_endpoint_queue_ready",
        "is_failing",
        "ready_at",
        "endpoint_id",
        where="ready_at IS NOT NULL",
    ),
    _index("ix_endpoint_queue_ending", "ending_at", where="ending_at IS NOT NULL"),
    is_hot=True,
)

# Deliveries of events to endpoints. If endpoint_queue disagrees with a row here, this row is right. Written by
# webhooks/deliveries/delivery.py, webhooks/deliveries/claim.py, webhooks/deliveries/sequence.py and
# webhooks/deliveries/ending.py. webhooks/deliveries/retention.py deletes old ones.
deliveries = _table(
    "deliveries",
    _text("id", key=True),
    _text("event_id"),
    _text("endpoint_id"),
    _text("account_id"),
    _text("environment"),
    _text("event_type"),
    _text("transaction_id", null=True),
    _text("status"),  # values: pending | sending | delivered | failed | cancelled
    _int("attempts_made"),
    # when a pending delivery is due, or when a sending delivery's lease ends
    _int("next_attempt_at", null=True),
    _int("claim_no", default=0),  # Outcomes of claims with a lower number are rejected.
    _int("lost_claims", default=0),
    _text("replay_of", null=True),
    _text("replay_id", null=True),  # its replay job
    _int("code_at", null=True),
    _int("due_at", null=True),
    # ordered endpoints only
    _text("object_id", null=True),
    _int("event_no", null=True),
    # When a blocked delivery became due. It waits for another delivery about the same object.
    _int("blocked_since_at", null=True),
    _int("created_at"),
    _int("settled_at", null=True),
    # The most common status and type aren't indexed, because a page of such rows is found quickly anyway.
    _index("ix_deliveries_account", "account_id", "environment", "created_at", "id"),
    _index("ix_deliveries_endpoint", "endpoint_id", "created_at", "id"),
    _index(
        "ix_deliveries_status",
        "account_id",
        "environment",
        "status",
        "created_at",
        "id",
        where="status <> 'delivered'",
    ),
    _index(
        "ix_deliveries_type",
        "account_id",
        "environment",
        "event_type",
        "created_at",
        "id",
        where="event_type <> 'topup.delivered'",
    ),
    _index("ix_deliveries_replays", "event_id", where="replay_of IS NOT NULL"),
    # Replay jobs use these indexes to count their deliveries by status, and to replay each delivery only once.
    _index(
        "ix_deliveries_job", "replay_id", "status", "next_attempt_at", where="replay_id IS NOT NULL"
    ),
    _index(
        "ux_deliveries_job", "replay_id", "replay_of", unique=True, where="replay_id IS NOT NULL"
    ),
    _index(
        "ix_deliveries_due",
        "endpoint_id",
        "next_attempt_at",
        where="status IN ('pending', 'sending')",
    ),
    _index("ix_deliveries_transaction", "transaction_id", where="transaction_id IS NOT NULL"),
    # For ordered endpoints, these indexes find an object's first delivery and the one that is being sent.
    _index(
        "ix_deliveries_object",
        "endpoint_id",
        "object_id",
        "event_no",
        "id",
        where="status IN ('pending', 'sending') AND object_id IS NOT NULL",
    ),
    _index(
        "ix_deliveries_object_sending",
        "endpoint_id",
        "object_id",
        where="status = 'sending' AND object_id IS NOT NULL",
    ),
    is_hot=True,
)

# Jobs that resend a period's deliveries (webhooks/replays/replay.py, webhooks/replays/step.py).
replays = _table(
    "replays",
    _text("id", key=True),
    _text("account_id"),
    _text("environment"),
    _text("endpoint_id"),
    _text("status"),  # values: running | paused | done | cancelled
    _text("delivery_status"),  # failed | delivered
    _text("event_types"),  # empty: all
    _int("since_at"),  # inclusive
    _int("until_at"),
    _int("rate_per_s"),
    _int("matched"),
    _int("queued", default=0),
    _int("after_at"),  # a cursor
    _text("after_id"),
    _int("is_queued", default=0),
    _int("next_step_at", null=True),  # null once the counts are final
    _int("done", null=True),  # null: not final
    _int("failed", null=True),
    _int("created_at"),
    _int("ended_at", null=True),
    # A failed delivery. The job replays only deliveries that got the same response.
    _text("like_id", null=True),
    _int("like_status", null=True),
    _text("like_error", null=True),
    _text("like_phrase", null=True),
    # how many deliveries may be sent at a time, or null without a ramp
    _int("ramp_size", null=True),
    _int("ramp_at", null=True),
    # "failing" if deliveries failed during the ramp; null if a user paused the job
    _text("paused_reason", null=True),
    _index("ix_replays_account", "account_id", "environment", "id"),
    _index(
        "ix_replays_due", "next_step_at", where="status <> 'paused' AND next_step_at IS NOT NULL"
    ),
)

# HTTP requests that were made for a delivery. webhooks/deliveries/delivery.py writes them.
# webhooks/deliveries/retention.py deletes old ones.
attempts = _table(
    "attempts",
    _text("delivery_id", key=True),
    _int("number", key=True),
    _text("id"),
    _text("account_id"),
    _text("environment"),
    _int("started_at"),
    _int("duration_us"),
    _int("http_status", null=True),
    _text("error", null=True),  # values: timeout | connect | tls | address | protocol | http | lost
    _text("reason", null=True),
    _text("remote_address", null=True),
    _text("timings_ms"),  # JSON
    _text("request_headers"),
    _text("body_sha256", null=True),
    _bytes("response_body"),  # at most 4 KiB
)

# Notices about failing endpoints, one per stage (webhooks/deliveries/notice.py,
# webhooks/subscriptions/subscription.py).
notices = _table(
    "notices",
    _text("id", key=True),
    _text("account_id"),
    _text("environment"),
    _text("endpoint_id"),
    _text("stage"),  # values: failing | failing_for_a_day | failing_for_four_days | disabled
    _text("reason", null=True),
    _int("failing_since_at"),
    _int("created_at"),
    _int("ended_at", null=True),
    _int("notified_at", null=True),
    _int("end_notified_at", null=True),
    _index(
        "ix_notices_untold",
        "account_id",
        "environment",
        where="notified_at IS NULL AND ended_at IS NULL",
    ),
    _index(
        "ix_notices_end_untold",
        "account_id",
        "environment",
        where="notified_at IS NOT NULL AND ended_at IS NOT NULL AND end_notified_at IS NULL",
    ),
    _index("ix_notices_account", "account_id", "environment", "id"),
    _index("ux_notices_stage", "endpoint_id", "failing_since_at", "stage", unique=True),
)

# Checkout pages of simulated providers, in staging only (billing/payments/sandbox/checkout.py).
sandbox_checkouts = _table(
    "sandbox_checkouts",
    _text("token", key=True),  # Part of the page's address. Anyone who has it can pay.
    _text("account_id"),
    _text("environment"),
    _text("order_id"),
    _text("provider"),
    _text("kind"),  # payment | subscription | invoice
    _text("ref"),
    _text("payment_id"),
    _int("pay_amount"),
    _text("pay_currency"),
    _text("outcome", null=True),  # paid | failed | expired
    _int("created_at"),
    _int("ended_at", null=True),
    _index("ux_sandbox_checkouts_order", "order_id", unique=True),
)

# Credit packs for sale (billing/catalog/pack.py).
packs = _table(
    "packs",
    _text("environment", key=True),
    _text("id", key=True),
    _text("name"),
    _int("amount"),
    _text("currency"),
    _int("credits"),  # The number of credits, including the bonus. One credit is $0.001.
    _int("bonus_credits", default=0),
    _int("is_popular", default=0),
    _int("is_active", default=1),
    _int("position", default=0),
    _int("created_at"),
    sa.CheckConstraint("amount > 0 AND credits > 0", name="pack_sells_something"),
)

# Coupons (billing/catalog/coupon.py).
coupons = _table(
    "coupons",
    _text("id", key=True),
    _text("environment"),
    _text("code"),
    _text("kind"),  # percent | amount
    _int("percent", null=True),
    _int("amount_off", null=True),
    _text("currency", null=True),  # null: any
    _int("minimum_amount", null=True),
    _int("uses_max", null=True),
    _int("uses_per_account", null=True),
    _int("used_count", default=0),
    _int("expires_at", null=True),
    _int("is_active", default=1),
    _int("created_at"),
    sa.CheckConstraint("used_count >= 0", name="used_count_not_negative"),
    _index("ux_coupons_code", "environment", "code", unique=True),
    _index("ix_coupons_environment", "environment", "id"),
)

# Coupon uses by orders (billing/catalog/coupon.py). A row is deleted when its order ends unpaid.
coupon_uses = _table(
    "coupon_uses",
    _text("coupon_id", key=True),
    _text("order_id", key=True),
    _text("account_id"),
    _int("created_at"),
    _index("ix_coupon_uses_account", "account_id", "coupon_id"),
)

# Orders for credit (billing/orders/records.py).
orders = _table(
    "orders",
    _text("id", key=True),
    _text("account_id"),
    _text("environment"),
    # 32 hex characters. Some providers and API dialects use them as the order's ID.
    _text("order_no"),
    _text("reference"),
    _text("kind"),  # payment | subscription | invoice
    _text("status"),  # order.MOVES
    _text("provider"),
    # 1 if the payer uses the sandbox's page instead of the provider's
    _int("is_simulated", default=0),
    _text("method", null=True),
    _text("pack_id", null=True),
    _text("pack_name", null=True),
    _text("plan_id", null=True),
    _text("interval", null=True),  # month | year
    _int("amount"),
    _text("currency"),
    _int("discount", default=0),
    _int("pay_amount"),
    _text("pay_currency"),
    _int("credits_micros"),
    _int("promotional_micros", default=0),  # the coupon's part
    _text("coupon_id", null=True),
    _text("coupon_code", null=True),
    _text("url", null=True),
    _text("provider_ref", null=True),
    _text("customer_ref", null=True),
    _text("invoice_pdf", null=True),
    _text("success_url", null=True),
    _text("cancel_url", null=True),
    _text("oauth_app_id", null=True),
    _text("created_by", null=True),
    _text("request_digest", null=True),
    _text("payment_id", null=True),
    _int("paid_amount", null=True),
    _text("paid_currency", null=True),
    _int("refunded_amount", default=0),  # returned or disputed
    _int("reversed_micros", default=0),  # credit taken back
    # how much of the credit that was taken back went to the PROMOTION account
    _int("reversed_promotional_micros", default=0),
    # how much was taken back from the order's own grant
    _int("reversed_grant_micros", default=0),
    _text("reason", null=True),
    _int("next_check_at", null=True),
    _int("checks_made", default=0),
    _int("created_at"),
    _int("expires_at"),
    _int("paid_at", null=True),
    _int("opened_at", null=True),
    _int("checked_at", null=True),
    _text("answer", null=True),  # unpaid | told | silent
    _text("origin", null=True),  # recharge; null: a caller
    _int("saves_payment", default=0),
    _int("trial_days", null=True),
    # Written by billing/documents. It is null until the receipt is numbered, and empty if there is none.
    _text("receipt_id", null=True),
    _int("noted_amount", default=0),  # how much of refunded_amount is on credit or debit notes
    # JSON
    _text("terms", null=True),
    sa.CheckConstraint(
        "promotional_micros >= 0 AND promotional_micros <= credits_micros",
        name="promotional_within_credits",
    ),
    sa.CheckConstraint(
        "reversed_micros >= 0 AND reversed_micros <= credits_micros",
        name="reversed_within_credits",
    ),
    _index("ix_orders_account", "account_id", "environment", "id"),
    _index("ux_orders_order_no", "order_no", unique=True),
    _index("ux_orders_reference", "reference", unique=True),
    _index(
        "ux_orders_request",
        "account_id",
        "environment",
        "request_digest",
        unique=True,
        where="request_digest IS NOT NULL",
    ),
    _index("ix_orders_environment", "environment", "id"),
    _index(
        "ix_orders_due", "next_check_at", where="status = 'pending' AND next_check_at IS NOT NULL"
    ),
    _index("ix_orders_pending", "account_id", "environment", where="status = 'pending'"),
    _index("ix_orders_review", "environment", "id", where="status = 'review'"),
    _index(
        "ix_orders_approved",
        "environment",
        "id",
        where="paid_at IS NOT NULL AND reason IS NOT NULL",
    ),
    _index("ix_orders_reversed", "environment", "id", where="reversed_micros > 0"),
    _index(
        "ix_orders_unnumbered",
        "environment",
        "paid_at",
        "id",
        where="paid_at IS NOT NULL AND receipt_id IS NULL",
    ),
    _index("ix_orders_unnoted", "environment", "id", where=UNNOTED),
)

# Receipts, credit notes and debit notes (billing/documents/numbering.py). They are numbered without gaps and never
# change.
billing_documents = _table(
    "billing_documents",
    _text("id", key=True),
    _text("account_id"),
    _text("environment"),
    _text("kind"),  # values: receipt | credit_note | debit_note
    _text("series"),  # a prefix and the year, such as R-2026
    _int("sequence"),
    _text("number"),
    _text("subject_id"),
    _text("order_id"),
    _text("subscription_id", null=True),
    _int("amount"),  # includes tax
    _text("currency"),
    _text("facts"),  # JSON
    _int("dated_at"),
    _int("created_at"),
    _index("ux_billing_documents_number", "environment", "number", unique=True),
    _index("ux_billing_documents_series", "environment", "series", "sequence", unique=True),
    _index("ix_billing_documents_account", "account_id", "environment", "id"),
    _index("ix_billing_documents_subject", "subject_id", "id"),
    _index("ix_billing_documents_order", "order_id", "id"),
)

# The last number of each series. billing/documents/numbering.py locks the row with the empty series.
document_series = _table(
    "document_series",
    _text("environment", key=True),
    _text("series", key=True),
    _int("last_number"),
)

# Accounts' billing details for receipts (billing/documents/billing_details.py).
billing_details = _table(
    "billing_details",
    _text("account_id", key=True),
    _text("name"),
    _text("address"),
    _text("tax_id"),
    _int("updated_at"),
)

# Tax and discounts on payments, as providers report them (billing/providers/breakdown.py).
payment_breakdowns = _table(
    "payment_breakdowns",
    _text("provider", key=True),
    _text("environment", key=True),
    _text("payment_id", key=True),  # or a period's invoice
    _text("breakdown"),  # JSON
    _int("created_at"),
)

# Providers' fees for payments (billing/reconciliation/own_payments.py).
payment_fees = _table(
    "payment_fees",
    _text("owner_id", key=True),
    _text("account_id"),
    _text("environment"),
    _text("provider"),
    _text("payment_id"),
    _int("amount"),
    _text("currency"),
    _int("paid_at"),  # the provider's clock
    _int("recorded_at"),
    _index("ix_payment_fees_account", "account_id"),
    _index("ix_payment_fees_paid", "environment", "paid_at"),
)

# IDs that a provider may send instead of an order's own ID (billing/orders/records.py).
provider_objects = _table(
    "provider_objects",
    _text("provider", key=True),
    _text("environment", key=True),
    _text("object_id", key=True),
    _text("account_id"),
    _text("order_id", null=True),
    _int("created_at"),
    _index("ix_provider_objects_order", "order_id"),
)

# Refunds and disputes of an order's payment (billing/orders/records.py).
order_reversals = _table(
    "order_reversals",
    _text("order_id", key=True),
    _text("key", key=True),
    _text("account_id"),
    _text("environment"),
    # values: refund | part | dispute. One refund may consist of several parts.
    _text("kind"),
    _int("amount"),
    _text("status"),  # values: open | won | lost (disputes), done | failed (refunds)
    _int("created_at"),
)

# Payments that weren't credited: an order's second payment, or a plan's payment that needs review
# (billing/orders/working_set.py).
uncredited_payments = _table(
    "uncredited_payments",
    _text("id", key=True),
    _text("account_id"),
    _text("environment"),
    _text("order_id"),
    _text("provider"),
    _text("payment_ref"),
    _int("amount"),
    _text("currency"),
    _int("refunded_amount", default=0),
    _int("created_at"),
    _int("closed_at", null=True),
    _index("ix_uncredited_payments_order", "order_id"),
    _index("uq_uncredited_payments_ref", "provider", "environment", "payment_ref", unique=True),
)

# Refunds and disputes of uncredited payments (billing/orders/working_set.py). The table has the same columns as
# order_reversals.
uncredited_reversals = _table(
    "uncredited_reversals",
    _text("payment_id", key=True),
    _text("key", key=True),
    _text("account_id"),
    _text("environment"),
    _text("kind"),
    _int("amount"),
    _text("status"),
    _int("created_at"),
)

# Requested refunds of orders, subscription periods and uncredited payments (billing/orders/refund.py).
refunds = _table(
    "refunds",
    _text("id", key=True),
    _text("account_id"),
    _text("environment"),
    _text("order_id"),
    _text("owner_id"),
    _int("period_start_at", null=True),
    _text("provider"),
    _text("payment_ref"),
    _text("status"),  # values: requested | unknown | pending | succeeded | failed
    _int("amount"),
    _text("currency"),
    _text("reason"),
    _int("is_named", default=1),  # 0 if the provider's notifications don't name the refund
    _int("is_made_at_provider", default=0),
    _int("held_micros", default=0),
    _int("held_grant_micros", default=0),
    _text("provider_refund_id", null=True),
    _text("detail", null=True),
    _text("requested_by", null=True),
    _int("checks_made", default=0),
    _int("requested_at", null=True),
    _int("next_check_at", null=True),
    _int("created_at"),
    _int("ended_at", null=True),
    _int("lease_until", null=True),
    _index("ix_refunds_owner", "owner_id"),
    _index("ix_refunds_order", "order_id"),
    _index("ix_refunds_account", "account_id", "environment", "id"),
    _index("uq_refunds_open", "owner_id", unique=True, where="ended_at IS NULL"),
    _index("ix_refunds_due", "next_check_at", where="next_check_at IS NOT NULL"),
)

# Disputes, as providers report them (billing/payments/disputes.py).
disputes = _table(
    "disputes",
    _text("provider", key=True),
    _text("environment", key=True),
    _text("id", key=True),
    _text("account_id", null=True),
    _text("order_id", null=True),
    _int("amount"),
    _text("currency"),
    _text("status"),
    _text("reason"),
    _int("is_inquiry", default=0),  # no money taken
    _int("due_at", null=True),  # for the evidence
    _text("page_url", null=True),
    _int("created_at"),
    _int("reported_at"),
    _int("ended_at", null=True),
    _index("ix_disputes_order", "order_id"),
    _index("ix_disputes_account", "account_id"),
    _index("ix_disputes_open", "environment", "due_at", where="ended_at IS NULL"),
)

# Genuine notifications from providers (billing/providers/event_log.py). Forged ones aren't stored.
provider_events = _table(
    "provider_events",
    _text("provider", key=True),
    _text("environment", key=True),
    _text("event_id", key=True),
    _text("type"),
    _text("account_id", null=True),
    _text("order_id", null=True),
    _text("outcome"),  # values: applied | repeated | ignored | unknown | refused | review
    _text("detail"),
    _text("reason", null=True),
    _text("expected", null=True),
    _text("came", null=True),
    _int("received_at"),
    _int("resolved_at", null=True),
    _text("payment_ref", null=True),
    _index("ix_provider_events_received", "environment", "received_at"),
    _index("ix_provider_events_order", "order_id", where="order_id IS NOT NULL"),
    _index(
        "ix_provider_events_open",
        "environment",
        "received_at",
        where="outcome IN ('review', 'refused') AND resolved_at IS NULL",
    ),
)

# Subscription plans (billing/catalog/plan.py).
plans = _table(
    "plans",
    _text("environment", key=True),
    _text("id", key=True),
    _text("name"),
    _text("description"),
    _int("price_monthly"),
    _int("price_yearly", null=True),
    _text("currency"),
    _int("credits_included"),  # The monthly credit. A yearly payment grants twelve times as much.
    _int("trial_days", default=0),
    _int("trial_credits", default=0),
    _text("features"),  # JSON list
    # These four columns repeat plan_products. The next release removes them.
    _text("stripe_price_id_monthly", null=True),
    _text("stripe_price_id_yearly", null=True),
    _text("creem_product_id", null=True),
    _text("creem_product_id_yearly", null=True),
    _int("is_active", default=1),
    _int("position", default=0),
    _int("created_at"),
    _text("grant_terms", null=True),  # JSON
    sa.CheckConstraint("price_monthly > 0 AND credits_included > 0", name="plan_sells_something"),
)

# A plan's price or product at a provider (billing/catalog/plan.py).
plan_products = _table(
    "plan_products",
    _text("environment", key=True),
    _text("plan_id", key=True),
    _text("provider", key=True),
    _text("interval", key=True),  # month | year
    _text("ref"),
)

# Subscriptions and their fixed terms (billing/subscriptions/records.py).
subscriptions = _table(
    "subscriptions",
    _text("id", key=True),
    _text("account_id"),
    _text("environment"),
    _text("order_id"),
    _text("provider"),
    _int("is_simulated", default=0),
    _text("provider_ref", null=True),
    _text("customer_ref", null=True),
    _text("status"),  # subscription.MOVES
    _text("plan_id"),
    _text("plan_name"),
    _text("interval"),  # month | year
    _int("credits_micros"),
    _int("amount"),
    _text("currency"),
    _int("first_amount"),  # The first payment may be less than amount because of a coupon.
    _text("product_ref", null=True),
    _text("next_plan_id", null=True),
    _text("next_interval", null=True),
    _int("next_amount", null=True),
    _int("trial_days", default=0),
    _int("trial_micros", default=0),
    _int("trial_ends_at", null=True),
    # how much was returned to the customer's balance for unused time
    _int("carried_amount", default=0),
    _int("carried_before", null=True),
    _int("is_ending", default=0),
    _int("reported_at", null=True),
    _int("paid_until_at", null=True),
    _int("due_at", null=True),
    _int("created_at"),
    _int("ended_at", null=True),
    _text("grant_terms", null=True),
    _int("charge_at", null=True),
    _int("paused_at", null=True),
    _int("resumes_at", null=True),  # null: no end
    _int("next_check_at", null=True),
    sa.CheckConstraint("first_amount <= amount", name="first_amount_within_amount"),
    _index("ix_subscriptions_account", "account_id", "environment", "id"),
    _index("ux_subscriptions_order", "order_id", unique=True),
    _index("ix_subscriptions_due", "due_at", where="due_at IS NOT NULL"),
    _index("ix_subscriptions_check", "next_check_at", where="next_check_at IS NOT NULL"),
)

# Paid or free subscription periods (billing/subscriptions/records.py). Each is credited once.
subscription_periods = _table(
    "subscription_periods",
    _text("subscription_id", key=True),
    _int("period_start_at", key=True),
    _text("id"),
    _text("account_id"),
    _text("environment"),
    _int("period_end_at"),
    _text("invoice_id"),
    _text("plan_id"),
    _int("amount"),
    _text("currency"),
    _int("credits_micros"),
    _int("is_prorated", default=0),  # 1 if the payment covers only part of the period
    _int("refunded_amount", default=0),
    _int("reversed_micros", default=0),
    _int("created_at"),
    _text("receipt_id", null=True),
    _int("noted_amount", default=0),
    # Set after a plan change. prorated_amount is the price of the remaining time minus the value of the unused time.
    _int("prorated_amount", null=True),
    _int("plan_amount", null=True),
    _int("plan_micros", null=True),
    _int("corrected_micros", default=0),
    _text("comp_reason", null=True),
    _text("comp_by", null=True),
    _int("comp_ended_at", null=True),
    # The part of reversed_micros that was taken from rolled-over credit
    _int("reversed_rolled_micros", default=0),
    sa.CheckConstraint(
        "reversed_micros >= 0 AND reversed_micros <= credits_micros",
        name="period_reversed_within_credits",
    ),
    _index(
        "ix_subscription_periods_unnumbered",
        "environment",
        "created_at",
        "id",
        where="receipt_id IS NULL",
    ),
    _index("ix_subscription_periods_unnoted", "environment", "id", where=UNNOTED),
    _index("ux_subscription_periods_id", "id", unique=True),
    _index("ix_subscription_periods_account", "account_id", "environment"),
)

# Requested subscription changes (billing/subscriptions/subscription_change.py).
subscription_steers = _table(
    "subscription_steers",
    _text("id", key=True),
    _text("subscription_id"),
    _text("account_id"),
    _text("environment"),
    _text("act"),  # values: cancel | cancel_now | pause | resume | change
    _text("plan_id", null=True),
    _text("interval", null=True),
    _text("product_ref", null=True),
    _int("amount", null=True),
    _int("is_charged_now", default=0),
    _text("status"),  # values: asked | done | refused | given_up
    _text("requested_by"),
    _text("reason", null=True),
    _int("attempts", default=0),
    # null: ended
    _int("next_attempt_at", null=True),
    _int("created_at"),
    _int("ended_at", null=True),
    _int("resumes_at", null=True),
    _index("ux_subscription_steers_open", "subscription_id", unique=True, where="ended_at IS NULL"),
    _index("ix_subscription_steers_due", "next_attempt_at", where="next_attempt_at IS NOT NULL"),
    _index("ix_subscription_steers_account", "account_id", "environment"),
)

# Mail to accounts' owners and members (billing/recipients/owner_mail.py). There is one row for each occasion.
owner_mails = _table(
    "owner_mails",
    _text("id", key=True),
    _text("account_id"),
    _text("environment"),
    # values: past_due | recharge_failed | credit_expiring | receipt | approval | invitation |
    # password | password_changed | suspended | resumed | address | webhook | balance | key
    _text("kind"),
    _text("subscription_id"),  # empty: none
    _text("status"),  # values: queued | sent | bounced | failed | outbox | unwanted | limited
    _int("attempts", default=0),
    # null: never
    _int("next_attempt_at", null=True),
    _text("reason", null=True),
    _int("created_at"),
    _int("ended_at", null=True),
    _text("about", null=True),  # JSON
    _int("next_receipt_at", null=True),
    _int("next_approval_at", null=True),
    _int("next_invitation_at", null=True),
    _int("next_notice_at", null=True),
    _text("member_id", null=True),
    _index(
        "ix_owner_mails_approvals_due", "next_approval_at", where="next_approval_at IS NOT NULL"
    ),
    _index("ix_owner_mails_account", "account_id", "environment", "id"),
    _index(
        "ix_owner_mails_invitations_due",
        "next_invitation_at",
        where="next_invitation_at IS NOT NULL",
    ),
    _index("ix_owner_mails_notices_due", "next_notice_at", where="next_notice_at IS NOT NULL"),
    _index("ix_owner_mails_due", "next_attempt_at", where="next_attempt_at IS NOT NULL"),
    _index("ix_owner_mails_receipts_due", "next_receipt_at", where="next_receipt_at IS NOT NULL"),
)

# When mail with several notices was last written (billing/recipients/gathered_mail.py). A writer of such mail
# first locks the row for its kind.
notification_turns = _table(
    "notification_turns",
    _text("account_id", key=True),
    _text("environment", key=True),
    _text("kind", key=True),  # webhook | balance | key
    _int("notified_no", default=0),
    _int("written_at", null=True),
)

# Paid invoices that no rule credits, so an operator decides (billing/subscriptions/records.py).
held_invoices = _table(
    "held_invoices",
    _text("provider", key=True),
    _text("environment", key=True),
    _text("invoice_id", key=True),
    _text("account_id"),
    _text("subscription_id"),
    _text("provider_ref"),
    _text("customer_ref", null=True),
    _text("product_ref", null=True),
    _int("period_start_at"),
    _int("period_end_at"),
    _int("amount"),
    _int("paid_amount"),
    _text("currency"),
    _text("plan_id"),  # the plan that the invoice seems to pay for
    _int("price_amount"),  # that plan's
    _text("price_currency"),
    _int("credits_micros"),  # that plan's
    _int("created_at"),
    _int("resolved_at", null=True),
    _index("ix_held_invoices_subscription", "subscription_id"),
)

# Plan credit that expires, or is granted later than it is paid for (billing/subscriptions/plan_grant.py). Times are
# on the account's own clock, except created_at.
plan_grants = _table(
    "plan_grants",
    _text("id", key=True),
    _text("account_id"),
    _text("environment"),
    _text("subscription_id"),
    _text("period_id"),
    _text("plan_id"),
    _text("kind"),  # part | rollover
    _text("expires"),  # values: never | period_end | a number of days such as 30d
    _int("starts_at"),
    _int("ends_at"),
    _int("due_at", null=True),
    _int("granted_at", null=True),
    _int("expires_at", null=True),
    _int("credits_micros"),
    _int("granted_micros", default=0),
    _int("debt_micros", default=0),
    _int("expired_micros", default=0),
    _int("rolled_micros", default=0),
    _int("reversed_micros", default=0),
    _int("reversed_expired_micros", default=0),
    _int("created_at"),
    # Expired, but unreported. Below 0: what a dispute took before its report, to be reported if it returns.
    _int("unreported_micros", default=0),
    sa.CheckConstraint(
        "granted_micros >= 0 AND granted_micros <= credits_micros", name="given_within_credits"
    ),
    sa.CheckConstraint(
        "expired_micros >= 0 AND rolled_micros >= 0"
        " AND reversed_micros >= 0 AND reversed_expired_micros >= 0",
        name="grant_amounts_not_negative",
    ),
    _index("ix_plan_grants_subscription", "subscription_id", "id"),
    _index("ix_plan_grants_account", "account_id", "environment", "id"),
    _index("ix_plan_grants_due", "due_at", where="due_at IS NOT NULL"),
)

# Notices that credit will expire (billing/subscriptions/expiry_notice.py). There is one for each lead time.
expiry_notices = _table(
    "expiry_notices",
    _text("ledger_account_id", key=True),
    _int("days_before", key=True),
    _text("account_id"),
    _text("environment"),
    _int("created_at"),
    _index("ix_expiry_notices_account", "account_id", "environment"),
)

# Credit that an operator added or removed (billing/credits/adjustment.py).
credit_adjustments = _table(
    "credit_adjustments",
    _text("id", key=True),
    _text("account_id"),
    _text("environment"),
    _int("credits"),  # signed
    _text("reason"),
    _int("is_promotional"),
    _int("expires_at", null=True),
    _int("created_at"),
    _index("ix_credit_adjustments_account", "account_id", "environment", "id"),
)

# How often each entitlement was used (billing/subscriptions/entitlement.py).
entitlement_counts = _table(
    "entitlement_counts",
    _text("account_id", key=True),
    _text("environment", key=True),
    _text("name", key=True),
    _int("window_start_at"),
    _int("used"),
    sa.CheckConstraint("used >= 0", name="used_not_negative"),
)

# Entitlement uses (billing/subscriptions/entitlement.py). The caller gives each use a reference.
entitlement_uses = _table(
    "entitlement_uses",
    _text("account_id", key=True),
    _text("environment", key=True),
    _text("reference", key=True),
    _text("name"),
    _int("count"),
    _text("key_id", null=True),
    _int("created_at"),
    _index("ix_entitlement_uses_created", "environment", "created_at"),
)

# Refunds and disputes of subscription periods (billing/subscriptions/records.py). The table has the same columns as
# order_reversals.
period_reversals = _table(
    "period_reversals",
    _text("period_id", key=True),
    _text("key", key=True),
    _text("account_id"),
    _text("environment"),
    _text("kind"),  # refund | part | dispute
    _int("amount"),
    _text("status"),  # values: open | won | lost (disputes), done | failed (refunds)
    _int("created_at"),
)

# The provider's IDs for a subscription and its payments (billing/subscriptions/records.py).
subscription_objects = _table(
    "subscription_objects",
    _text("provider", key=True),
    _text("environment", key=True),
    _text("object_id", key=True),
    _text("account_id"),
    _text("subscription_id"),
    _int("period_start_at"),  # 0: the subscription itself
    _int("created_at"),
    _index("ix_subscription_objects_subscription", "subscription_id"),
)

# Accounts' customer IDs at providers (billing/subscriptions/records.py).
provider_customers = _table(
    "provider_customers",
    _text("account_id", key=True),
    _text("environment", key=True),
    _text("provider", key=True),
    _text("customer_ref"),
    _int("updated_at"),
)

# Erased accounts' customers, which a worker has yet to delete at the provider (store/erase.py,
# billing/payments/recharging/customer_deletion.py).
forgotten_customers = _table(
    "forgotten_customers",
    _text("provider", key=True),
    _text("environment", key=True),
    _text("customer_ref", key=True),
    _int("attempts", default=0),
    _int("next_attempt_at"),
    _text("last_error", null=True),
    _int("created_at"),
    _index("ix_forgotten_customers_due", "next_attempt_at"),
)

# Auto-recharge settings (billing/recharges/recharge.py).
recharges = _table(
    "recharges",
    _text("account_id", key=True),
    _text("environment", key=True),
    _text("provider"),
    _int("is_simulated", default=0),
    _text("customer_ref"),
    _text("method_ref"),
    _text("brand"),
    _text("last4"),
    _int("below_cents"),
    _int("amount_cents"),
    _int("monthly_max_cents"),  # per UTC month
    _int("failures", default=0),
    # values: failures | operator | dispute; null while recharging is on
    _text("disabled_reason", null=True),
    _int("retry_at", null=True),
    _int("changed_at"),
    _index("ix_recharges_retry", "retry_at", where="retry_at IS NOT NULL"),
)

# Charges made by auto-recharge (billing/recharges/recharge.py). Each belongs to one order.
recharge_charges = _table(
    "recharge_charges",
    _text("order_id", key=True),
    _text("account_id"),
    _text("environment"),
    _text("month"),  # such as 2026-11
    _int("amount_cents"),
    _text("customer_ref"),
    _text("method_ref"),
    _text("method"),  # such as "visa 4242"
    _int("sent_at", null=True),
    _int("next_at", null=True),
    _int("asked", default=0),
    _int("is_counted", default=1),
    _text("reason", null=True),
    _text("url", null=True),
    _int("disputed_at", null=True),
    _int("created_at"),
    _index("ix_recharge_charges_month", "account_id", "environment", "month"),
    _index("ix_recharge_charges_due", "next_at", where="next_at IS NOT NULL"),
)

# Saved cards of simulated providers, in staging only (billing/payments/sandbox/checkout.py).
sandbox_cards = _table(
    "sandbox_cards",
    _text("ref", key=True),
    _text("account_id"),
    _text("environment"),
    _text("provider"),
    _text("token"),
    _text("card", null=True),
    _text("success_url"),
    _int("created_at"),
    _int("removed_at", null=True),
    _index("ix_sandbox_cards_account", "account_id", "environment"),
    _index("ux_sandbox_cards_token", "token", unique=True),
)

# Charges to saved cards at simulated providers (billing/payments/sandbox/checkout.py).
sandbox_charges = _table(
    "sandbox_charges",
    _text("order_id", key=True),
    _text("account_id"),
    _text("environment"),
    _text("ref"),
    _text("outcome"),
    _int("created_at"),
)

# Two IDs that a provider uses for the same object (billing/payments/notifications.py). A refund may name only the
# second ID.
provider_links = _table(
    "provider_links",
    _text("provider", key=True),
    _text("environment", key=True),
    _text("object_id", key=True),
    _text("linked_id"),
    _int("created_at"),
    _index("ix_provider_links_linked", "provider", "environment", "linked_id"),
)

# Refunds and disputes whose order wasn't known when they were reported (billing/payments/notifications.py).
provider_strays = _table(
    "provider_strays",
    _text("provider", key=True),
    _text("environment", key=True),
    _text("object_id", key=True),
    _text("key", key=True),
    _text("kind", key=True),  # values: refund | part | failed | failed_part | dispute | closed
    _text("account_id", null=True),
    _int("amount"),
    _text("currency"),
    _int("is_won", default=0),
    _int("created_at"),
)

# Subscriptions as a simulated provider stores them (billing/payments/sandbox/subscription.py).
sandbox_subscriptions = _table(
    "sandbox_subscriptions",
    _text("ref", key=True),
    # Part of the portal page's address. Anyone who has it can manage the subscription.
    _text("token"),
    _text("account_id"),
    _text("environment"),
    _text("order_id"),
    _text("provider"),
    _text("customer_ref"),
    _text("status"),  # values: active | past_due | ended
    _text("product_ref"),
    _text("interval"),  # month | year
    _int("amount"),
    _text("currency"),
    _int("first_amount"),
    _int("trial_days", default=0),
    _text("next_product_ref", null=True),  # null: the same
    _text("next_interval", null=True),
    _int("next_amount", null=True),
    _int("is_ending", default=0),
    _int("is_declining", default=0),
    _int("number", default=0),
    _int("attempts", default=0),
    _int("anchor_at"),
    _int("cycle", default=0),
    _int("next_at", null=True),
    _int("created_at"),
    _int("paused_at", null=True),
    _int("resumes_at", null=True),
    _index("ux_sandbox_subscriptions_token", "token", unique=True),
    _index("ux_sandbox_subscriptions_order", "order_id", unique=True),
    _index("ix_sandbox_subscriptions_next", "next_at", where="next_at IS NOT NULL"),
    _index("ix_sandbox_subscriptions_account", "account_id", "environment"),
)

# The audit log (keys/audit_log.py). Entries with is_security are deleted after their retention time. Others are
# never deleted.
audit_log = _table(
    "audit_log",
    _text("id", key=True),
    _text("environment"),
    _text("account_id", null=True),
    _text("actor"),
    _text("actor_account_id", null=True),
    _text("action"),
    _text("subject_id"),
    _text("before", null=True),  # JSON
    _text("after", null=True),  # JSON
    _text("reason", null=True),
    _int("is_security", default=0),
    _text(
        "actor_kind", null=True
    ),  # values: key | token | session | app | operator | visitor | cli | gateway
    _text("address", null=True),
    _text("user_agent", null=True),
    _text("outcome", default="done"),  # done | refused
    _int("created_at"),
    _index("ix_audit_log_environment", "environment", "id"),
    _index(
        "ix_audit_log_operators", "id", where="is_security = 0 OR actor_kind IN ('operator', 'cli')"
    ),
    _index("ix_audit_log_security", "account_id", "id", where="is_security = 1"),
    _index("ix_audit_log_retention", "created_at", where="is_security = 1"),
    _index("ix_audit_log_account", "account_id", "id", where="account_id IS NOT NULL"),
)

# Price list versions (billing/usage/price_rows.py).
price_lists = _table(
    "price_lists",
    _text("environment", key=True),
    _int("version"),
)

# Model prices (billing/usage/price_rows.py). Rows are never changed.
usage_prices = _table(
    "usage_prices",
    _text("environment", key=True),
    # A name that ends in * matches every model whose name begins with the rest.
    _text("model", key=True),
    _int("version", key=True),
    # The price of 1,000,000 tokens. Null if the price was withdrawn.
    _int("input_micros", null=True),
    _int("output_micros", null=True),
    _int("cached_micros", null=True),
    _text("changed_by"),
    _int("changed_at"),
)

# A UTC day's usage by key, app and model (billing/usage/usage_day.py).
usage_days = _table(
    "usage_days",
    _text("account_id", key=True),
    _text("environment", key=True),
    _int("day_start_at", key=True),
    _text("key_id", key=True),
    _text("app_id", key=True),
    _text("model", key=True),
    _int("records"),
    _int("amount_micros"),
    _int("input_tokens"),
    _int("output_tokens"),
    _int("cached_tokens"),
    is_hot=True,
)

# Recorded usage. Written by billing/usage/usage.py. billing/usage/usage_day.py also writes counted_day.
usage_records = _table(
    "usage_records",
    _text("id", key=True),
    _text("account_id"),
    _text("environment"),
    _text("key_id", null=True),
    _int("amount_micros"),
    _text("description"),
    _text("model", null=True),
    _text("reference", null=True),
    _int("created_at"),
    # This column and the next three are null for usage that isn't priced by tokens.
    _int("input_tokens", null=True),
    _int("output_tokens", null=True),
    _int("cached_tokens", null=True),
    _int("price_version", null=True),
    _int("counted_day", null=True),
    _index("ix_usage_records_account", "account_id", "environment", "id"),
    _index(
        "ix_usage_records_time",
        "account_id",
        "environment",
        "created_at",
        "id",
        # The condition is always true. Without it, the planner would use this index to find a reference, and read
        # all rows.
        where="created_at > 0",
    ),
    _index(
        "ix_usage_records_uncounted", "account_id", "environment", "id", where="counted_day IS NULL"
    ),
    _index(
        "ux_usage_records_reference",
        "account_id",
        "environment",
        "reference",
        unique=True,
        where="reference IS NOT NULL",
    ),
)

# Holds on credit. Written by billing/usage/hold.py. billing/usage/usage_day.py also writes counted_day.
holds = _table(
    "holds",
    _text("id", key=True),
    _text("account_id"),
    _text("environment"),
    _text("spent_by", null=True),
    _text("status"),  # values: held | captured | released | expired
    _int("amount_micros"),
    _int("captured_micros", default=0),
    _text("description"),
    _text("model", null=True),
    _text("reference", null=True),
    _text("sources"),  # JSON
    _int("created_at"),
    _int("expires_at"),
    _int("ended_at", null=True),
    _int("input_tokens", null=True),
    _int("output_tokens", null=True),
    _int("cached_tokens", null=True),
    _int("price_version", null=True),
    _int("counted_day", null=True),
    # what happens to a capture above the held amount: cap | owe, or null if it is refused
    _text("overage", null=True),
    _int("overage_micros", null=True),
    _text("counted_in", null=True),
    sa.CheckConstraint(
        "captured_micros >= 0 AND captured_micros <= amount_micros", name="captured_in_hold"
    ),
    _index("ix_holds_account", "account_id", "environment", "id"),
    _index(
        "ix_holds_time",
        "account_id",
        "environment",
        "created_at",
        "id",
        where="created_at > 0 AND status = 'captured'",
    ),
    _index(
        "ix_holds_uncounted",
        "account_id",
        "environment",
        "id",
        where="status = 'captured' AND counted_day IS NULL",
    ),
    _index(
        "ux_holds_reference",
        "account_id",
        "environment",
        "reference",
        unique=True,
        where="reference IS NOT NULL",
    ),
    _index("ix_holds_due", "expires_at", where="status = 'held'"),
    _index("ix_holds_open", "account_id", "environment", "expires_at", where="status = 'held'"),
)

# Daily check-ins (billing/credits/checkin.py).
checkins = _table(
    "checkins",
    _text("account_id", key=True),
    _text("environment", key=True),
    _text("day", key=True),
    _text("time_zone"),
    _text("next_time_zone"),
    _int("streak"),
    _int("awarded_micros"),
    _text("grant_id"),
    _int("checked_in_at"),
    _int("created_at"),
)

# Check-in settings (billing/credits/checkin.py). Without a row, the defaults apply.
checkin_settings = _table(
    "checkin_settings",
    _text("environment", key=True),
    _int("is_enabled"),
    _int("credits_min"),
    _int("credits_max"),
    _int("streak_bonus_credits"),
    _int("streak_days_max"),  # that count
    _int("daily_budget_credits", null=True),  # what all accounts together can get per UTC day
    _int("updated_at"),
)

# What check-ins awarded to all accounts on a UTC day (billing/credits/checkin.py).
checkin_days = _table(
    "checkin_days",
    _text("environment", key=True),
    _int("day_start_at", key=True),
    _int("awarded_micros"),
)

# What all accounts sent and bought on a UTC day (billing/ledger/volume.py).
volume_days = _table(
    "volume_days",
    _text("environment", key=True),
    _int("day_start_at", key=True),
    _text("kind", key=True),  # sent | sold
    _text("name", key=True),  # the payment provider
    _int("number"),
    _int("amount_micros"),
)

# The progress of counting volume_days (billing/ledger/volume.py).
volume_marks = _table(
    "volume_marks",
    _text("id", key=True),
    _text("counted_to"),
    _int("counted_at"),
)

# Workers that ran in the last day (runtime/processes/presence.py).
workers = _table(
    "workers",
    _text("id", key=True),
    _text("machine"),
    _int("process_id"),
    _text("version"),
    _int("started_at"),
    _int("seen_at"),
    _int("sending"),
    _int("slots"),
)

# Requests that failed, were refused or changed settings (runtime/request_log/rows.py). Secrets are removed.
request_log = _table(
    "request_log",
    _text("id", key=True),
    _text("request_id"),
    _text("account_id"),
    _text("environment"),
    _text("credential_id"),
    _text("method"),
    _text("route"),
    _text("path"),
    _int("status"),
    _int("code", null=True),  # Null if the response didn't come from the API.
    _text("transaction_id", null=True),
    _int("duration_us"),
    _text("address", null=True),
    _text("user_agent", null=True),
    _text("idempotency_key", null=True),
    _text("content_type", null=True),
    _int("request_bytes"),
    _text("request_body"),
    _text("response_body"),  # at most 8 KiB, empty after a success
    _text("agent", null=True),
    _int("created_at"),
    _index("ix_request_log_account", "account_id", "environment", "id"),
    _index("ix_request_log_request", "request_id"),
)

# Third-party apps (keys/oauth/app.py).
oauth_apps = _table(
    "oauth_apps",
    _text("id", key=True),
    _text("account_id"),  # the owner
    _text("environment"),
    _text("name"),
    # empty: none
    _text("redirect_host"),
    # Exact addresses.
    sa.Column("redirect_uris", TEXT, nullable=False, server_default=sa.text("''")),
    _int("is_public", default=0),
    _text("scope"),  # values: general_api_access | advanced_access | trusted_advanced_access
    _int("cap_micros"),  # the limit per user and period
    _text("cap_period"),  # day | month
    _text("secret_digest"),
    _text("secret_last4"),
    _int("created_at"),
    _int("rotated_at", null=True),
    _int("disabled_at", null=True),
    _text("made_by", null=True),
    _index("ix_oauth_apps_account", "account_id", "environment", "id"),
)

# Command-line sign-ins (keys/tokens/device_login.py). A user confirms them in a browser.
device_logins = _table(
    "device_logins",
    _text("digest", key=True),
    _text("user_digest"),
    _text("name"),
    _text("address"),
    _text("status"),  # values: pending | approved | denied | taken
    _int("created_at"),
    _int("expires_at"),
    _int("interval_s"),
    _int("polled_at", null=True),
    _int("decided_at", null=True),
    _text("decided_by", null=True),
    _text("account_id", null=True),
    _text("environment", null=True),
    _text("scopes", null=True),
    _int("key_expires_at", null=True),  # null: until revoked
    _index("ux_device_logins_user_code", "user_digest", unique=True),
    _index("ix_device_logins_expires", "expires_at"),
)

# Consents whose code an app hasn't exchanged yet (keys/oauth/grant.py).
oauth_codes = _table(
    "oauth_codes",
    _text("digest", key=True),
    _text("account_id"),
    _text("environment"),
    _text("app_id"),
    _text("redirect_uri"),
    _text("challenge", null=True),  # PKCE S256
    _text("scope"),
    _int("cap_micros"),
    _text("cap_period"),
    _int("expires_at"),
    _int("used_at", null=True),
    _text("grant_id", null=True),  # A second use of the code revokes this grant.
    _int("revoked_at", null=True),
    _text("session_id", null=True),
    _index("ix_oauth_codes_account", "account_id", "environment", "expires_at"),
)

# Users' grants to apps (keys/oauth/grant.py). Each consent renews its grant.
oauth_grants = _table(
    "oauth_grants",
    _text("id", key=True),
    _text("account_id"),
    _text("environment"),
    _text("app_id"),
    _text("scope"),
    _int("cap_micros"),
    _text("cap_period"),  # day | month
    _int("consented_at"),
    _int("revoked_at", null=True),
    _index("ux_oauth_grants_app", "app_id", "account_id", unique=True),
    _index("ix_oauth_grants_account", "account_id", "environment", "id"),
)

# App tokens (keys/oauth/token.py). They begin with oat_.
oauth_tokens = _table(
    "oauth_tokens",
    _text("id", key=True),
    _text("kind"),  # access | management
    _text("account_id"),
    _text("environment"),
    _text("app_id"),
    _text("grant_id"),
    _text("digest"),
    _text("prefix"),
    _text("last4"),
    _int("created_at"),
    _int("last_used_at", null=True),
    _int("expires_at"),
    _int("revoked_at", null=True),
    _index("ux_oauth_tokens_digest", "digest", unique=True),
    _index("ix_oauth_tokens_grant", "grant_id", "id"),
    _index("ix_oauth_tokens_account", "account_id", "id"),
)

# MCP clients that registered themselves (keys/authorization/client.py). They belong to no account.
authorization_clients = _table(
    "authorization_clients",
    _text("id", key=True),
    _text("name"),
    _text("redirect_uris"),
    _int("created_at"),
    _int("used_at", null=True),
    _index("ix_authorization_clients_used", "used_at", "created_at"),
)

# MCP clients' access to accounts (keys/authorization/grant.py). Each grant uses one key.
authorization_grants = _table(
    "authorization_grants",
    _text("id", key=True),
    _text("account_id"),
    _text("environment"),
    _text("client_id"),  # the client's ID, or the address of its metadata document
    _text("client_name"),
    _text("key_id"),
    _text("scopes"),
    _text("resource"),
    _int("created_at"),
    _int("renewed_at"),
    _index("ux_authorization_grants_key", "key_id", unique=True),
    _index("ix_authorization_grants_client", "account_id", "environment", "client_id"),
)

# Consents whose code an MCP client hasn't exchanged yet (keys/authorization/grant.py).
authorization_codes = _table(
    "authorization_codes",
    _text("digest", key=True),
    _text("account_id"),
    _text("environment"),
    _text("grant_id"),
    _text("client_id"),
    _text("redirect_uri"),
    _text("challenge"),  # PKCE S256
    _text("scopes"),
    _int("expires_at"),
    _text("family_id", null=True),  # A second use of the code revokes these tokens.
    _text("session_id", null=True),
    _index("ix_authorization_codes_end", "expires_at"),
    _index("ix_authorization_codes_account", "account_id", "environment", "expires_at"),
)

# MCP client tokens (keys/authorization/token.py). mat_ is an access token, mrt_ a refresh token.
authorization_tokens = _table(
    "authorization_tokens",
    _text("digest", key=True),
    _text("kind"),  # access | refresh
    _text("account_id"),
    _text("environment"),
    _text("grant_id"),
    _text("family_id"),
    _text("scopes"),
    _int("created_at"),
    _int("expires_at"),
    _int("used_at", null=True),
    _int("revoked_at", null=True),
    _index("ix_authorization_tokens_family", "family_id"),
    _index("ix_authorization_tokens_grant", "grant_id"),
    _index("ix_authorization_tokens_end", "expires_at"),
    _index("ix_authorization_tokens_account", "account_id"),
)

# Charges by apps. Written by billing/usage/oauth_charge.py. billing/usage/usage_day.py also writes counted_day.
oauth_charges = _table(
    "oauth_charges",
    _text("id", key=True),
    _text("account_id"),
    _text("environment"),
    _text("app_id"),
    _text("grant_id"),
    _text("owner_id"),  # the app's account
    _text("order_no"),
    _int("amount_micros"),
    _text("remark"),
    _int("created_at"),
    _int("counted_day", null=True),
    sa.CheckConstraint("amount_micros > 0", name="charge_positive"),
    _index(
        "ix_oauth_charges_time",
        "account_id",
        "environment",
        "created_at",
        "id",
        # The condition is always true (see usage_records).
        where="created_at > 0",
    ),
    _index(
        "ix_oauth_charges_uncounted", "account_id", "environment", "id", where="counted_day IS NULL"
    ),
    _index("ux_oauth_charges_order", "app_id", "account_id", "order_no", unique=True),
    _index("ix_oauth_charges_account", "account_id", "environment", "id"),
    _index("ix_oauth_charges_owner", "owner_id", "environment", "id"),
)

# The oldest code that can use each schema version (store/migrate.py).
schema_notes = _table(
    "schema_notes",
    _text("version", key=True),
    # identifies that code by the newest schema version it knows
    _text("oldest_code"),
    _text("code_version", null=True),
    _int("reached_at", null=True),
)

# Copies of the database (store/kept/backups.py).
backups = _table(
    "backups",
    _text("id", key=True),
    _text("place"),  # local | elsewhere
    _int("began_at"),
    _int("ended_at", null=True),
    _text("code_version"),
    _int("size", null=True),
)

# Commit losses that an operator accepted (store/kept/commits.py).
accepted_losses = _table(
    "accepted_losses",
    _int("accepted_at", key=True),
    _int("lost_from_at", null=True),
    _int("lost_until_at", null=True),
    _text("reason"),
)
