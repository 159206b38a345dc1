"""Every table, with the meaning of its columns. The comment above a table names the modules that write it.

- Times are microseconds UTC and flags 0 or 1; an `amount` is in its currency's smallest unit.
- Texts that hold several values join them by spaces; digests are SHA-256 in hex unless a comment says otherwise.
- `spent_by` is a key's id, then its ancestors'. A null column means "none" or "not yet" unless a comment says otherwise.
- Every table carries account_id if its rows belong to an account, so that it can be distributed.

Migrations change a live database; a test compares them with this file.
"""

import sqlalchemy as sa

from store.dialect import BIGINT, BYTES, TEXT

metadata = sa.MetaData()

# PostgreSQL expects few rows of this spelling; billing/documents/numbering.py repeats it.
UNNOTED = "CASE WHEN refunded_amount = noted_amount THEN 0 ELSE 1 END = 1"


def _table(name: str, *parts: sa.schema.SchemaItem, is_hot: bool = False) -> sa.Table:
    """Declare a table. is_hot: its rows change often, so leave room in each page and vacuum early."""
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


# keys/account.py, but live_* and email_verified_at by keys/account_access.py, *_mail_off_at and mail_language by
# keys/notifications.py, suspended_* by keys/account_access.py, access_ended_at by keys/session.py, staging_full_until by
# keys/staging_quota.py.
# A tenant: merchant, agent operator or end user.
accounts = _table(
    "accounts",
    _text("id", key=True),
    _text("name"),
    _text("email", null=True),  # normalised; the default recipient
    _text("password_hash", null=True),  # argon2; null: no sign-in
    _int("is_operator", default=0),
    _int("is_sandbox", default=0),  # made by POST /keys/sandbox
    _int("live_opened_at", null=True),  # null: staging only, until an operator opens live
    _int("live_closed_at", null=True),
    _int("email_verified_at", null=True),  # null: its mail's reader isn't verified
    _int("suspended_at", null=True),
    _text("suspended_for", null=True),  # the reason, shown to its owner
    # IANA name
    _text("time_zone", default="UTC"),
    _int("created_at"),
    _int("last_active_at"),  # to the day; decides when an idle sandbox is deleted
    _int("expiring_mail_off_at", null=True),
    _int("receipt_mail_off_at", null=True),
    _int("approval_mail_off_at", null=True),
    _text("mail_language", null=True),  # null: English
    # When its sessions were all ended; earlier unused grants no longer count.
    _int("access_ended_at", null=True),
    _int("erasing_at", null=True),
    # Its staging stores nothing until then.
    _int("staging_full_until", null=True),
    _index("ux_accounts_email", "email", unique=True, where="email IS NOT NULL"),
    _index("ix_accounts_sandbox", "last_active_at", where="is_sandbox = 1"),
)

# keys/account.py, but event_no by webhooks/events/event.py, events_from_no by webhooks/deliveries/retention.py and
# event_epoch by webhooks/events/cursor.py, clock_ahead_us by keys/sandbox_clock.py, suspended_at by keys/account_access.py.
# Every change of money locks this row.
account_environments = _table(
    "account_environments",
    _text("account_id", key=True),
    _text("environment", key=True),
    _int("event_no", default=0),  # number of the last event; without gaps, in commit order
    _int("events_from_no", default=0),  # none is missing from here on; 0: none was deleted
    _int("event_epoch", default=0),  # part of each cursor; changes after a restore
    _int("low_balance_threshold_micros", default=0),  # the highest; 0: off
    _int("clock_ahead_us", default=0),
    _int("created_at"),
    # Until then only plan credit pays for its own usage.
    _int("plan_only_until_at", null=True),
    _text("low_balance_more", null=True),  # further thresholds
    _int("recharge_below_micros", null=True),  # null: no recharge
    _int("recharge_from_micros", null=True),  # only if the balance was at least this
    _text("recharge_order_id", null=True),
    # Cap of a UTC day over all its credentials.
    _int("day_limit_cents", null=True),
    # Copied from the account for holders of this row's lock.
    _int("suspended_at", null=True),
    _index(
        "ix_account_environments_recharge",
        "recharge_order_id",
        where="recharge_order_id IS NOT NULL",
    ),
    # No column here changes with money.
    _index(
        "ix_account_environments_ahead", "account_id", "environment", where="clock_ahead_us > 0"
    ),
    is_hot=True,
)

# keys/staging_quota.py. What an account's staging stored on a UTC day.
staging_storage = _table(
    "staging_storage",
    _text("account_id", key=True),  # one row sums up the unverified accounts
    _int("day_start_at"),
    _int("rows_stored"),
    _int("bytes_stored"),
    _int("counted_until_at"),
)

# keys/api_keys/api_key.py
api_keys = _table(
    "api_keys",
    _text("id", key=True),
    _text("account_id"),
    _text("environment"),
    _text("parent_id", null=True),
    _text("lineage"),  # ids of the ancestors, nearest first
    _text("name"),
    _text("scopes"),
    _text("ip_allow_list"),  # CIDRs; empty: any address
    _int("per_call_cents", null=True),
    _int("per_day_cents", null=True),
    _int("per_month_cents", null=True),
    _int("approval_threshold_cents", null=True),  # the API's approval_above_cents
    _int("approval_above_per_day_cents", null=True),
    _int("expires_at", null=True),  # on the account's clock
    _text("prefix"),  # first 16 characters of the newest secret
    _text("last4"),
    _int("created_at"),
    _int("last_used_at", null=True),
    _text("last_used_by", null=True),  # URL of the last signing agent
    _int("revoked_at", null=True),
    _text("purpose", null=True),
    _int("lifetime_cents", null=True),
    _text("mandate", null=True),  # JSON: keys/mandate.py
    _int("paused_at", null=True),
    _text("client_id", null=True),  # the MCP client it was made for
    _text("made_by", null=True),  # a person's session; null: other or unknown
    _index("ix_api_keys_account", "account_id", "environment", "id"),
    _index("ix_api_keys_living", "account_id", "environment", "id", where="revoked_at IS NULL"),
)

# keys/api_keys/api_key.py. Secrets by digest; two rows while a rotation overlaps.
api_key_secrets = _table(
    "api_key_secrets",
    _text("digest", key=True),
    _text("key_id"),
    _text("account_id"),
    _int("expires_at", null=True),  # end of a rotation's overlap, by the account's clock
    _int("created_at"),
    _index("ix_api_key_secrets_key", "key_id"),
)

# keys/tokens/access_token.py. sat_ (an account's own) and adm_ (operator) tokens.
access_tokens = _table(
    "access_tokens",
    _text("id", key=True),
    _text("kind"),  # system | operator
    _text("account_id"),
    _text("environment"),
    _text("key_id", null=True),  # the key that made it: ends with it, spends on its caps
    _text("name"),
    _text("digest"),
    _text("prefix"),
    _text("last4"),
    _int("created_at"),
    _int("last_used_at", null=True),
    _int("revoked_at", null=True),
    _text("scopes", null=True),  # null means all scopes
    _index("ux_access_tokens_digest", "digest", unique=True),
    _index("ix_access_tokens_account", "account_id", "environment", "id"),
)

# keys/tokens/portal_link.py. Links to an account's webhooks; deleted a week after they end.
portal_links = _table(
    "portal_links",
    _text("id", key=True),
    _text("account_id"),
    _text("environment"),
    _text("name"),
    _text("digest"),  # SHA-256 of the secret in its address, hex
    _text("can"),  # read | replay | manage
    _text("origins", null=True),  # that may embed it, joined by spaces; null: none
    _text("endpoint_ids", null=True),  # that it shows, joined by spaces; null: all
    _text("made_by"),  # the key, token or person, with whose access it ends
    _int("created_at"),
    _int("expires_at"),
    _int("revoked_at", null=True),
    _index("ux_portal_links_digest", "digest", unique=True),
    _index("ix_portal_links_account", "account_id", "environment", "id"),
)

# keys/session.py. A sign-in in one browser; deleted when it ends.
sessions = _table(
    "sessions",
    _text("id", key=True),
    _text("account_id"),
    _text("environment"),  # the one shown; a switch changes the digest
    _text("digest"),  # digest of the cookie's token
    _text("user_agent"),
    _int("created_at"),
    _int("last_seen_at"),  # the session ends after seven days without use
    _int("expires_at"),
    _int("confirmed_at", null=True),
    _text("acts_for", null=True),  # an account its person is a member of; null: their own
    _index("ux_sessions_digest", "digest", unique=True),
    _index("ix_sessions_account", "account_id", "last_seen_at"),
)

# keys/sign_in/password_reset.py, keys/sign_in/sign_in_link.py. Links to set a password or sign in to `topup dev`.
password_resets = _table(
    "password_resets",
    _text("id", key=True),
    _text("account_id"),
    _text("email"),  # the link counts for this address only
    _int("created_at"),
    _int("expires_at"),
    _index("ix_password_resets_account", "account_id"),
)

# keys/sign_in/email_verification.py
email_verifications = _table(
    "email_verifications",
    _text("id", key=True),
    _text("account_id"),
    _text("email"),  # the link counts for this address only
    _int("created_at"),
    _int("expires_at"),
    _index("ix_email_verifications_account", "account_id"),
)

# keys/notifications.py. Mail choices that differ from the role's.
notification_choices = _table(
    "notification_choices",
    _text("account_id", key=True),
    _text("person_id", key=True),  # the account they sign in with
    _text("choice", key=True),  # webhook | approval | balance | key | receipt | expiring | staging
    _int("is_on"),
    _int("changed_at"),
)

# keys/member.py. Rows are never deleted.
members = _table(
    "members",
    _text("id", key=True),
    _text("account_id"),
    _text("email"),
    _text("role"),  # developer | finance | support | reader
    _text("invited_by"),
    _int("created_at"),
    _text("invitation_id", null=True),  # null: accepted or withdrawn
    _int("expires_at", null=True),
    _text("person_id", null=True),  # the account they sign in with
    _int("joined_at", null=True),
    _int("removed_at", null=True),  # or withdrawn
    _int("chosen_at", null=True),  # the latest is the account the person acted for last
    _index("ux_members_email", "account_id", "email", unique=True, where="removed_at IS NULL"),
    _index(
        "ux_members_invitation", "invitation_id", unique=True, where="invitation_id IS NOT NULL"
    ),
    _index("ix_members_account", "account_id", "person_id"),
    _index("ix_members_person", "person_id", where="person_id IS NOT NULL"),
)

# keys/second_factor.py
second_factors = _table(
    "second_factors",
    _text("account_id", key=True),
    _text("nonce"),  # random; the app's secret derives from it
    _int("last_step", default=0),  # step of the newest used code, in half minutes since 1970
    _text("recovery"),  # JSON: digests of the unused codes
    _int("created_at"),
    _int("confirmed_at", null=True),  # null: being set up
)

# keys/sign_in/passkey.py; keys/second_factor.py deletes.
passkeys = _table(
    "passkeys",
    _text("id", key=True),
    _text("account_id"),
    _text("credential_id"),  # base64url
    _text("public_key"),  # COSE, base64url
    _text("name"),
    _int("sign_count"),  # 0 if the device doesn't count
    _int("last_challenge_at"),  # time of the newest answered challenge
    _int("created_at"),
    _int("last_used_at", null=True),
    _index("ix_passkeys_account", "account_id"),
    _index("ux_passkeys_credential", "credential_id", unique=True),
)

# keys/caps.py. What a key and its descendants spent in a calendar window, and counters of its other limits.
spend_windows = _table(
    "spend_windows",
    _text("key_id", key=True),
    # day | month | unapproved (a day's sends without an approval); keys/caps.py names the others
    _text("period", key=True),
    _int("window_start_at", key=True),
    _text("account_id"),
    _int("spent_micros"),
    _text("detail", null=True),  # JSON: Detail of keys/caps.py
    sa.CheckConstraint("spent_micros >= 0", name="spent_not_negative"),
    # Single recipients' rows, deleted after some days.
    _index(
        "ix_spend_windows_recipients",
        "window_start_at",
        where="period >= 'same:' AND period < 'to;'",
    ),
    is_hot=True,
)

# keys/vault.py. Data keys of the installation, sealed under the master key.
sealed_keys = _table(
    "sealed_keys",
    _text("name", key=True),
    _bytes("sealed"),
    _int("created_at"),
)

# store/commit_token.py. Each connection's last transaction, and the row that readiness writes.
commit_tokens = _table(
    "commit_tokens",
    _text("id", key=True),  # one connection of one process
    _int("token"),
    _int("written_at"),
    _bytes("filler", null=True),  # the probe's: makes its write cost space
    is_hot=True,
)

# store/idempotency.py. Responses by Idempotency-Key.
idempotency_keys = _table(
    "idempotency_keys",
    _text("account_id", key=True),
    _text("environment", key=True),
    _text("digest", key=True),  # digest of the key and its owner
    _text("fingerprint"),  # digest of method, path and parsed body
    _int("status"),  # 0 while a call of several steps runs
    _bytes("body", null=True),
    _int("is_sealed", default=0),  # sealed for its secret; purged after 24 h
    _text("text_digest", null=True),  # digest of the key without its owner, if sealed
    # Where the body names the top-up instead of its voucher's code.
    _int("code_at", null=True),
    _int("lease_until_at", null=True),
    _text("lease_token", null=True),  # only its holder ends or completes the call
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

# billing/ledger/ledger.py
ledger_accounts = _table(
    "ledger_accounts",
    _text("id", key=True),
    _text("account_id"),
    _text("environment"),
    _text("kind"),  # billing/ledger/chart.py: Kind
    _text("name"),  # empty, or a grant, a platform, platform/address
    _int("balance_micros"),
    _int("expires_at", null=True),
    # 1: a grant with nothing left. No index names the balance: PostgreSQL would rewrite each entry
    # of a row that changes.
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

# billing/ledger/ledger.py. Rows never change.
transfers = _table(
    "transfers",
    _text("id", key=True),
    _text("account_id"),
    _text("environment"),
    _text("debit_id"),
    _text("credit_id"),
    _int("amount_micros"),
    _text("code"),  # why: billing/ledger/chart.py: Code
    _text("transaction_id", null=True),
    _text("subject_id", null=True),  # if there is no top-up
    _int("created_at"),
    sa.CheckConstraint("amount_micros > 0", name="amount_positive"),
    sa.CheckConstraint("debit_id <> credit_id", name="sides_differ"),
    _index("ix_transfers_account", "account_id", "environment", "id"),
    _index("ix_transfers_transaction", "transaction_id", where="transaction_id IS NOT NULL"),
    # A send has no subject, so this index costs it nothing.
    _index("ix_transfers_subject", "subject_id", where="subject_id IS NOT NULL"),
)

_WAITS_FOR_PERSON = (
    "status = 'pending' AND supplier IS NOT NULL AND handed_over_at IS NOT NULL"
    " AND next_check_at IS NULL"
)

# billing/topups/topup.py, but delivery of ended ones by billing/recipients/mail_acts.py
topups = _table(
    "topups",
    _text("id", key=True),
    _text("account_id"),
    _text("environment"),
    _text("spent_by", null=True),
    # scheduled | pending | delivered | failed | cancelled | reversing | reversed
    _text("status"),
    _text("platform"),
    _int("amount_cents"),
    _text("recipient_email"),
    _text("reference", null=True),
    _text("metadata"),  # JSON
    _text("note", null=True),
    _text("failure_reason", null=True),
    _int("new_balance_cents", null=True),  # balance of the recipient's wallet
    _text("voucher_code", null=True),  # never written: derived from the id
    _text("voucher_code_hint", null=True),
    _text("fulfilment_code", null=True),  # sealed; replaces the voucher
    _text("fulfilment"),  # its supplier's kind; or approval, sandbox
    _int("handed_over_at", null=True),  # it can't be cancelled afterwards
    _int("next_check_at", null=True),
    _int("checks_made", default=0),
    _int("created_at"),
    _int("settled_at", null=True),
    # Null: its event has it.
    _text("trace", null=True),
    _text("supplier", null=True),  # null: the wallet
    _text("deliverable", null=True),  # JSON, without its value; null: credit
    _text("delivery", null=True),  # JSON: mail, language and message
    _int("claimed_at", null=True),  # when the recipient first opened it
    _int("emailed_at", null=True),  # when a mail server took the first mail
    _int("scheduled_for", null=True),  # on the account's clock
    _int("fee_cents", null=True),
    _int("earned_fee_cents", null=True),  # all once delivered, nothing once reversed
    # Its other rows of spend_windows: keys/caps.py
    _text("counted_in", null=True),
    _text("key_name", null=True),
    _text("caller_address", null=True),
    _text("idempotency_key", null=True),
    # Who made a waiting send without a key.
    _text("sent_by", null=True),
    # A process that knows no fees can't deliver or reverse a top-up that has one.
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

# billing/topups/working_set.py. The account's own ids of top-ups.
topup_intents = _table(
    "topup_intents",
    _text("account_id", key=True),
    _text("environment", key=True),
    _text("intent", key=True),
    _text("transaction_id"),
)

# billing/topups/mail.py, billing/recipients/mailing.py, billing/recipients/mail_acts.py,
# billing/recipients/mail_acts.py. Mail to recipients; never holds a code.
mails = _table(
    "mails",
    _text("id", key=True),
    _text("account_id"),
    _text("environment"),
    _text("transaction_id"),
    _text("recipient_email"),
    _text("status"),  # queued | sent | bounced | failed | unwanted | outbox | limited
    _int("created_at"),
    _int("attempts", default=0),
    _int("claim_no", default=0),  # fences the outcome of an older claim
    _int("next_attempt_at", null=True),  # due, or the end of its claim
    _int("ended_at", null=True),
    _text("reason", null=True),
    _index("ix_mails_topup", "transaction_id"),
    _index("ix_mails_account", "account_id", "environment", "id"),
    _index("ix_mails_recipient", "account_id", "environment", "recipient_email", "created_at"),
    _index("ix_mails_day", "account_id", "environment", "created_at"),
    _index("ix_mails_due", "next_attempt_at", where="next_attempt_at IS NOT NULL"),
    is_hot=True,
)

# billing/recipients/refusal.py. Addresses that want no mail.
mail_refusals = _table(
    "mail_refusals",
    _text("digest", key=True),
    _int("created_at"),
)

# billing/bulk/batch.py
batches = _table(
    "batches",
    _text("id", key=True),
    _text("account_id"),
    _text("environment"),
    _text("spent_by", null=True),
    _text("status"),  # accepting | undoing | refused | running | completed
    _int("is_all_or_nothing"),
    _int("items"),
    _text("request_digest", null=True),  # digest of its Idempotency-Key
    _int("created_at"),
    _int("accepted_at", null=True),
    _int("cancelled_at", null=True),
    _text("cancelled_by", null=True),
    _int("completed_at", null=True),
    _int("next_check_at", null=True),  # null: over
    _text("counts", null=True),  # JSON: items by their end
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

# billing/bulk/item.py. In the order of the request.
batch_items = _table(
    "batch_items",
    _text("batch_id", key=True),
    _int("number", key=True),
    _text("transaction_id"),
    _text("state"),  # waiting | accepted | reserved | refused
    _text("reference", null=True),
    _text("request", null=True),  # JSON; null: unreadable
    _text("refusal", null=True),  # JSON
)

# billing/topups/fulfilment.py. One turn of a top-up at a supplier, with any number of calls.
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
    ),  # requested | waiting | unknown | delivered | refused | dropped | revoked | kept
    _text("detail", null=True),
    _int("requests_made", default=1),
    _int("requested_at"),
    _int("last_requested_at"),
    _int("ended_at", null=True),  # null: the supplier's last word is to come
    _text("prepared", null=True),  # found out before the call; nothing secret
    _text("left_over", null=True),  # passed to the next call; nothing secret
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

# billing/topups/fulfilment.py. What a recipient has at a supplier, such as the id of a key.
supplier_recipients = _table(
    "supplier_recipients",
    _text("account_id", key=True),
    _text("environment", key=True),
    _text("supplier", key=True),
    _text("recipient_email", key=True),
    _text("left_over"),  # nothing secret
    _int("changed_at"),
)

# billing/topups/reverse.py
topup_reversals = _table(
    "topup_reversals",
    _text("transaction_id", key=True),
    _text("account_id"),
    _text("environment"),
    _text("reason"),
    _text("requested_by", null=True),  # null: the operator
    _int("requested_at"),
    _int("checks_made", default=0),
    _int("next_check_at", null=True),  # null: no more calls
    _text("outcome", null=True),  # reversed | kept; null: not ended
    _text("detail", null=True),
    _int("ended_at", null=True),
    _index("ix_topup_reversals_due", "next_check_at", where="ended_at IS NULL"),
)

# billing/topups/supplier_words.py. Delivered codes, keys and links; each belongs to one top-up.
handed_over = _table(
    "handed_over",
    _text("environment", key=True),
    _text("digest", key=True),  # keyed; survives a rotation of the master key
    _text("transaction_id"),
)

# billing/topups/supplier_words.py. How far older delivered top-ups were entered in handed_over.
handed_over_fill = _table(
    "handed_over_fill",
    _int("id", key=True),  # 1: so far; 2: the end
    _text("after_id"),
)

# billing/topups/supplier_words.py. Supplier reports that couldn't end their top-up.
supplier_words = _table(
    "supplier_words",
    _text("transaction_id", key=True),
    _text("digest", key=True),  # keyed, of the report
    _text("account_id"),
    _text("environment"),
    _text("supplier"),
    _text("word"),  # delivered | failed
    _text("why"),  # late | second | repeated | implausible
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

# billing/topups/platform_rows.py
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

# billing/topups/platform_rows.py. An account's own fee goes first.
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

# billing/topups/platform_rows.py. In the order of calls.
platform_suppliers = _table(
    "platform_suppliers",
    _text("environment", key=True),
    _text("platform", key=True),
    _text("supplier", key=True),
    _int("position"),
)

# billing/topups/platform_rows.py. Never deleted, so an id always means the same supplier.
suppliers = _table(
    "suppliers",
    _text("environment", key=True),
    _text("id", key=True),
    _text("kind"),  # name in billing/fulfilment/
    _text("options"),  # JSON, without secrets
    _bytes("sealed", null=True),  # JSON: the secrets
    _text("hints"),  # JSON: last characters of each secret
    _int("is_active", default=1),
    _int("is_simulated", default=0),  # staging only: calls no provider
    _int("created_at"),
    _int("changed_at"),
    _int("breaker_opened_at", null=True),  # called rarely since then
    _text("last_error", null=True),
    _int("last_error_at", null=True),
    _int("paused_at", null=True),
)

# billing/topups/platform_rows.py. One row; grows with each change of the three tables above.
platform_versions = _table(
    "platform_versions",
    _int("id", key=True),
    _int("version", default=0),
)

# billing/fulfilment/code_stock.py. Uploaded codes, each handed out once.
stock_codes = _table(
    "stock_codes",
    _text("id", key=True),
    _text("environment"),
    _text("supplier"),
    _text("platform"),
    _int("amount_cents"),
    _text("digest"),  # keyed; unique in an environment
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

# billing/fulfilment/code_stock.py
stock_levels = _table(
    "stock_levels",
    _text("environment", key=True),
    _text("supplier", key=True),
    _text("platform", key=True),
    _int("amount_cents", key=True),
    _int("low_threshold"),
    _int("is_low", default=0),  # reported; again after a refill
)

# billing/fulfilment/manual.py. Top-ups that an operator fulfils by hand.
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
    _text("outcome", null=True),  # delivered | refused; null: to be done
    _bytes("sealed", null=True),  # JSON
    _text("reason", null=True),  # shown to the sender
    _text("decided_by", null=True),
    _int("decided_at", null=True),
    _index("ix_manual_tasks_open", "environment", "due_at", where="outcome IS NULL"),
)

# billing/topups/rules.py
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

# billing/topups/approval.py
approvals = _table(
    "approvals",
    _text("id", key=True),
    _text("account_id"),
    _text("environment"),
    _text("transaction_id"),
    _text("requested_by", null=True),
    _text("status"),  # pending | approved | denied | expired
    _text("decided_by", null=True),
    _int("created_at"),
    _int("expires_at"),
    _int("decided_at", null=True),
    _int("notified_at", null=True),  # its mail was written or skipped
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

# billing/credits/redemption_code.py. Codes of one value, made together.
redemption_batches = _table(
    "redemption_batches",
    _text("id", key=True),
    _text("environment"),
    _text("name"),
    _int("credits_micros"),
    _int("code_count"),
    _int("uses_max"),
    _int("is_promotional"),
    _int("promotional_days", null=True),  # from the redemption; null: no end
    _int("is_complete", default=0),  # all codes were written and handed over
    _int("expires_at", null=True),
    _int("disabled_at", null=True),
    _int("created_at"),
    _index("ix_redemption_batches_environment", "environment", "id"),
)

# billing/machine_payments/payment.py. Payments that came with their request.
machine_payments = _table(
    "machine_payments",
    _text("id", key=True),
    _text("account_id"),  # the machine account, or the accompanying token's
    _text("environment"),
    _text("spent_by", null=True),
    _text("protocol"),  # x402 | mpp
    _text("payment_ref"),  # network, asset, payer and nonce; or the token's digest
    _text("identifier"),  # SHA-256 of the payer's secret identifier
    _text("body_digest"),  # digest of the request that it pays for
    _text("request"),  # JSON, with the fee
    _text("network"),
    _text("asset"),
    _text("payer"),
    _text("amount"),  # atomic units of the asset, decimal
    _int("charged_cents"),
    _text("proof"),  # the transfer that settled it; part of the seal
    _text("transaction_id"),  # fixed before the first try
    _int("expires_at"),
    _int("created_at"),
    _text("state"),  # settling | unknown | paid | refused | refunded
    _text("settlement", null=True),  # such as a transaction's hash
    _text("detail", null=True),
    _int("checks_made", default=0),
    _int("is_lost", default=0),  # an answer was lost: a refusal proves nothing
    _int("lease_until", null=True),
    _int("next_check_at", null=True),  # null: no more tries
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
    # Credit a network transfer once.
    _index(
        "ux_machine_payments_settlement",
        "settlement",
        "environment",
        unique=True,
        where="settled_at IS NOT NULL",
    ),
    # Waits for an operator, or its top-up may still fail.
    _index("ix_machine_payments_open", "environment", "state", "id", where="ended_at IS NULL"),
)

# billing/credits/redemption_code.py, but used_count by billing/credits/redemption_code.py
redemption_codes = _table(
    "redemption_codes",
    _text("id", key=True),
    _text("batch_id"),
    _text("environment"),
    _text("digest"),  # keyed HMAC-SHA256
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

# billing/credits/redemption_code.py. Once per account.
code_redemptions = _table(
    "code_redemptions",
    _text("code_id", key=True),
    _text("account_id", key=True),
    _text("id"),  # the transfers' subject, and the name of a grant
    _text("environment"),
    _int("credits_micros"),
    _int("is_promotional"),
    _text("last4"),
    _int("expires_at", null=True),
    _int("created_at"),
    sa.CheckConstraint("credits_micros > 0", name="redemption_positive"),
    _index("ix_code_redemptions_account", "account_id", "environment", "id"),
)

# billing/ledger/proof.py. The newest results of `topup audit`, and the last without findings.
ledger_proofs = _table(
    "ledger_proofs",
    _text("id", key=True),
    _int("began_at"),
    _int("ended_at"),
    _int("findings"),
    _int("is_full", null=True),  # null: full, by older code
    # Last day whose sealed sums were used.
    _int("live_day", null=True),
    _int("staging_day", null=True),
)

# billing/checkpoints/signing_keys.py. Public halves; the private ones are in sealed_keys.
signing_keys = _table(
    "signing_keys",
    _text("kid", key=True),  # RFC 7638 thumbprint
    _int("number"),  # the highest one signs
    _bytes("public_key"),
    _int("created_at"),
)

# billing/checkpoints/checkpoint.py. Days of the ledger, sealed or being sealed.
checkpoints = _table(
    "checkpoints",
    _text("environment", key=True),
    _int("day_start_at", key=True),
    _bytes("seed"),  # the seed of the leaves' salts
    _text("claimed_by", null=True),
    _int("claimed_until"),
    _int("size", null=True),  # transfers; null until sealed, as what follows
    _int("late", null=True),
    _bytes("root", null=True),
    _bytes("digest", null=True),
    _text("jws", null=True),
    _int("sealed_at", null=True),
)

# billing/checkpoints/checkpoint.py. Hashes of a checkpoint's tree, 256 a row.
checkpoint_tiles = _table(
    "checkpoint_tiles",
    _text("environment", key=True),
    _int("day_start_at", key=True),
    _int("level", key=True),  # 0: leaves; 1: roots of level 0's tiles
    _int("number", key=True),
    _text("first_id"),  # empty in level 1, as the next two
    _text("last_id"),
    _bytes("ids"),  # msgpack
    _bytes("hashes"),
    _bytes("root"),
)

# billing/checkpoints/sums.py. Each ledger account's sums in all checkpoints.
sealed_balances = _table(
    "sealed_balances",
    _text("account_id", key=True),
    _text("environment", key=True),
    _text("ledger_account_id", key=True),
    _int("day_start_at"),  # day of the last checkpoint that has its transfers
    _int("debits_micros"),
    _int("credits_micros"),
    _int("before_debits_micros"),  # without that checkpoint
    _int("before_credits_micros"),
)

# billing/checkpoints/sums.py. How far sealed_balances has come.
sealed_sums = _table(
    "sealed_sums",
    _text("environment", key=True),
    _int("summed_day", null=True),
    _int("tiles"),
)

# billing/checkpoints/proving.py. The last check of all checkpoints.
checkpoint_proofs = _table(
    "checkpoint_proofs",
    _text("environment", key=True),
    _int("day_start_at"),
    _int("began_at"),
    _int("findings"),
)

# billing/records/record_log.py. How far the record log has come; one row.
record_marks = _table(
    "record_marks",
    _text("id", key=True),
    _int("step_no"),  # fences a second sealer
    _int("began_at"),  # older rows have no leaf
    _int("day_start_at"),
    _int("size"),
    _text("after_ids"),  # JSON: the last id read, by source
)

# billing/records/record_log.py. Leaves of the record log, 256 a row.
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

# billing/records/head.py. Hourly signed heads of the record log.
record_heads = _table(
    "record_heads",
    _int("number", key=True),
    _int("day_start_at"),
    _int("size"),  # leaves of the day that it covers
    _bytes("root"),
    _bytes("digest"),
    _text("jws"),
    _int("sealed_to"),  # rows made before are sealed, except late ones
    _int("sealed_at"),
    _index("ix_record_heads_day", "day_start_at", "number"),
)

# billing/records/record_log.py. Seeds of the leaves' salts; deleted with the account or when pruned.
record_seeds = _table(
    "record_seeds",
    _text("account_id", key=True),  # empty: the installation
    # Of 30 days since 1970; -1: rows that are never pruned.
    _int("period", key=True),
    _bytes("seed"),
)

# billing/records/record_log.py. Deliveries that were open when the record log passed.
record_waiting = _table(
    "record_waiting",
    _text("id", key=True),
    _text("account_id"),
    _index("ix_record_waiting_account", "account_id"),
)

# billing/records/removal.py. Signed statements of deliberate deletions.
record_removals = _table(
    "record_removals",
    _text("kind", key=True),  # event | delivery | security | account
    _text("subject", key=True),  # environment, * for both, or account
    _int("until_at"),  # rows made before may be deleted
    _text("jws"),
)

# billing/reconciliation/differences.py
money_differences = _table(
    "money_differences",
    _text("id", key=True),
    _text("account_id"),  # empty: unknown
    _text("environment"),
    _text("part"),  # ledger | suppliers | provider:<name>
    _text("kind"),  # billing/reconciliation/differences.py
    _text("subject_id"),
    _int("expected"),  # what the ledger says
    _int("found"),  # what the other side says
    _text("unit"),  # currency, micros or times
    _text("detail"),
    _int("since"),
    _int("seen_at"),
    _int("closed_at", null=True),
    _text("closed_by", null=True),  # null: it agrees again
    _text("reason", null=True),
    _index(
        "ux_money_differences_subject", "environment", "part", "kind", "subject_id", unique=True
    ),
    _index("ix_money_differences_environment", "environment", "id"),
    _index("ix_money_differences_open", "environment", "id", where="closed_at IS NULL"),
)

# billing/reconciliation/runs.py
reconciliation_parts = _table(
    "reconciliation_parts",
    _text("environment", key=True),
    _text("part", key=True),
    _int("next_at"),  # moved ahead first, so one process runs it
    _int("began_at", null=True),
    _int("ended_at", null=True),  # end of the last completed run
    _int("checked", default=0),  # compared in that run
    _text("fault", null=True),  # null: completed
    _text("mark", null=True),  # where the next run continues
)

# webhooks/events/event.py, pruned by webhooks/deliveries/retention.py. The signed bytes are stored once.
events = _table(
    "events",
    _text("id", key=True),
    _text("account_id"),
    _text("environment"),
    _int("event_no"),
    _text("type"),
    _text("transaction_id", null=True),
    _int("is_sample", default=0),  # a test ping; never replayed
    _bytes("body"),  # without a redeemable code
    _int("code_at", null=True),  # where the code replaces null
    _text("code_sealed", null=True),  # sealed like the top-up's; null means the voucher's code
    _text("trace", null=True),  # kernel/trace.py
    _int("created_at"),
    _index("ux_events_no", "account_id", "environment", "event_no", unique=True),
    # Mailed events: few, so a send writes nothing here.
    _index("ix_events_told", "created_at", where="type IN ('balance.low', 'key.created')"),
    _index("ix_events_transaction", "transaction_id", where="transaction_id IS NOT NULL"),
)

# webhooks/endpoints/endpoint.py; webhooks/endpoints/disabling.py; webhooks/endpoints/probe.py;
# webhooks/endpoints/resealing.py; webhooks/subscriptions/subscription.py of MCP clients; rate_tat_us, drain_tat_us and
# claimed_at by webhooks/deliveries/claim.py, failing_since_at by webhooks/deliveries/delivery.py.
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
    _int("ordered", default=0),  # one object's events in order
    _int("include_codes", default=0),  # bodies published from now on carry codes
    _int("had_codes", default=0),  # older bodies may carry codes
    _int("include_approval_links", default=0),
    _int("had_approval_links", default=0),  # older bodies may carry them
    _text("payload_filter", null=True),  # JSON: webhooks/events/payload_filter.py
    _int("rate_tat_us", default=0),  # GCRA: theoretical arrival time of the next attempt
    _int("drain_tat_us", default=0),  # the same for what was held until enabled_at
    _text("status"),  # enabled | disabled
    _int("enabled_at", null=True),
    _int("claimed_at", null=True),
    _text("disabled_reason", null=True),
    _int("disabled_at", null=True),
    _int("probe_at", null=True),  # if it was disabled for failing
    _int("failing_since_at", null=True),  # first failure after the last success
    _int("deleted_at", null=True),
    _int("created_at"),
    _text("made_by", null=True),  # null: the CLI, or not recorded
    # An MCP client's subscription: its id, credential, end, and the cursor up to which all has ended.
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
    # Subscriptions that end, or whose rows may be deleted.
    _index(
        "ix_endpoints_subscription_until",
        "subscription_until_at",
        where="subscription_id IS NOT NULL",
    ),
    _index("ix_endpoints_account", "account_id", "environment", "id", where="deleted_at IS NULL"),
    # With held deliveries that may be too old.
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

# webhooks/deliveries/endpoint_queue.py. Endpoints with due deliveries by turn, so that a claim's cost doesn't
# grow with the number of endpoints.
endpoint_queue = _table(
    "endpoint_queue",
    _text("endpoint_id", key=True),
    _text("account_id"),
    _text("environment"),
    # No open delivery allowed by the endpoint's pace is due earlier, unless it is overdue.
    _int("ready_at", null=True),
    _int("is_failing", default=0),  # has a line of its own
    _int("change_no", default=0),  # grows with each write but publishing's
    _int("again_no", default=0),  # grows when an old event gets a delivery
    _int("ending_at", null=True),  # when to end its deliveries
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

# webhooks/deliveries/delivery.py, webhooks/deliveries/claim.py, webhooks/deliveries/sequence.py, webhooks/deliveries/ending.py,
# pruned by webhooks/deliveries/retention.py. The row is the truth, the queue a hint.
deliveries = _table(
    "deliveries",
    _text("id", key=True),
    _text("event_id"),
    _text("endpoint_id"),
    _text("account_id"),
    _text("environment"),
    _text("event_type"),
    _text("transaction_id", null=True),
    _text("status"),  # pending | sending | delivered | failed | cancelled
    _int("attempts_made"),  # grows only with an attempt row
    _int("next_attempt_at", null=True),  # pending: due; sending: end of the lease
    _int("claim_no", default=0),  # rejects an outcome reported under an older claim
    _int("lost_claims", default=0),  # expired leases in a row
    _text("replay_of", null=True),
    _text("replay_id", null=True),  # the job that made it
    _int("code_at", null=True),  # the event's, if sent with the code
    _int("due_at", null=True),  # when the last claimed attempt was due
    # For ordered endpoints only: webhooks/deliveries/sequence.py
    _text("object_id", null=True),
    _int("event_no", null=True),
    _int("blocked_since_at", null=True),  # due, but waiting for its object
    _int("created_at"),
    _int("settled_at", null=True),
    # An index for the common status and type would cost each send more than it saves: those rows are
    # many, so a page is soon full.
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
    # A job counts its rows by status, and sends nothing twice.
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
    # The first of an object, and those under way; ordered endpoints only.
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

# webhooks/replays/replay.py, webhooks/replays/step.py. Jobs that send a period's deliveries again.
replays = _table(
    "replays",
    _text("id", key=True),
    _text("account_id"),
    _text("environment"),
    _text("endpoint_id"),
    _text("status"),  # running | paused | done | cancelled
    _text("delivery_status"),  # failed | delivered: which ones
    _text("event_types"),  # empty: all
    _int("since_at"),  # compared with created_at, inclusive
    _int("until_at"),
    _int("rate_per_s"),
    _int("matched"),  # counted before it began; later the queued ones
    _int("queued", default=0),
    _int("after_at"),  # cursor: the last delivery read
    _text("after_id"),
    _int("is_queued", default=0),  # the cursor is at the end
    _int("next_step_at", null=True),  # null: the counts are final
    _int("done", null=True),  # null: not final
    _int("failed", null=True),
    _int("created_at"),
    _int("ended_at", null=True),
    _text("like_id", null=True),  # a failed delivery: replay those answered alike
    _int("like_status", null=True),
    _text("like_error", null=True),
    _text("like_phrase", null=True),
    _int("ramp_size", null=True),  # how many may be under way; null: no ramp
    _int("ramp_at", null=True),  # deliveries made since then count
    _text("paused_reason", null=True),  # failing: refused during the ramp; null: by hand
    _index("ix_replays_account", "account_id", "environment", "id"),
    _index(
        "ix_replays_due", "next_step_at", where="status <> 'paused' AND next_step_at IS NOT NULL"
    ),
)

# webhooks/deliveries/delivery.py, pruned by webhooks/deliveries/retention.py. One HTTP request each.
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
    _text("error", null=True),  # timeout | connect | tls | address | protocol | http | lost
    _text("reason", null=True),
    _text("remote_address", null=True),
    _text("timings_ms"),  # JSON
    _text("request_headers"),  # JSON, signatures redacted
    _text("body_sha256", null=True),  # null: no request was made
    _bytes("response_body"),  # at most 4 KiB
)

# webhooks/deliveries/notice.py, webhooks/subscriptions/subscription.py. A failing endpoint's notices, one a stage.
notices = _table(
    "notices",
    _text("id", key=True),
    _text("account_id"),
    _text("environment"),
    _text("endpoint_id"),
    _text("stage"),  # failing | failing_for_a_day | failing_for_four_days | disabled
    _text("reason", null=True),
    _int("failing_since_at"),  # disabled without a failure: when
    _int("created_at"),
    _int("ended_at", null=True),
    # When its mail counts as sent.
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

# billing/payments/sandbox/checkout.py. Pages of simulated providers, staging only.
sandbox_checkouts = _table(
    "sandbox_checkouts",
    _text("token", key=True),  # the page's address: its holder may pay
    _text("account_id"),
    _text("environment"),
    _text("order_id"),
    _text("provider"),
    _text("kind"),  # payment | subscription | invoice
    _text("ref"),  # the checkout's id at the provider
    _text("payment_id"),
    _int("pay_amount"),
    _text("pay_currency"),
    _text("outcome", null=True),  # paid | failed | expired
    _int("created_at"),
    _int("ended_at", null=True),
    _index("ux_sandbox_checkouts_order", "order_id", unique=True),
)

# billing/catalog/pack.py
packs = _table(
    "packs",
    _text("environment", key=True),
    _text("id", key=True),
    _text("name"),
    _int("amount"),
    _text("currency"),
    _int("credits"),  # includes the bonus; 1 credit is $0.001
    _int("bonus_credits", default=0),
    _int("is_popular", default=0),
    _int("is_active", default=1),
    _int("position", default=0),
    _int("created_at"),
    sa.CheckConstraint("amount > 0 AND credits > 0", name="pack_sells_something"),
)

# billing/catalog/coupon.py
coupons = _table(
    "coupons",
    _text("id", key=True),
    _text("environment"),
    _text("code"),
    _text("kind"),  # percent | amount
    _int("percent", null=True),
    _int("amount_off", null=True),
    _text("currency", null=True),  # null: any
    _int("minimum_amount", null=True),  # the least list price
    _int("uses_max", null=True),  # null: any number
    _int("uses_per_account", null=True),
    _int("used_count", default=0),  # claimed and not released
    _int("expires_at", null=True),
    _int("is_active", default=1),
    _int("created_at"),
    sa.CheckConstraint("used_count >= 0", name="used_count_not_negative"),
    _index("ux_coupons_code", "environment", "code", unique=True),
    _index("ix_coupons_environment", "environment", "id"),
)

# billing/catalog/coupon.py. An order's claim of a coupon; deleted when the order dies.
coupon_uses = _table(
    "coupon_uses",
    _text("coupon_id", key=True),
    _text("order_id", key=True),
    _text("account_id"),
    _int("created_at"),
    _index("ix_coupon_uses_account", "account_id", "coupon_id"),
)

# billing/orders/records.py
orders = _table(
    "orders",
    _text("id", key=True),
    _text("account_id"),
    _text("environment"),
    _text("order_no"),  # 32 hex characters; for some providers and dialects
    _text("reference"),  # a txn_ id
    _text("kind"),  # payment | subscription | invoice
    _text("status"),  # billing/orders/order.py: MOVES
    _text("provider"),
    _int("is_simulated", default=0),  # the sandbox's page instead of the provider
    _text("method", null=True),
    _text("pack_id", null=True),
    _text("pack_name", null=True),  # or the plan's, as it was then
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
    _text("request_digest", null=True),  # digest of the Idempotency-Key
    _text("payment_id", null=True),  # that paid, or is reviewed
    _int("paid_amount", null=True),  # if it isn't the frozen price, or is reviewed
    _text("paid_currency", null=True),
    _int("refunded_amount", default=0),  # returned or disputed
    _int("reversed_micros", default=0),  # credit taken back
    _int("reversed_promotional_micros", default=0),  # the part that went to PROMOTION
    _int("reversed_grant_micros", default=0),  # from the order's own grant
    _text("reason", null=True),
    _int("next_check_at", null=True),
    _int("checks_made", default=0),
    _int("created_at"),
    _int("expires_at"),  # pending orders are then given up, unless paid
    _int("paid_at", null=True),
    _int("opened_at", null=True),
    _int("checked_at", null=True),
    _text("answer", null=True),  # unpaid | told | silent
    _text("origin", null=True),  # recharge; null: a caller
    _int("saves_payment", default=0),  # the payer agreed to store the method
    _int("trial_days", null=True),
    # Empty: no receipt; null: not numbered yet. By billing/documents.
    _text("receipt_id", null=True),
    _int("noted_amount", default=0),  # part of refunded_amount that has notes
    # JSON: the agreed price and credit.
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

# billing/documents/numbering.py. Receipts and notes, numbered without gaps and frozen.
billing_documents = _table(
    "billing_documents",
    _text("id", key=True),
    _text("account_id"),
    _text("environment"),
    _text("kind"),  # receipt | credit_note | debit_note
    _text("series"),  # prefix and year, such as R-2026
    _int("sequence"),
    _text("number"),  # series and sequence
    _text("subject_id"),  # the order or period
    _text("order_id"),  # a period's: the subscription's order
    _text("subscription_id", null=True),
    _int("amount"),  # includes tax
    _text("currency"),
    _text("facts"),  # JSON: billing/documents/facts.py
    _int("dated_at"),
    _int("created_at"),
    _index("ux_billing_documents_number", "environment", "number", unique=True),
    _index("ux_billing_documents_series", "environment", "series", "sequence", unique=True),
    _index("ix_billing_documents_account", "account_id", "environment", "id"),
    _index("ix_billing_documents_subject", "subject_id", "id"),
    _index("ix_billing_documents_order", "order_id", "id"),
)

# billing/documents/numbering.py locks the row of the empty series. Last numbers.
document_series = _table(
    "document_series",
    _text("environment", key=True),
    _text("series", key=True),
    _int("last_number"),
)

# billing/documents/billing_details.py
billing_details = _table(
    "billing_details",
    _text("account_id", key=True),
    _text("name"),
    _text("address"),
    _text("tax_id"),
    _int("updated_at"),
)

# billing/providers/breakdown.py. Tax and discounts by provider.
payment_breakdowns = _table(
    "payment_breakdowns",
    _text("provider", key=True),
    _text("environment", key=True),
    _text("payment_id", key=True),  # or a period's invoice
    _text("breakdown"),  # JSON
    _int("created_at"),
)

# billing/reconciliation/own_payments.py. A provider's fee for a payment.
payment_fees = _table(
    "payment_fees",
    _text("owner_id", key=True),  # the order or period
    _text("account_id"),
    _text("environment"),
    _text("provider"),
    _text("payment_id"),
    _int("amount"),
    _text("currency"),
    _int("paid_at"),  # on the provider's clock
    _int("recorded_at"),
    _index("ix_payment_fees_account", "account_id"),
    _index("ix_payment_fees_paid", "environment", "paid_at"),
)

# billing/orders/records.py. Ids that a provider may send instead of ours.
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

# billing/orders/records.py. Refunds and disputes of an order's payment.
order_reversals = _table(
    "order_reversals",
    _text("order_id", key=True),
    _text("key", key=True),
    _text("account_id"),
    _text("environment"),
    _text("kind"),  # refund | part (one refund of those that a refund sums up) | dispute
    _int("amount"),  # the whole so far
    _text("status"),  # dispute: open | won | lost; refund: done | failed
    _int("created_at"),
)

# billing/orders/uncredited_payment.py. Payments that credited nothing: a second one of an order, or a plan's
# that needs review.
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
    _int("closed_at", null=True),  # when all of it had gone back
    _index("ix_uncredited_payments_order", "order_id"),
    _index("uq_uncredited_payments_ref", "provider", "environment", "payment_ref", unique=True),
)

# billing/orders/uncredited_payment.py. As order_reversals.
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

# billing/orders/refund.py. Requested refunds of orders, periods and uncredited payments.
refunds = _table(
    "refunds",
    _text("id", key=True),
    _text("account_id"),
    _text("environment"),
    _text("order_id"),
    _text("owner_id"),  # order, period or uncredited payment
    _int("period_start_at", null=True),  # null: the order's own payment
    _text("provider"),
    _text("payment_ref"),
    _text("status"),  # requested | unknown | pending | succeeded | failed
    _int("amount"),
    _text("currency"),
    _text("reason"),
    _int("is_named", default=1),  # 0: the provider's notifications don't identify it
    _int("is_made_at_provider", default=0),  # recorded here by an operator
    _int("held_micros", default=0),
    _int("held_grant_micros", default=0),  # from the order's own grant
    _text("provider_refund_id", null=True),
    _text("detail", null=True),
    _text("requested_by", null=True),  # credential id, or a person's name
    _int("checks_made", default=0),
    _int("requested_at", null=True),
    _int("next_check_at", null=True),  # null: no more calls
    _int("created_at"),
    _int("ended_at", null=True),
    _int("lease_until", null=True),
    _index("ix_refunds_owner", "owner_id"),
    _index("ix_refunds_order", "order_id"),
    _index("ix_refunds_account", "account_id", "environment", "id"),
    _index("uq_refunds_open", "owner_id", unique=True, where="ended_at IS NULL"),
    _index("ix_refunds_due", "next_check_at", where="next_check_at IS NOT NULL"),
)

# billing/payments/disputes.py
disputes = _table(
    "disputes",
    _text("provider", key=True),
    _text("environment", key=True),
    _text("id", key=True),
    _text("account_id", null=True),  # null: no known order
    _text("order_id", null=True),
    _int("amount"),
    _text("currency"),
    _text("status"),  # the provider's own word
    _text("reason"),  # the provider's own word
    _int("is_inquiry", default=0),  # the bank took no money
    _int("due_at", null=True),  # deadline of the evidence
    _text("page_url", null=True),
    _int("created_at"),
    _int("reported_at"),  # the provider's time, if it gave one
    _int("ended_at", null=True),
    _index("ix_disputes_order", "order_id"),
    _index("ix_disputes_account", "account_id"),
    _index("ix_disputes_open", "environment", "due_at", where="ended_at IS NULL"),
)

# billing/providers/event_log.py. Genuine notifications; forged ones leave no row.
provider_events = _table(
    "provider_events",
    _text("provider", key=True),
    _text("environment", key=True),
    _text("event_id", key=True),
    _text("type"),
    _text("account_id", null=True),
    _text("order_id", null=True),
    _text("outcome"),  # applied | repeated | ignored | unknown | refused | review
    _text("detail"),
    _text("reason", null=True),  # billing/providers/event_log.py
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

# billing/catalog/plan.py
plans = _table(
    "plans",
    _text("environment", key=True),
    _text("id", key=True),
    _text("name"),
    _text("description"),
    _int("price_monthly"),
    _int("price_yearly", null=True),  # null: not sold by the year
    _text("currency"),
    _int("credits_included"),  # per month; a paid year grants twelve
    _int("trial_days", default=0),
    _int("trial_credits", default=0),
    _text("features"),  # JSON list
    # Also in plan_products; removed in the next release.
    _text("stripe_price_id_monthly", null=True),
    _text("stripe_price_id_yearly", null=True),
    _text("creem_product_id", null=True),
    _text("creem_product_id_yearly", null=True),
    _int("is_active", default=1),
    _int("position", default=0),
    _int("created_at"),
    _text("grant_terms", null=True),  # JSON: billing/catalog/grant_terms.py
    sa.CheckConstraint("price_monthly > 0 AND credits_included > 0", name="plan_sells_something"),
)

# billing/catalog/plan.py. A plan's price or product at a provider.
plan_products = _table(
    "plan_products",
    _text("environment", key=True),
    _text("plan_id", key=True),
    _text("provider", key=True),
    _text("interval", key=True),  # month | year
    _text("ref"),
)

# billing/subscriptions/records.py. Terms are frozen.
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
    _text("status"),  # billing/subscriptions/subscription.py: MOVES
    _text("plan_id"),
    _text("plan_name"),
    _text("interval"),  # month | year
    _int("credits_micros"),
    _int("amount"),
    _text("currency"),
    _int("first_amount"),  # less than amount with a coupon
    _text("product_ref", null=True),  # the provider's price or product
    _text("next_plan_id", null=True),  # from the next period on
    _text("next_interval", null=True),
    _int("next_amount", null=True),
    _int("trial_days", default=0),
    _int("trial_micros", default=0),
    _int("trial_ends_at", null=True),
    _int("carried_amount", default=0),  # returned to the customer's balance for unused time
    _int("carried_before", null=True),  # before the first change among its periods
    _int("is_ending", default=0),  # it ends at the end of the period
    _int("reported_at", null=True),  # time of the last change that counted
    _int("paid_until_at", null=True),
    _int("due_at", null=True),  # when time changes its state
    _int("created_at"),
    _int("ended_at", null=True),
    _text("grant_terms", null=True),
    _int("charge_at", null=True),  # the next charge after a pause
    _int("paused_at", null=True),
    _int("resumes_at", null=True),  # null: no end
    _int("next_check_at", null=True),  # the next poll while paused
    sa.CheckConstraint("first_amount <= amount", name="first_amount_within_amount"),
    _index("ix_subscriptions_account", "account_id", "environment", "id"),
    _index("ux_subscriptions_order", "order_id", unique=True),
    _index("ix_subscriptions_due", "due_at", where="due_at IS NOT NULL"),
    _index("ix_subscriptions_check", "next_check_at", where="next_check_at IS NOT NULL"),
)

# billing/subscriptions/records.py. Credited once per start.
subscription_periods = _table(
    "subscription_periods",
    _text("subscription_id", key=True),
    _int("period_start_at", key=True),
    _text("id"),  # what its transfers name
    _text("account_id"),
    _text("environment"),
    _int("period_end_at"),
    _text("invoice_id"),
    _text("plan_id"),
    _int("amount"),
    _text("currency"),
    _int("credits_micros"),
    _int("is_prorated", default=0),  # paid for a part of a period
    _int("refunded_amount", default=0),
    _int("reversed_micros", default=0),
    _int("created_at"),
    _text("receipt_id", null=True),
    _int("noted_amount", default=0),
    # For a change of plans: the value of unused and remaining time (negative: given back), and a period's
    # price and grant.
    _int("prorated_amount", null=True),
    _int("plan_amount", null=True),
    _int("plan_micros", null=True),
    _int("corrected_micros", default=0),  # excess, after a late earlier change
    _text("comp_reason", null=True),  # why an operator gave it free
    _text("comp_by", null=True),
    _int("comp_ended_at", null=True),  # when an operator took its credit back
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

# billing/subscriptions/subscription_change.py. Requested changes, until the provider made them.
subscription_steers = _table(
    "subscription_steers",
    _text("id", key=True),  # the provider's idempotency keys derive from it
    _text("subscription_id"),
    _text("account_id"),
    _text("environment"),
    _text("act"),  # cancel | cancel_now | pause | resume | change
    _text("plan_id", null=True),
    _text("interval", null=True),
    _text("product_ref", null=True),
    _int("amount", null=True),
    _int("is_charged_now", default=0),  # otherwise from the next period on
    _text("status"),  # asked | done | refused | given_up
    _text("requested_by"),
    _text("reason", null=True),
    _int("attempts", default=0),
    _int("next_attempt_at", null=True),  # due, or the end of a lease; null: ended
    _int("created_at"),
    _int("ended_at", null=True),
    _int("resumes_at", null=True),  # null: no end
    _index("ux_subscription_steers_open", "subscription_id", unique=True, where="ended_at IS NULL"),
    _index("ix_subscription_steers_due", "next_attempt_at", where="next_attempt_at IS NOT NULL"),
    _index("ix_subscription_steers_account", "account_id", "environment"),
)

# billing/recipients/owner_mail.py. One for each turn.
owner_mails = _table(
    "owner_mails",
    _text("id", key=True),
    _text("account_id"),
    _text("environment"),
    # past_due | recharge_failed | credit_expiring | receipt | approval | invitation | password |
    # password_changed | suspended | resumed | address | webhook | balance | key
    _text("kind"),
    _text("subscription_id"),  # empty: none
    _text("status"),  # queued | sent | bounced | failed | outbox | unwanted | limited
    _int("attempts", default=0),
    _int("next_attempt_at", null=True),  # due, or the end of a lease; null: never
    _text("reason", null=True),
    _int("created_at"),
    _int("ended_at", null=True),
    _text("about", null=True),  # JSON
    _int("next_receipt_at", null=True),  # a receipt's next_attempt_at
    _int("next_approval_at", null=True),  # an approval's next_attempt_at
    _int("next_invitation_at", null=True),  # an invitation's next_attempt_at
    # Every newer kind's, and mail to colleagues.
    _int("next_notice_at", null=True),
    _text("member_id", null=True),  # null: the owner, or an invited person
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

# billing/recipients/gathered_mail.py. Writers of a gathered kind's mail lock its row.
notification_turns = _table(
    "notification_turns",
    _text("account_id", key=True),
    _text("environment", key=True),
    _text("kind", key=True),  # webhook | balance | key
    _int("notified_no", default=0),
    _int("written_at", null=True),
)

# billing/subscriptions/records.py. Paid invoices that no rule credits, until an operator decides.
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
    _int("amount"),  # the plan's lines before tax and discounts
    _int("paid_amount"),
    _text("currency"),
    _text("plan_id"),  # the plan it seems to pay for
    _int("price_amount"),  # that plan's
    _text("price_currency"),
    _int("credits_micros"),  # that plan's
    _int("created_at"),
    _int("resolved_at", null=True),
    _index("ix_held_invoices_subscription", "subscription_id"),
)

# billing/subscriptions/plan_grant.py. Credit of a period that starts later or ends. Times by the account's clock,
# except created_at.
plan_grants = _table(
    "plan_grants",
    _text("id", key=True),  # its ledger account has the same name, if it expires
    _text("account_id"),
    _text("environment"),
    _text("subscription_id"),
    _text("period_id"),  # for a rollover, the period that it went into
    _text("plan_id"),
    _text("kind"),  # part | rollover
    _text("expires"),  # never | period_end | a number of days such as 30d
    _int("starts_at"),
    _int("ends_at"),  # end of the time that it covers
    _int("due_at", null=True),  # null: granted or withheld
    _int("granted_at", null=True),
    _int("expires_at", null=True),
    _int("credits_micros"),
    _int("granted_micros", default=0),
    _int("debt_micros", default=0),  # paid a debt at once
    _int("expired_micros", default=0),  # neither rolled over nor refunded
    _int("rolled_micros", default=0),  # went into the next period
    _int("reversed_micros", default=0),  # taken back from its ledger account
    _int("reversed_expired_micros", default=0),  # expired, then taken back
    _int("created_at"),
    _int("unreported_micros", default=0),  # ended, but unreported
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

# billing/subscriptions/expiry_notice.py. Once for each lead time.
expiry_notices = _table(
    "expiry_notices",
    _text("ledger_account_id", key=True),
    _int("days_before", key=True),
    _text("account_id"),
    _text("environment"),
    _int("created_at"),
    _index("ix_expiry_notices_account", "account_id", "environment"),
)

# billing/credits/adjustment.py
credit_adjustments = _table(
    "credit_adjustments",
    _text("id", key=True),  # the grant has the same name
    _text("account_id"),
    _text("environment"),
    _int("credits"),  # signed
    _text("reason"),
    _int("is_promotional"),
    _int("expires_at", null=True),
    _int("created_at"),
    _index("ix_credit_adjustments_account", "account_id", "environment", "id"),
)

# billing/subscriptions/entitlement.py
entitlement_counts = _table(
    "entitlement_counts",
    _text("account_id", key=True),
    _text("environment", key=True),
    _text("name", key=True),
    _int("window_start_at"),  # start of the newest counted window
    _int("used"),
    sa.CheckConstraint("used >= 0", name="used_not_negative"),
)

# billing/subscriptions/entitlement.py. Once per reference.
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

# billing/subscriptions/records.py. As order_reversals.
period_reversals = _table(
    "period_reversals",
    _text("period_id", key=True),
    _text("key", key=True),
    _text("account_id"),
    _text("environment"),
    _text("kind"),  # refund | part | dispute
    _int("amount"),  # the whole so far
    _text("status"),  # dispute: open | won | lost; refund: done | failed
    _int("created_at"),
)

# billing/subscriptions/records.py. The provider's ids of a subscription and its payments.
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

# billing/subscriptions/records.py
provider_customers = _table(
    "provider_customers",
    _text("account_id", key=True),
    _text("environment", key=True),
    _text("provider", key=True),
    _text("customer_ref"),
    _int("updated_at"),
)

# store/erase.py, billing/payments/recharging/forgotten.py. Erased accounts still to be deleted at the provider.
forgotten_customers = _table(
    "forgotten_customers",
    _text("provider", key=True),
    _text("environment", key=True),
    _text("customer_ref", key=True),
    _int("attempts", default=0),
    _int("next_attempt_at"),
    _text("last_error", null=True),  # null: not tried yet
    _int("created_at"),
    _index("ix_forgotten_customers_due", "next_attempt_at"),
)

# billing/recharges/recharge.py
recharges = _table(
    "recharges",
    _text("account_id", key=True),
    _text("environment", key=True),
    _text("provider"),
    _int("is_simulated", default=0),
    _text("customer_ref"),
    _text("method_ref"),  # the saved method's id at the provider
    _text("brand"),
    _text("last4"),
    _int("below_cents"),
    _int("amount_cents"),
    _int("monthly_max_cents"),  # per UTC calendar month
    _int("failures", default=0),
    _text("disabled_reason", null=True),  # failures | operator | dispute; null: it is on
    _int("retry_at", null=True),  # on the account's clock
    _int("changed_at"),
    _index("ix_recharges_retry", "retry_at", where="retry_at IS NOT NULL"),
)

# billing/recharges/recharge.py. One for each order of a recharge.
recharge_charges = _table(
    "recharge_charges",
    _text("order_id", key=True),
    _text("account_id"),
    _text("environment"),
    _text("month"),  # 2026-11, by the account's clock
    _int("amount_cents"),
    _text("customer_ref"),
    _text("method_ref"),
    _text("method"),  # as users know it, such as visa 4242
    _int("sent_at", null=True),
    _int("next_at", null=True),  # the next charge or poll; null: by the order's sweep
    _int("asked", default=0),
    _int("is_counted", default=1),  # took money, or may still
    _text("reason", null=True),
    _text("url", null=True),  # where the payer confirms it
    _int("disputed_at", null=True),  # the first inquiry or dispute
    _int("created_at"),
    _index("ix_recharge_charges_month", "account_id", "environment", "month"),
    _index("ix_recharge_charges_due", "next_at", where="next_at IS NOT NULL"),
)

# billing/payments/sandbox/cards.py. Staging only.
sandbox_cards = _table(
    "sandbox_cards",
    _text("ref", key=True),
    _text("account_id"),
    _text("environment"),
    _text("provider"),
    _text("token"),  # token of the page that saves it
    _text("card", null=True),  # a test card; null: the page is open
    _text("success_url"),
    _int("created_at"),
    _int("removed_at", null=True),
    _index("ix_sandbox_cards_account", "account_id", "environment"),
    _index("ux_sandbox_cards_token", "token", unique=True),
)

# billing/payments/sandbox/cards.py
sandbox_charges = _table(
    "sandbox_charges",
    _text("order_id", key=True),
    _text("account_id"),
    _text("environment"),
    _text("ref"),
    _text("outcome"),  # paid, or why it was declined
    _int("created_at"),
)

# billing/payments/notifications.py. Two provider ids of one object; refunds may have the second only.
provider_links = _table(
    "provider_links",
    _text("provider", key=True),
    _text("environment", key=True),
    _text("object_id", key=True),
    _text("linked_id"),
    _int("created_at"),
    _index("ix_provider_links_linked", "provider", "environment", "linked_id"),
)

# billing/payments/notifications.py. Refunds and disputes that came before their order.
provider_strays = _table(
    "provider_strays",
    _text("provider", key=True),
    _text("environment", key=True),
    _text("object_id", key=True),  # one row per id that the fact names
    _text("key", key=True),
    _text("kind", key=True),  # refund | part | failed | failed_part | dispute | closed
    _text("account_id", null=True),
    _int("amount"),
    _text("currency"),
    _int("is_won", default=0),
    _int("created_at"),
)

# billing/payments/sandbox/subscription.py. A simulated provider's side.
sandbox_subscriptions = _table(
    "sandbox_subscriptions",
    _text("ref", key=True),
    _text("token"),  # the portal page's address: its holder may manage it
    _text("account_id"),
    _text("environment"),
    _text("order_id"),
    _text("provider"),
    _text("customer_ref"),
    _text("status"),  # active | past_due | ended
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
    _int("number", default=0),  # bills sent, paid or not
    _int("attempts", default=0),  # that failed for the next period
    _int("anchor_at"),  # periods count from here
    _int("cycle", default=0),  # periods paid since then
    _int("next_at", null=True),  # the next bill; null: over
    _int("created_at"),
    _int("paused_at", null=True),
    _int("resumes_at", null=True),  # null: when somebody resumes it
    _index("ux_sandbox_subscriptions_token", "token", unique=True),
    _index("ux_sandbox_subscriptions_order", "order_id", unique=True),
    _index("ix_sandbox_subscriptions_next", "next_at", where="next_at IS NOT NULL"),
    _index("ix_sandbox_subscriptions_account", "account_id", "environment"),
)

# keys/audit_log.py. Operator acts stay; is_security entries are deleted after their retention.
audit_log = _table(
    "audit_log",
    _text("id", key=True),
    _text("environment"),
    _text("account_id", null=True),  # null: a catalogue or the installation
    _text("actor"),  # credential id, or a name from the command line
    _text("actor_account_id", null=True),
    _text("action"),
    _text("subject_id"),
    _text("before", null=True),  # JSON
    _text("after", null=True),  # JSON
    _text("reason", null=True),
    _int("is_security", default=0),  # shown to the account
    _text(
        "actor_kind", null=True
    ),  # key | token | session | app | operator | visitor | cli | gateway
    _text("address", null=True),
    _text("user_agent", null=True),
    _text("outcome", default="done"),  # done | refused
    _int("created_at"),
    _index("ix_audit_log_environment", "environment", "id"),
    # Operators' acts are few.
    _index(
        "ix_audit_log_operators", "id", where="is_security = 0 OR actor_kind IN ('operator', 'cli')"
    ),
    _index("ix_audit_log_security", "account_id", "id", where="is_security = 1"),
    _index("ix_audit_log_retention", "created_at", where="is_security = 1"),
    _index("ix_audit_log_account", "account_id", "id", where="account_id IS NOT NULL"),
)

# billing/usage/price_rows.py
price_lists = _table(
    "price_lists",
    _text("environment", key=True),
    _int("version"),
)

# billing/usage/price_rows.py. Rows are only added.
usage_prices = _table(
    "usage_prices",
    _text("environment", key=True),
    _text("model", key=True),  # a final * matches any ending
    _int("version", key=True),
    _int("input_micros", null=True),  # per 1,000,000 tokens, as the next two; null: withdrawn
    _int("output_micros", null=True),
    _int("cached_micros", null=True),
    _text("changed_by"),
    _int("changed_at"),
)

# billing/usage/usage_day.py. A UTC day's usage by spender and model.
usage_days = _table(
    "usage_days",
    _text("account_id", key=True),
    _text("environment", key=True),
    _int("day_start_at", key=True),
    _text("key_id", key=True),  # empty: no key
    _text("app_id", key=True),  # the app that charged; else empty
    _text("model", key=True),
    _int("records"),
    _int("amount_micros"),
    _int("input_tokens"),
    _int("output_tokens"),
    _int("cached_tokens"),
    is_hot=True,
)

# billing/usage/usage.py, but counted_day by billing/usage/usage_day.py too
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
    _int("input_tokens", null=True),  # null: not priced by tokens, as the next three
    _int("output_tokens", null=True),
    _int("cached_tokens", null=True),
    _int("price_version", null=True),
    _int("counted_day", null=True),  # null: not counted in usage_days yet
    _index("ix_usage_records_account", "account_id", "environment", "id"),
    _index(
        "ix_usage_records_time",
        "account_id",
        "environment",
        "created_at",
        "id",
        # Always true, and said by the list's statements only: else the planner uses this index for a probe
        # by reference, and reads all rows.
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

# billing/usage/hold.py, but counted_day by billing/usage/usage_day.py too
holds = _table(
    "holds",
    _text("id", key=True),
    _text("account_id"),
    _text("environment"),
    _text("spent_by", null=True),
    _text("status"),  # held | captured | released | expired
    _int("amount_micros"),
    _int("captured_micros", default=0),
    _text("description"),
    _text("model", null=True),
    _text("reference", null=True),
    _text("sources"),  # JSON: [ledger account id, micros], in order
    _int("created_at"),
    _int("expires_at"),  # on the account's clock
    _int("ended_at", null=True),
    _int("input_tokens", null=True),  # null: not priced by tokens, as the next three
    _int("output_tokens", null=True),
    _int("cached_tokens", null=True),
    _int("price_version", null=True),
    _int("counted_day", null=True),  # null: not counted in usage_days yet
    _text("overage", null=True),  # what a capture above the amount does: cap | owe; null refuses it
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

# billing/credits/checkin.py
checkins = _table(
    "checkins",
    _text("account_id", key=True),
    _text("environment", key=True),
    _text("day", key=True),
    _text("time_zone"),
    _text("next_time_zone"),  # time zone of the next check-in
    _int("streak"),
    _int("awarded_micros"),
    _text("grant_id"),  # the grant's ledger account
    _int("checked_in_at"),  # on the account's clock
    _int("created_at"),
)

# billing/credits/checkin.py. Without a row the defaults hold.
checkin_settings = _table(
    "checkin_settings",
    _text("environment", key=True),
    _int("is_enabled"),
    _int("credits_min"),
    _int("credits_max"),  # equal to credits_min: a fixed award
    _int("streak_bonus_credits"),  # for each day after the first
    _int("streak_days_max"),  # that count
    _int("daily_budget_credits", null=True),  # for all accounts together, per UTC day
    _int("updated_at"),
)

# billing/credits/checkin.py. A UTC day's awards, all accounts.
checkin_days = _table(
    "checkin_days",
    _text("environment", key=True),
    _int("day_start_at", key=True),
    _int("awarded_micros"),
)

# billing/ledger/volume.py. A UTC day's sends and sales, all accounts.
volume_days = _table(
    "volume_days",
    _text("environment", key=True),
    _int("day_start_at", key=True),
    _text("kind", key=True),  # sent | sold
    _text("name", key=True),  # the payment provider of sales
    _int("number"),
    _int("amount_micros"),
)

# billing/ledger/volume.py. How far volume_days has come.
volume_marks = _table(
    "volume_marks",
    _text("id", key=True),
    _text("counted_to"),
    _int("counted_at"),
)

# runtime/processes/presence.py. Workers of the last day.
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

# runtime/request_log/rows.py. Refused, failed and setting-changing requests, without secrets.
request_log = _table(
    "request_log",
    _text("id", key=True),
    _text("request_id"),  # X-Request-Id; callers may repeat it
    _text("account_id"),
    _text("environment"),
    _text("credential_id"),
    _text("method"),
    _text("route"),  # empty: none
    _text("path"),
    _int("status"),
    _int("code", null=True),  # null: another surface's answer
    _text("transaction_id", null=True),
    _int("duration_us"),
    _text("address", null=True),
    _text("user_agent", null=True),
    _text("idempotency_key", null=True),
    _text("content_type", null=True),
    _int("request_bytes"),
    _text("request_body"),  # at most 8 KiB
    _text("response_body"),  # at most 8 KiB; empty after a success
    _text("agent", null=True),  # URL of the signing agent
    _int("created_at"),
    _index("ix_request_log_account", "account_id", "environment", "id"),
    _index("ix_request_log_request", "request_id"),
)

# keys/oauth/app.py. Third-party apps.
oauth_apps = _table(
    "oauth_apps",
    _text("id", key=True),  # the client_id
    _text("account_id"),  # the owner, who gets the charges
    _text("environment"),
    _text("name"),
    _text("redirect_host"),  # any path there may get a code (OhMyGPT's rule); empty: none
    # Exact addresses.
    sa.Column("redirect_uris", TEXT, nullable=False, server_default=sa.text("''")),
    _int("is_public", default=0),  # no secret: PKCE proves the caller
    _text("scope"),  # general_api_access | advanced_access | trusted_advanced_access
    _int("cap_micros"),  # per user and period
    _text("cap_period"),  # day | month
    _text("secret_digest"),  # empty for a public app
    _text("secret_last4"),
    _int("created_at"),
    _int("rotated_at", null=True),
    _int("disabled_at", null=True),
    _text("made_by", null=True),  # null: the CLI, or not recorded
    _index("ix_oauth_apps_account", "account_id", "environment", "id"),
)

# keys/tokens/device_login.py. Command lines waiting for a browser to sign them in.
device_logins = _table(
    "device_logins",
    _text("digest", key=True),  # digest of the device code
    _text("user_digest"),  # digest of the user code, in capitals without hyphen
    _text("name"),
    _text("address"),
    _text("status"),  # pending | approved | denied | taken
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

# keys/oauth/grant.py. Consents that the app has yet to fetch.
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
    _text("grant_id", null=True),  # a second use of the code ends it
    _int("revoked_at", null=True),  # revoked by the user, or after a second use
    _text("session_id", null=True),
    _index("ix_oauth_codes_account", "account_id", "environment", "expires_at"),
)

# keys/oauth/grant.py. Renewed by each consent.
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

# keys/oauth/token.py. oat_ tokens.
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

# keys/authorization/client.py. Self-registered MCP clients; of no account.
authorization_clients = _table(
    "authorization_clients",
    _text("id", key=True),
    _text("name"),
    _text("redirect_uris"),
    _int("created_at"),
    _int("used_at", null=True),
    _index("ix_authorization_clients_used", "used_at", "created_at"),
)

# keys/authorization/grant.py. An MCP client's access to an account, by one key.
authorization_grants = _table(
    "authorization_grants",
    _text("id", key=True),
    _text("account_id"),
    _text("environment"),
    _text("client_id"),  # or the address of a metadata document
    _text("client_name"),
    _text("key_id"),  # replacing the key begins a new grant
    _text("scopes"),
    _text("resource"),  # the address of /mcp
    _int("created_at"),
    _int("renewed_at"),
    _index("ux_authorization_grants_key", "key_id", unique=True),
    _index("ix_authorization_grants_client", "account_id", "environment", "client_id"),
)

# keys/authorization/grant.py. Consents that the client has yet to fetch.
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
    _text("family_id", null=True),  # a second use of the code ends them
    _text("session_id", null=True),
    _index("ix_authorization_codes_end", "expires_at"),
    _index("ix_authorization_codes_account", "account_id", "environment", "expires_at"),
)

# keys/authorization/token.py. mat_ (access) and mrt_ (refresh) tokens.
authorization_tokens = _table(
    "authorization_tokens",
    _text("digest", key=True),
    _text("kind"),  # access | refresh
    _text("account_id"),
    _text("environment"),
    _text("grant_id"),
    _text("family_id"),  # one code's tokens and their refreshes
    _text("scopes"),
    _int("created_at"),
    _int("expires_at"),
    _int("used_at", null=True),  # when a refresh token was exchanged
    _int("revoked_at", null=True),
    _index("ix_authorization_tokens_family", "family_id"),
    _index("ix_authorization_tokens_grant", "grant_id"),
    _index("ix_authorization_tokens_end", "expires_at"),
    _index("ix_authorization_tokens_account", "account_id"),
)

# billing/usage/oauth_charge.py, but counted_day by billing/usage/usage_day.py too
oauth_charges = _table(
    "oauth_charges",
    _text("id", key=True),
    _text("account_id"),
    _text("environment"),
    _text("app_id"),
    _text("grant_id"),
    _text("owner_id"),  # the app's account
    _text("order_no"),  # the app's own
    _int("amount_micros"),
    _text("remark"),
    _int("created_at"),
    _int("counted_day", null=True),  # null: not counted in usage_days yet
    sa.CheckConstraint("amount_micros > 0", name="charge_positive"),
    _index(
        "ix_oauth_charges_time",
        "account_id",
        "environment",
        "created_at",
        "id",
        # As in usage_records.
        where="created_at > 0",
    ),
    _index(
        "ix_oauth_charges_uncounted", "account_id", "environment", "id", where="counted_day IS NULL"
    ),
    _index("ux_oauth_charges_order", "app_id", "account_id", "order_no", unique=True),
    _index("ix_oauth_charges_account", "account_id", "environment", "id"),
    _index("ix_oauth_charges_owner", "owner_id", "environment", "id"),
)

# store/migrate.py. What each schema version says about older code.
schema_notes = _table(
    "schema_notes",
    _text("version", key=True),
    _text("oldest_code"),  # the newest version that the oldest usable code knows
    _text("code_version", null=True),
    _int("reached_at", null=True),
)

# store/kept/backups.py
backups = _table(
    "backups",
    _text("id", key=True),
    _text("place"),  # local | elsewhere
    _int("began_at"),
    _int("ended_at", null=True),  # null: under way, or it failed
    _text("code_version"),
    _int("size", null=True),
)

# store/kept/commits.py. Losses that operators accepted.
accepted_losses = _table(
    "accepted_losses",
    _int("accepted_at", key=True),
    _int("lost_from_at", null=True),  # commits after this are lost
    _int("lost_until_at", null=True),  # the last acknowledged one
    _text("reason"),
)
