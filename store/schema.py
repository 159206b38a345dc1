"""Every table, with the meaning and unit of its columns. Times are microseconds UTC, flags 0 or 1.

Each table has one writer module, named here; tests/test_tidy.py holds it. Every table carries
account_id, so that it can be distributed by account. Migrations are the truth for a live database;
a test compares them with this file.
"""

import sqlalchemy as sa

from store.dialect import BIGINT, BYTES, TEXT

metadata = sa.MetaData()

# Spelled so that PostgreSQL expects few rows: billing/documents/due.py uses the same condition.
UNNOTED = "CASE WHEN refunded_amount = noted_amount THEN 0 ELSE 1 END = 1"

# Rows that are changed over and over: room in the page for the next version, so that the indexes
# stay as they are, and vacuum long before a fifth of a large table is dead.
_HOT = {"fillfactor": 70, "autovacuum_vacuum_scale_factor": 0.02}


def _text(name: str, *, null: bool = False, key: bool = False) -> sa.Column[str]:
    return sa.Column(name, TEXT, nullable=null, primary_key=key)


def _int(name: str, *, null: bool = False, default: int | None = None) -> sa.Column[int]:
    server_default = None if default is None else sa.text(str(default))
    return sa.Column(name, BIGINT, nullable=null, server_default=server_default)


def _bytes(name: str, *, null: bool = False) -> sa.Column[bytes]:
    return sa.Column(name, BYTES, nullable=null)


# keys/account.py, but live_* and email_verified_at by keys/account_access.py, *_mail_off_at and mail_language by
# keys/notifications.py, suspended_* by keys/account_access.py, access_ended_at by keys/session.py, staging_full_until by
# keys/staging_quota.py.
# A tenant: merchant, agent operator or end user.
accounts = sa.Table(
    "accounts",
    metadata,
    _text("id", key=True),
    _text("name"),
    _text("email", null=True),  # normalised; the default recipient; unique where set
    _text("password_hash", null=True),  # argon2; null: no sign-in
    _int("is_operator", default=0),
    _int("is_sandbox", default=0),  # made by POST /keys/sandbox
    _int("live_opened_at", null=True),  # null: staging only, until an operator opens live
    _int("live_closed_at", null=True),  # an operator closed live again; null: not so
    _int("email_verified_at", null=True),  # null: its mail's reader isn't verified
    _int("suspended_at", null=True),  # by an operator; null: not so. keys/account_access.py
    _text("suspended_for", null=True),  # why, for its owner to read; null: it is not suspended
    # IANA name; where a check-in's day begins.
    sa.Column("time_zone", TEXT, nullable=False, server_default="UTC"),
    _int("created_at"),
    _int("last_active_at"),  # day-grained; idle sandboxes are deleted by it
    _int("expiring_mail_off_at", null=True),  # wants no mail about expiring credit; null: it does
    _int("receipt_mail_off_at", null=True),  # wants no receipts by mail; null: it does
    _int("approval_mail_off_at", null=True),  # wants no mail about approvals; null: it does
    _text("mail_language", null=True),  # of mail to its owner; null: English
    # When its person's sessions were all ended at once: their earlier, unused grants no longer count.
    _int("access_ended_at", null=True),
    _int("erasing_at", null=True),  # when its deletion last began; null: not so. store/erase.py
    # Until then its staging stores nothing more; null: it does. keys/staging_quota.py
    _int("staging_full_until", null=True),
    sa.Index(
        "ux_accounts_email",
        "email",
        unique=True,
        sqlite_where=sa.text("email IS NOT NULL"),
        postgresql_where=sa.text("email IS NOT NULL"),
    ),
    sa.Index(
        "ix_accounts_sandbox",
        "last_active_at",
        sqlite_where=sa.text("is_sandbox = 1"),
        postgresql_where=sa.text("is_sandbox = 1"),
    ),
)

# keys/account.py, but event_no by webhooks/events/event.py, events_from_no by webhooks/deliveries/retention.py and
# event_epoch by webhooks/events/cursor.py, clock_ahead_us by keys/sandbox_clock.py, suspended_at by keys/account_access.py.
# The row that every change of money locks.
account_environments = sa.Table(
    "account_environments",
    metadata,
    _text("account_id", key=True),
    _text("environment", key=True),
    _int("event_no", default=0),  # of the last event; gapless, in commit order
    _int("events_from_no", default=0),  # from here on no event is missing; 0: none was deleted yet
    _int("event_epoch", default=0),  # in each cursor of events; another one after a restore
    _int("low_balance_threshold_micros", default=0),  # the highest of balance.low's; 0: off
    _int("clock_ahead_us", default=0),  # of the sandbox clock; staging only
    _int("created_at"),
    # Until then only its plan's credit pays for its own usage; null: the wallet, too.
    _int("plan_only_until_at", null=True),
    _text("low_balance_more", null=True),  # its further thresholds in micros, joined by spaces
    _int("recharge_below_micros", null=True),  # a lower balance starts a recharge; null: none does
    _int("recharge_from_micros", null=True),  # if the balance was at least this before it fell
    _text("recharge_order_id", null=True),  # of the recharge under way
    # The most that all of its credentials may spend in a UTC day; null: any. keys/account.py
    _int("day_limit_cents", null=True),
    # As the account's, for holders of this row's lock. keys/account_access.py
    _int("suspended_at", null=True),
    sa.Index(
        "ix_account_environments_recharge",
        "recharge_order_id",
        sqlite_where=sa.text("recharge_order_id IS NOT NULL"),
        postgresql_where=sa.text("recharge_order_id IS NOT NULL"),
    ),
    # Names no column that a change of money changes.
    sa.Index(
        "ix_account_environments_ahead",
        "account_id",
        "environment",
        sqlite_where=sa.text("clock_ahead_us > 0"),
        postgresql_where=sa.text("clock_ahead_us > 0"),
    ),
    postgresql_with=_HOT,
)

# keys/staging_quota.py. What the staging side of an account stored on a day of UTC, as far as the sweep counted it.
staging_storage = sa.Table(
    "staging_storage",
    metadata,
    _text("account_id", key=True),  # one row sums up the unverified accounts
    _int("day_start_at"),
    _int("rows_stored"),
    _int("bytes_stored"),
    _int("counted_until_at"),
)

# keys/api_keys/api_key.py
api_keys = sa.Table(
    "api_keys",
    metadata,
    _text("id", key=True),
    _text("account_id"),
    _text("environment"),
    _text("parent_id", null=True),
    _text("lineage"),  # ids of the ancestors, nearest first, joined by spaces
    _text("name"),
    _text("scopes"),  # joined by spaces
    _text("ip_allow_list"),  # CIDRs joined by spaces; empty: any address
    _int("per_call_cents", null=True),
    _int("per_day_cents", null=True),
    _int("per_month_cents", null=True),
    _int("approval_threshold_cents", null=True),  # of one send; the API's approval_above_cents
    _int("approval_above_per_day_cents", null=True),
    _int("expires_at", null=True),  # by the account's own clock
    _text("prefix"),  # first 16 characters of the newest secret
    _text("last4"),
    _int("created_at"),
    _int("last_used_at", null=True),  # minute-grained
    _text("last_used_by", null=True),  # the URL of the agent that signed a call last
    _int("revoked_at", null=True),
    _text("purpose", null=True),
    _int("lifetime_cents", null=True),
    _text("mandate", null=True),  # JSON: its further limits, keys/mandate.py; null: none
    _int("paused_at", null=True),
    _text("client_id", null=True),  # the MCP client that it was made for by consent; null: none
    _text("made_by", null=True),  # by a person's session; null: another key, CLI or unknown
    sa.Index("ix_api_keys_account", "account_id", "environment", "id"),
    sa.Index(
        "ix_api_keys_living",
        "account_id",
        "environment",
        "id",
        sqlite_where=sa.text("revoked_at IS NULL"),
        postgresql_where=sa.text("revoked_at IS NULL"),
    ),
)

# keys/api_keys/api_key.py. A key's secret by its SHA-256; two rows while a rotation overlaps.
api_key_secrets = sa.Table(
    "api_key_secrets",
    metadata,
    _text("digest", key=True),  # SHA-256, hex
    _text("key_id"),
    _text("account_id"),
    _int("expires_at", null=True),  # end of a rotation's overlap, by the account's own clock
    _int("created_at"),
    sa.Index("ix_api_key_secrets_key", "key_id"),
)

# keys/tokens/access_token.py. sat_ (an account's own) and adm_ (operator) tokens.
access_tokens = sa.Table(
    "access_tokens",
    metadata,
    _text("id", key=True),
    _text("kind"),  # system | operator
    _text("account_id"),
    _text("environment"),
    _text("key_id", null=True),  # the key that made it: it ends with it, and spends on its caps
    _text("name"),
    _text("digest"),  # SHA-256, hex
    _text("prefix"),
    _text("last4"),
    _int("created_at"),
    _int("last_used_at", null=True),
    _int("revoked_at", null=True),
    _text("scopes", null=True),  # of an operator token, joined by spaces; null: all of them
    sa.Index("ux_access_tokens_digest", "digest", unique=True),
    sa.Index("ix_access_tokens_account", "account_id", "environment", "id"),
)

# keys/session.py. A person's sign-in in one browser; deleted when it ends.
sessions = sa.Table(
    "sessions",
    metadata,
    _text("id", key=True),
    _text("account_id"),
    _text("environment"),  # the one that it shows; a switch changes the digest, too
    _text("digest"),  # SHA-256 of the cookie's token, hex
    _text("user_agent"),  # as the browser called itself, cut
    _int("created_at"),
    _int("last_seen_at"),  # minute-grained; it ends after seven days without use
    _int("expires_at"),
    _int("confirmed_at", null=True),  # the password was given again; null: not in this session
    _text("acts_for", null=True),  # an account that its person is a member of; null: their own
    sa.Index("ux_sessions_digest", "digest", unique=True),
    sa.Index("ix_sessions_account", "account_id", "last_seen_at"),
)

# keys/sign_in/password_reset.py, keys/sign_in/sign_in_link.py. Links that set a new password, or sign in to `topup dev`;
# a row goes when one of its account is used.
password_resets = sa.Table(
    "password_resets",
    metadata,
    _text("id", key=True),  # the link is made of it
    _text("account_id"),
    _text("email"),  # the account's when the link was requested: it counts for no other
    _int("created_at"),
    _int("expires_at"),
    sa.Index("ix_password_resets_account", "account_id"),
)

# keys/sign_in/email_verification.py. Links that verify an address; a row goes when one of its account is used.
email_verifications = sa.Table(
    "email_verifications",
    metadata,
    _text("id", key=True),  # the link is made of it
    _text("account_id"),
    _text("email"),  # the account's when it was written: the link counts for no other
    _int("created_at"),
    _int("expires_at"),
    sa.Index("ix_email_verifications_account", "account_id"),
)

# keys/notifications.py. The mail that a person of an account wants, if it differs from their role's.
notification_choices = sa.Table(
    "notification_choices",
    metadata,
    _text("account_id", key=True),
    _text("person_id", key=True),  # the account that they sign in with
    _text("choice", key=True),  # webhook | approval | balance | key | receipt | expiring | staging
    _int("is_on"),
    _int("changed_at"),
)

# keys/member.py. Colleagues and invited people; rows stay.
members = sa.Table(
    "members",
    metadata,
    _text("id", key=True),
    _text("account_id"),  # that they act for
    _text("email"),  # normalised; the invited address
    _text("role"),  # developer | finance | support | reader
    _text("invited_by"),  # the inviter's account
    _int("created_at"),
    _text("invitation_id", null=True),  # what the link is made of; null: accepted or withdrawn
    _int("expires_at", null=True),  # until when the link counts
    _text("person_id", null=True),  # the account they sign in with; null: not joined yet
    _int("joined_at", null=True),
    _int("removed_at", null=True),  # or withdrawn
    _int("chosen_at", null=True),  # the account that the person acted for last; null: another
    sa.Index(
        "ux_members_email",
        "account_id",
        "email",
        unique=True,
        sqlite_where=sa.text("removed_at IS NULL"),
        postgresql_where=sa.text("removed_at IS NULL"),
    ),
    sa.Index(
        "ux_members_invitation",
        "invitation_id",
        unique=True,
        sqlite_where=sa.text("invitation_id IS NOT NULL"),
        postgresql_where=sa.text("invitation_id IS NOT NULL"),
    ),
    sa.Index("ix_members_account", "account_id", "person_id"),
    sa.Index(
        "ix_members_person",
        "person_id",
        sqlite_where=sa.text("person_id IS NOT NULL"),
        postgresql_where=sa.text("person_id IS NOT NULL"),
    ),
)

# keys/second_factor.py. What signing in to an account takes beside its password.
second_factors = sa.Table(
    "second_factors",
    metadata,
    _text("account_id", key=True),
    _text("nonce"),  # random, hex; the app's secret is derived from it under a data key
    _int("last_step", default=0),  # of the newest code that was used, in half minutes since 1970
    _text("recovery"),  # JSON: SHA-256 of the recovery codes that are left, hex
    _int("created_at"),
    _int("confirmed_at", null=True),  # since when it is required; null: being set up
)

# keys/sign_in/passkey.py; keys/second_factor.py removes them. Passkeys that stand for a code of two-factor sign-in.
passkeys = sa.Table(
    "passkeys",
    metadata,
    _text("id", key=True),
    _text("account_id"),
    _text("credential_id"),  # as the device names it, base64url
    _text("public_key"),  # COSE, base64url
    _text("name"),  # chosen by the person
    _int("sign_count"),  # of the newest use; devices that do not count say 0
    _int("last_challenge_at"),  # when the newest challenge that it answered was made; 0: none
    _int("created_at"),
    _int("last_used_at", null=True),
    sa.Index("ix_passkeys_account", "account_id"),
    sa.Index("ux_passkeys_credential", "credential_id", unique=True),
)

# keys/caps.py. What a key and its descendants spent in one calendar window, and its further limits' counters.
spend_windows = sa.Table(
    "spend_windows",
    metadata,
    _text("key_id", key=True),
    # day | month | unapproved (a day's sends without an approval); keys/caps.py names the others
    _text("period", key=True),
    sa.Column("window_start_at", BIGINT, primary_key=True),
    _text("account_id"),
    _int("spent_micros"),
    _text("detail", null=True),  # JSON: Detail of keys/caps.py
    sa.CheckConstraint("spent_micros >= 0", name="spent_not_negative"),
    # Those of single recipients, which go after some days.
    sa.Index(
        "ix_spend_windows_recipients",
        "window_start_at",
        sqlite_where=sa.text("period >= 'same:' AND period < 'to;'"),
        postgresql_where=sa.text("period >= 'same:' AND period < 'to;'"),
    ),
    postgresql_with=_HOT,
)

# keys/vault.py. Data keys of the installation, sealed under the master key.
sealed_keys = sa.Table(
    "sealed_keys",
    metadata,
    _text("name", key=True),
    _bytes("sealed"),
    _int("created_at"),
)

# store/commit_token.py. The last transaction of each connection, for a COMMIT whose answer was lost;
# and one row that readiness writes to see whether anything can be stored.
commit_tokens = sa.Table(
    "commit_tokens",
    metadata,
    _text("id", key=True),  # of one connection of one process
    _int("token"),  # used once in this row
    _int("written_at"),
    _bytes("filler", null=True),  # the probe's only: makes its write cost space
    postgresql_with=_HOT,
)

# store/idempotency.py. The response to a request, stored under its Idempotency-Key.
idempotency_keys = sa.Table(
    "idempotency_keys",
    metadata,
    _text("account_id", key=True),
    _text("environment", key=True),
    _text("digest", key=True),  # of the key and its owner; 32 hex characters
    _text("fingerprint"),  # of method, path and parsed body; 32 hex characters
    _int("status"),  # HTTP status; 0 while a call of several steps runs
    _bytes("body", null=True),
    _int("is_sealed", default=0),  # the body holds a secret: sealed, purged after 24 h
    _text("text_digest", null=True),  # of the key without its owner; sealed rows alone have it
    # Where the body names the top-up in place of its voucher's code; null: it had none.
    _int("code_at", null=True),
    _int("lease_until_at", null=True),  # while it runs; afterwards another may take over
    _text("lease_token", null=True),  # of the lease's holder: no other ends or completes it
    _int("created_at"),
    sa.Index("ix_idempotency_created", "created_at"),
    sa.Index(
        "ix_idempotency_text",
        "account_id",
        "environment",
        "text_digest",
        sqlite_where=sa.text("text_digest IS NOT NULL"),
        postgresql_where=sa.text("text_digest IS NOT NULL"),
    ),
    sa.Index(
        "ix_idempotency_sealed",
        "created_at",
        sqlite_where=sa.text("is_sealed = 1"),
        postgresql_where=sa.text("is_sealed = 1"),
    ),
)

# billing/ledger/ledger.py. Balances; a balance is never negative, on whichever side it is.
ledger_accounts = sa.Table(
    "ledger_accounts",
    metadata,
    _text("id", key=True),
    _text("account_id"),
    _text("environment"),
    _text("kind"),  # billing/ledger/chart.py: Kind
    _text("name"),  # empty, a grant's id, a platform, or platform/address of a recipient
    _int("balance_micros"),
    _int("expires_at", null=True),  # of a promotional grant
    # A grant with nothing left; 0 for all others. No index names the balance itself: PostgreSQL would
    # rewrite every index entry of a row whose value changes.
    _int("is_spent", default=0),
    _int("created_at"),
    _int("updated_at"),
    sa.CheckConstraint("balance_micros >= 0", name="balance_not_negative"),
    sa.Index("ux_ledger_accounts_name", "account_id", "environment", "kind", "name", unique=True),
    sa.Index(
        "ix_ledger_accounts_recipients",
        "account_id",
        "environment",
        "id",
        sqlite_where=sa.text("kind = 'recipient'"),
        postgresql_where=sa.text("kind = 'recipient'"),
    ),
    sa.Index(
        "ix_ledger_accounts_expiry",
        "expires_at",
        sqlite_where=sa.text("kind = 'grant' AND is_spent = 0"),
        postgresql_where=sa.text("kind = 'grant' AND is_spent = 0"),
    ),
    sa.Index(
        "ix_ledger_accounts_grants",
        "account_id",
        "environment",
        "id",
        sqlite_where=sa.text("kind = 'grant' AND is_spent = 0"),
        postgresql_where=sa.text("kind = 'grant' AND is_spent = 0"),
    ),
    postgresql_with=_HOT,
)

# billing/ledger/ledger.py. One movement; names both sides, is never changed.
transfers = sa.Table(
    "transfers",
    metadata,
    _text("id", key=True),
    _text("account_id"),  # both ledger accounts are this tenant's
    _text("environment"),
    _text("debit_id"),
    _text("credit_id"),
    _int("amount_micros"),
    _text("code"),  # why: billing/ledger/chart.py: Code
    _text("transaction_id", null=True),  # the top-up
    _text("subject_id", null=True),  # order, hold, redemption, … if there is no top-up
    _int("created_at"),
    sa.CheckConstraint("amount_micros > 0", name="amount_positive"),
    sa.CheckConstraint("debit_id <> credit_id", name="sides_differ"),
    sa.Index("ix_transfers_account", "account_id", "environment", "id"),
    sa.Index(
        "ix_transfers_transaction",
        "transaction_id",
        sqlite_where=sa.text("transaction_id IS NOT NULL"),
        postgresql_where=sa.text("transaction_id IS NOT NULL"),
    ),
    # A send has no subject, so this one costs it nothing.
    sa.Index(
        "ix_transfers_subject",
        "subject_id",
        sqlite_where=sa.text("subject_id IS NOT NULL"),
        postgresql_where=sa.text("subject_id IS NOT NULL"),
    ),
)

_WAITS_FOR_PERSON = (
    "status = 'pending' AND supplier IS NOT NULL AND handed_over_at IS NOT NULL"
    " AND next_check_at IS NULL"
)

# billing/topups/topup.py, but delivery of ended ones by billing/recipients/erasure.py
topups = sa.Table(
    "topups",
    metadata,
    _text("id", key=True),
    _text("account_id"),
    _text("environment"),
    _text("spent_by", null=True),  # key id, then its ancestors, joined by spaces; null: no key
    # scheduled | pending | delivered | failed | cancelled | reversing | reversed
    _text("status"),
    _text("platform"),
    _int("amount_cents"),
    _text("recipient_email"),
    _text("reference", null=True),
    _text("metadata"),  # JSON object of strings
    _text("note", null=True),
    _text("failure_reason", null=True),
    _int("new_balance_cents", null=True),  # of the recipient's wallet, once delivered
    _text("voucher_code", null=True),  # never written: the code is worked out from the id
    _text("voucher_code_hint", null=True),  # its last 4 characters, once delivered
    _text("fulfilment_code", null=True),  # handed over in the voucher's place; sealed, base64
    _text("fulfilment"),  # kind of its supplier, in billing/fulfilment/; or approval, sandbox
    _int("handed_over_at", null=True),  # from then on it cannot be cancelled
    _int("next_check_at", null=True),  # when the worker checks a pending one
    _int("checks_made", default=0),
    _int("created_at"),
    _int("settled_at", null=True),
    # As its events have it, if the send left it pending; else null: its event has it.
    _text("trace", null=True),
    _text("supplier", null=True),  # called for it, or delivered it; null: the wallet
    _text("deliverable", null=True),  # JSON: the deliverable without its value; null: credit here
    _text("delivery", null=True),  # JSON: mail, language and message for the recipient
    _int("claimed_at", null=True),  # when the recipient first opened it
    _int("emailed_at", null=True),  # a mail server took the first mail about it
    _int("scheduled_for", null=True),  # by the tenant's own clock; null: sent at once
    _int("fee_cents", null=True),  # charged beside the amount; null: nothing
    _int("earned_fee_cents", null=True),  # of it: all once delivered, nothing once reversed
    # Its rows of spend_windows beside its keys' days and months, and when by a moved clock; keys/caps.py
    _text("counted_in", null=True),
    _text("key_name", null=True),  # of the key that sent it, as it was called then
    _text("caller_address", null=True),  # of its send; null: no call of the account's own
    _text("idempotency_key", null=True),  # of its send, with secrets masked; null: none
    # The person or token that made a waiting send, without a key; null: a key, or sent at once
    _text("sent_by", null=True),
    # A process that does not know fees cannot deliver or reverse one that has a fee.
    sa.CheckConstraint(
        """COALESCE(earned_fee_cents, 0) =
        CASE WHEN status IN ('delivered', 'reversing') THEN COALESCE(fee_cents, 0) ELSE 0 END""",
        name="fee_earned_with_delivery",
    ),
    sa.Index("ix_topups_account", "account_id", "environment", "id"),
    sa.Index(
        "ix_topups_status",
        "account_id",
        "environment",
        "status",
        "id",
        sqlite_where=sa.text("status <> 'delivered'"),
        postgresql_where=sa.text("status <> 'delivered'"),
    ),
    sa.Index(
        "ux_topups_reference",
        "account_id",
        "environment",
        "reference",
        unique=True,
        sqlite_where=sa.text("reference IS NOT NULL"),
        postgresql_where=sa.text("reference IS NOT NULL"),
    ),
    sa.Index(
        "ix_topups_due",
        "next_check_at",
        sqlite_where=sa.text("status = 'pending' AND next_check_at IS NOT NULL"),
        postgresql_where=sa.text("status = 'pending' AND next_check_at IS NOT NULL"),
    ),
    sa.Index(
        "ix_topups_waiting",
        "environment",
        "created_at",
        sqlite_where=sa.text("status = 'pending' AND supplier IS NOT NULL"),
        postgresql_where=sa.text("status = 'pending' AND supplier IS NOT NULL"),
    ),
    # What the review pages count and list.
    sa.Index(
        "ix_topups_person",
        "environment",
        "handed_over_at",
        sqlite_where=sa.text(_WAITS_FOR_PERSON),
        postgresql_where=sa.text(_WAITS_FOR_PERSON),
    ),
    sa.Index(
        "ix_topups_desk",
        "environment",
        "id",
        sqlite_where=sa.text("status = 'pending' AND supplier IS NOT NULL"),
        postgresql_where=sa.text("status = 'pending' AND supplier IS NOT NULL"),
    ),
    sa.Index(
        "ix_topups_failed",
        "environment",
        "id",
        sqlite_where=sa.text("status = 'failed' AND supplier IS NOT NULL"),
        postgresql_where=sa.text("status = 'failed' AND supplier IS NOT NULL"),
    ),
    sa.Index(
        "ix_topups_scheduled",
        "scheduled_for",
        sqlite_where=sa.text("status = 'scheduled'"),
        postgresql_where=sa.text("status = 'scheduled'"),
    ),
    sa.Index(
        "ix_topups_scheduled_account",
        "account_id",
        "environment",
        "scheduled_for",
        sqlite_where=sa.text("status = 'scheduled'"),
        postgresql_where=sa.text("status = 'scheduled'"),
    ),
)

# billing/topups/working_set.py. The account's own ids of top-ups, the same through every door.
topup_intents = sa.Table(
    "topup_intents",
    metadata,
    _text("account_id", key=True),
    _text("environment", key=True),
    _text("intent", key=True),
    _text("transaction_id"),
)

# billing/topups/mail.py, billing/recipients/mailing.py, billing/recipients/outbox.py,
# billing/recipients/erasure.py. Mail to the recipient of a top-up; no code lies in it.
mails = sa.Table(
    "mails",
    metadata,
    _text("id", key=True),  # its Message-ID is made of it
    _text("account_id"),
    _text("environment"),
    _text("transaction_id"),
    _text("recipient_email"),
    _text("status"),  # queued | sent | bounced | failed | unwanted | outbox | limited
    _int("created_at"),
    _int("attempts", default=0),
    _int("claim_no", default=0),  # of the newest claim: an older one's outcome is not written
    _int("next_attempt_at", null=True),  # when it is due, or the end of its claim; null: never
    _int("ended_at", null=True),
    _text("reason", null=True),  # the mail server's reply
    sa.Index("ix_mails_topup", "transaction_id"),
    sa.Index("ix_mails_account", "account_id", "environment", "id"),
    sa.Index("ix_mails_recipient", "account_id", "environment", "recipient_email", "created_at"),
    sa.Index("ix_mails_day", "account_id", "environment", "created_at"),
    sa.Index(
        "ix_mails_due",
        "next_attempt_at",
        sqlite_where=sa.text("next_attempt_at IS NOT NULL"),
        postgresql_where=sa.text("next_attempt_at IS NOT NULL"),
    ),
    postgresql_with=_HOT,
)

# billing/recipients/refusal.py. Addresses that want no mail, by a keyed digest of them.
mail_refusals = sa.Table(
    "mail_refusals",
    metadata,
    _text("digest", key=True),  # hex
    _int("created_at"),
)

# billing/bulk/batch.py. One for each bulk send.
batches = sa.Table(
    "batches",
    metadata,
    _text("id", key=True),
    _text("account_id"),
    _text("environment"),
    _text("spent_by", null=True),  # key id, then its ancestors, joined by spaces; null: no key
    _text("status"),  # accepting | undoing | refused | running | completed
    _int("is_all_or_nothing"),
    _int("items"),  # how many there are
    _text("request_digest", null=True),  # of its Idempotency-Key, as in idempotency_keys
    _int("created_at"),
    _int("accepted_at", null=True),  # when each item was accepted or refused
    _int("cancelled_at", null=True),  # when the rest was cancelled
    _text("cancelled_by", null=True),  # credential id
    _int("completed_at", null=True),  # when the last of its top-ups had ended
    _int("next_check_at", null=True),  # when the worker checks it; null: it is over
    _text("counts", null=True),  # JSON: items by their end, once it is over
    _text("sent_by", null=True),  # the person or token that made it; null: a key
    sa.Index("ix_batches_account", "account_id", "environment", "id"),
    sa.Index(
        "ux_batches_request",
        "account_id",
        "environment",
        "request_digest",
        unique=True,
        sqlite_where=sa.text("request_digest IS NOT NULL"),
        postgresql_where=sa.text("request_digest IS NOT NULL"),
    ),
    sa.Index(
        "ix_batches_due",
        "next_check_at",
        sqlite_where=sa.text("next_check_at IS NOT NULL"),
        postgresql_where=sa.text("next_check_at IS NOT NULL"),
    ),
)

# billing/bulk/item.py. A line of a bulk send, in the order in which they came.
batch_items = sa.Table(
    "batch_items",
    metadata,
    _text("batch_id", key=True),
    sa.Column("number", BIGINT, primary_key=True),  # from 0
    _text("transaction_id"),  # of its top-up; there is one once it is accepted or reserved
    _text("state"),  # waiting | accepted | reserved | refused
    _text("reference", null=True),
    _text("request", null=True),  # JSON: what to send; null: unreadable
    _text("refusal", null=True),  # JSON: why it was refused
)

# billing/topups/attempt.py. One for each turn of a top-up at a supplier, for any number of calls.
fulfilment_attempts = sa.Table(
    "fulfilment_attempts",
    metadata,
    _text("transaction_id", key=True),
    sa.Column("number", BIGINT, primary_key=True),  # from 1
    _text("account_id"),
    _text("environment"),
    _text("recipient_email"),
    _text("supplier"),
    _text("kind"),  # of the supplier: name in billing/fulfilment/
    _text(
        "outcome"
    ),  # requested | waiting | unknown | delivered | refused | dropped | revoked | kept
    _text("detail", null=True),  # a sentence for the operator
    _int("requests_made", default=1),
    _int("requested_at"),  # first
    _int("last_requested_at"),
    _int("ended_at", null=True),  # null: the supplier's last word is still to come
    _text("prepared", null=True),  # what was found out before the call; nothing secret
    _text("left_over", null=True),  # what the last call left for the next one; nothing secret
    _int("cost_cents", null=True),  # the supplier's price, if it reports one
    sa.Index(
        "ix_fulfilment_attempts_open",
        "environment",
        "supplier",
        "account_id",
        "recipient_email",
        sqlite_where=sa.text("ended_at IS NULL"),
        postgresql_where=sa.text("ended_at IS NULL"),
    ),
    sa.Index("ix_fulfilment_attempts_supplier", "environment", "supplier", "last_requested_at"),
)

# billing/topups/attempt.py. What a recipient has at a supplier, such as the id of a key to be raised.
supplier_recipients = sa.Table(
    "supplier_recipients",
    metadata,
    _text("account_id", key=True),
    _text("environment", key=True),
    _text("supplier", key=True),
    _text("recipient_email", key=True),
    _text("left_over"),  # the supplier's own words; nothing secret
    _int("changed_at"),
)

# billing/topups/reverse.py. A delivered top-up to be reversed; one at most for each.
topup_reversals = sa.Table(
    "topup_reversals",
    metadata,
    _text("transaction_id", key=True),
    _text("account_id"),
    _text("environment"),
    _text("reason"),  # the sender's or the operator's own words
    _text("requested_by", null=True),  # id of a credential; null: the operator
    _int("requested_at"),
    _int("checks_made", default=0),  # how often the supplier was called to revoke it
    _int("next_check_at", null=True),  # null: no more calls
    _text("outcome", null=True),  # reversed | kept; null: not ended
    _text("detail", null=True),  # why it was not reversed
    _int("ended_at", null=True),
    sa.Index(
        "ix_topup_reversals_due",
        "next_check_at",
        sqlite_where=sa.text("ended_at IS NULL"),
        postgresql_where=sa.text("ended_at IS NULL"),
    ),
)

# billing/topups/supplier_words.py. Codes, keys and links that were delivered, each for one top-up of an environment.
handed_over = sa.Table(
    "handed_over",
    metadata,
    _text("environment", key=True),
    _text("digest", key=True),  # keyed, of the value; the key survives a rotation of the master key
    _text("transaction_id"),  # the top-up it was delivered for
)

# billing/topups/supplier_words.py. How far delivered top-ups that the table lacks were entered there, and up to which
# id there are such.
handed_over_fill = sa.Table(
    "handed_over_fill",
    metadata,
    sa.Column("id", BIGINT, primary_key=True, autoincrement=False),  # 1: so far; 2: the end
    _text("after_id"),  # the last top-up that was checked; the first that wasn't
)

# billing/topups/supplier_words.py. What a supplier said that its top-up could not be ended by.
supplier_words = sa.Table(
    "supplier_words",
    metadata,
    _text("transaction_id", key=True),
    _text("digest", key=True),  # keyed, of the report: the same one is stored once
    _text("account_id"),
    _text("environment"),
    _text("supplier"),
    _text("word"),  # delivered | failed
    _text("why"),  # late | second | repeated | implausible
    _text("detail"),  # a sentence for the operator
    _text("kind", null=True),  # of the deliverable; null: none
    _text("hint", null=True),  # its last characters
    _text("sealed", null=True),  # the deliverable itself; null: nothing was handed over
    _int("cost_cents", null=True),  # the supplier's price, if it reports one
    _int("received_at"),  # first
    _int("last_received_at"),
    _int("times", default=1),
    _int("seen_at", null=True),  # null: no operator has seen it
    _text("seen_by", null=True),
    sa.Index(
        "ix_supplier_words_unseen",
        "environment",
        "transaction_id",
        sqlite_where=sa.text("seen_at IS NULL"),
        postgresql_where=sa.text("seen_at IS NULL"),
    ),
)

# billing/topups/platform_rows.py. What can be topped up, of each environment.
platforms = sa.Table(
    "platforms",
    metadata,
    _text("environment", key=True),
    _text("id", key=True),
    _text("name"),
    _int("min_amount_cents"),
    _int("max_amount_cents"),
    _int("is_active", default=1),
    _int("position"),
    _int("created_at"),
)

# billing/topups/platform_rows.py. What a send costs beside its amount; an account's own goes first.
platform_fees = sa.Table(
    "platform_fees",
    metadata,
    _text("environment", key=True),
    _text("platform", key=True),
    _text("account_id", key=True),  # empty: all that have none of their own
    _int("fixed_cents"),
    _int("basis_points"),
    _int("min_cents"),
    _int("max_cents", null=True),
    _int("changed_at"),
)

# billing/topups/platform_rows.py. A platform's suppliers, in the order of calls.
platform_suppliers = sa.Table(
    "platform_suppliers",
    metadata,
    _text("environment", key=True),
    _text("platform", key=True),
    _text("supplier", key=True),
    _int("position"),  # from 1
)

# billing/topups/platform_rows.py. Never deleted, so that an id means the same supplier for ever.
suppliers = sa.Table(
    "suppliers",
    metadata,
    _text("environment", key=True),
    _text("id", key=True),
    _text("kind"),  # name in billing/fulfilment/
    _text("options"),  # JSON object: those that are no secrets
    _bytes("sealed", null=True),  # JSON object: those that are
    _text("hints"),  # JSON object: the last characters of each secret
    _int("is_active", default=1),
    _int("is_simulated", default=0),  # staging only: plays its kind and calls no provider
    _int("created_at"),
    _int("changed_at"),
    _int("breaker_opened_at", null=True),  # called rarely until it responds; null: called
    _text("last_error", null=True),
    _int("last_error_at", null=True),
    _int("paused_at", null=True),  # an operator paused it then; null: it is called
)

# billing/topups/platform_rows.py. One row: it grows with each change of the three tables above.
platform_versions = sa.Table(
    "platform_versions",
    metadata,
    sa.Column("id", BIGINT, primary_key=True, autoincrement=False),  # 1
    _int("version", default=0),  # 0: nothing was ever entered
)

# billing/fulfilment/stock.py. Codes that the operator uploaded, each handed out once.
stock_codes = sa.Table(
    "stock_codes",
    metadata,
    _text("id", key=True),
    _text("environment"),
    _text("supplier"),
    _text("platform"),
    _int("amount_cents"),
    _text("digest"),  # keyed, of the code; the same code is taken once for each environment
    _bytes("sealed"),
    _text("hint"),
    _int("expires_at", null=True),
    _int("added_at"),
    _text("transaction_id", null=True),  # the top-up that it was handed to; null: in stock
    _int("taken_at", null=True),
    sa.Index("ux_stock_codes_digest", "environment", "digest", unique=True),
    sa.Index(
        "ux_stock_codes_transaction",
        "transaction_id",
        unique=True,
        sqlite_where=sa.text("transaction_id IS NOT NULL"),
        postgresql_where=sa.text("transaction_id IS NOT NULL"),
    ),
    sa.Index(
        "ix_stock_codes_free",
        "environment",
        "supplier",
        "platform",
        "amount_cents",
        "id",
        sqlite_where=sa.text("transaction_id IS NULL"),
        postgresql_where=sa.text("transaction_id IS NULL"),
    ),
)

# billing/fulfilment/stock.py. Each kind of code in stock, and whether low stock was reported.
stock_levels = sa.Table(
    "stock_levels",
    metadata,
    _text("environment", key=True),
    _text("supplier", key=True),
    _text("platform", key=True),
    sa.Column("amount_cents", BIGINT, primary_key=True, autoincrement=False),
    _int("low_threshold"),  # fewer than so many are few
    _int("is_low", default=0),  # reported; again only after a refill
)

# billing/fulfilment/tasks.py. Top-ups that an operator does by hand.
manual_tasks = sa.Table(
    "manual_tasks",
    metadata,
    _text("transaction_id", key=True),
    _text("account_id"),
    _text("environment"),
    _text("supplier"),
    _int("created_at"),
    _int("due_at"),
    _text("taken_by", null=True),
    _int("taken_at", null=True),
    _text("outcome", null=True),  # delivered | refused; null: to be done
    _bytes("sealed", null=True),  # JSON: what was delivered
    _text("reason", null=True),  # of a refusal, shown to the sender
    _text("decided_by", null=True),
    _int("decided_at", null=True),
    sa.Index(
        "ix_manual_tasks_open",
        "environment",
        "due_at",
        sqlite_where=sa.text("outcome IS NULL"),
        postgresql_where=sa.text("outcome IS NULL"),
    ),
)

# billing/topups/voucher.py. A voucher exists once its top-up is delivered; this row says it was redeemed.
voucher_redemptions = sa.Table(
    "voucher_redemptions",
    metadata,
    _text("transaction_id", key=True),
    _text("account_id"),  # the issuer
    _text("environment"),
    _text("redeemed_by"),  # the redeeming account
    _text("settle"),  # wallet | external
    _int("redeemed_at"),
    sa.Index("ix_voucher_redemptions_redeemer", "redeemed_by", "environment", "transaction_id"),
)

# billing/topups/approval.py
approvals = sa.Table(
    "approvals",
    metadata,
    _text("id", key=True),
    _text("account_id"),
    _text("environment"),
    _text("transaction_id"),
    _text("requested_by", null=True),  # key id
    _text("status"),  # pending | approved | denied | expired
    _text("decided_by", null=True),
    _int("created_at"),
    _int("expires_at"),
    _int("decided_at", null=True),
    _int("notified_at", null=True),  # when its mail was written or skipped; null: not yet
    # threshold | sender_left
    sa.Column("reason", TEXT, nullable=False, server_default="threshold"),
    sa.Index("ix_approvals_account", "account_id", "environment", "id"),
    sa.Index(
        "ix_approvals_pending",
        "account_id",
        "environment",
        "expires_at",
        sqlite_where=sa.text("status = 'pending'"),
        postgresql_where=sa.text("status = 'pending'"),
    ),
    sa.Index(
        "ix_approvals_untold",
        "account_id",
        "environment",
        "id",
        sqlite_where=sa.text("status = 'pending' AND notified_at IS NULL"),
        postgresql_where=sa.text("status = 'pending' AND notified_at IS NULL"),
    ),
    sa.Index("ux_approvals_transaction", "transaction_id", unique=True),
    sa.Index(
        "ix_approvals_due",
        "expires_at",
        sqlite_where=sa.text("status = 'pending'"),
        postgresql_where=sa.text("status = 'pending'"),
    ),
)

# billing/credits/code_batch.py. Redemption codes that were made together, worth the same each.
redemption_batches = sa.Table(
    "redemption_batches",
    metadata,
    _text("id", key=True),
    _text("environment"),
    _text("name"),
    _int("credits_micros"),  # of each code
    _int("code_count"),
    _int("uses_max"),  # of each code
    _int("is_promotional"),  # the credit is a grant
    _int("promotional_days", null=True),  # of the grant, from the redemption; null: no end
    _int("is_complete", default=0),  # every code was written and handed over
    _int("expires_at", null=True),  # from then on nothing can be redeemed
    _int("disabled_at", null=True),
    _int("created_at"),
    sa.Index("ix_redemption_batches_environment", "environment", "id"),
)

# billing/machine_payments/payment.py. A payment that came with the request it pays for.
machine_payments = sa.Table(
    "machine_payments",
    metadata,
    _text("id", key=True),
    _text("account_id"),  # the machine account, or that of the token beside the payment
    _text("environment"),
    _text("spent_by", null=True),  # key id, then its ancestors, joined by spaces; null: no key
    _text("protocol"),  # x402 | mpp
    _text("payment_ref"),  # network, asset, payer and nonce; or the token's digest
    _text("identifier"),  # SHA-256 of the payer's secret identifier, hex
    _text("body_digest"),  # SHA-256 of the request that it pays for, hex
    _text("request"),  # JSON: the request that it pays for, and the fee
    _text("network"),
    _text("asset"),
    _text("payer"),
    _text("amount"),  # atomic units of the asset, decimal
    _int("charged_cents"),  # the same in US cents: the top-up's amount and fee
    _text("proof"),  # posted to settle it; sealed, base64
    _text("transaction_id"),  # of the top-up, fixed before the first try
    _int("expires_at"),  # from then on it can no longer be settled
    _int("created_at"),
    _text("state"),  # settling | unknown | paid | refused | refunded
    _text("settlement", null=True),  # the settler's name for it, such as a transaction's hash
    _text("detail", null=True),  # a sentence: why it is as it is
    _int("checks_made", default=0),  # how often settling it was tried
    _int("is_lost", default=0),  # an answer about it was lost: a refusal proves nothing any more
    _int("lease_until", null=True),  # a process is settling it until then
    _int("next_check_at", null=True),  # null: no more tries
    _text("refund_code", null=True),  # gives it back; sealed, base64
    _text("refund_code_hint", null=True),
    _int("settled_at", null=True),
    _int("ended_at", null=True),
    sa.Index("ux_machine_payments_ref", "environment", "protocol", "payment_ref", unique=True),
    sa.Index(
        "ux_machine_payments_identifier", "environment", "protocol", "identifier", unique=True
    ),
    sa.Index("ix_machine_payments_account", "account_id", "environment", "id"),
    sa.Index("ix_machine_payments_environment", "environment", "id"),
    sa.Index(
        "ix_machine_payments_due",
        "next_check_at",
        sqlite_where=sa.text("next_check_at IS NOT NULL"),
        postgresql_where=sa.text("next_check_at IS NOT NULL"),
    ),
    sa.Index(
        "ix_machine_payments_settled",
        "environment",
        "settled_at",
        sqlite_where=sa.text("settled_at IS NOT NULL"),
        postgresql_where=sa.text("settled_at IS NOT NULL"),
    ),
    # A transfer at the network is credited once.
    sa.Index(
        "ux_machine_payments_settlement",
        "settlement",
        "environment",
        unique=True,
        sqlite_where=sa.text("settled_at IS NOT NULL"),
        postgresql_where=sa.text("settled_at IS NOT NULL"),
    ),
    # Waiting for an operator, or with a top-up that may still fail.
    sa.Index(
        "ix_machine_payments_open",
        "environment",
        "state",
        "id",
        sqlite_where=sa.text("ended_at IS NULL"),
        postgresql_where=sa.text("ended_at IS NULL"),
    ),
)

# billing/credits/code_batch.py, but used_count by billing/credits/redemption_code.py. A code, by its digest only.
redemption_codes = sa.Table(
    "redemption_codes",
    metadata,
    _text("id", key=True),
    _text("batch_id"),
    _text("environment"),
    _text("digest"),  # HMAC-SHA256 under a key of the installation, hex
    _text("last4"),
    _int("uses_max"),
    _int("used_count", default=0),
    _int("disabled_at", null=True),
    _int("created_at"),
    sa.CheckConstraint("used_count >= 0 AND used_count <= uses_max", name="uses_in_limit"),
    sa.Index("ux_redemption_codes_digest", "digest", unique=True),
    sa.Index("ix_redemption_codes_batch", "batch_id", "id"),
    sa.Index("ix_redemption_codes_last4", "environment", "last4", "id"),
)

# billing/credits/redemption_code.py. That an account redeemed a code; by each account once.
code_redemptions = sa.Table(
    "code_redemptions",
    metadata,
    _text("code_id", key=True),
    _text("account_id", key=True),
    _text("id"),  # the transfers' subject, and the name of a grant
    _text("environment"),
    _int("credits_micros"),
    _int("is_promotional"),
    _text("last4"),
    _int("expires_at", null=True),  # of the grant
    _int("created_at"),
    sa.CheckConstraint("credits_micros > 0", name="redemption_positive"),
    sa.Index("ix_code_redemptions_account", "account_id", "environment", "id"),
)

# billing/ledger/proof.py. What each `topup audit` found, the newest ones and the last that found nothing.
ledger_proofs = sa.Table(
    "ledger_proofs",
    metadata,
    _text("id", key=True),
    _int("began_at"),
    _int("ended_at"),
    _int("findings"),  # rows that broke a rule; 0: the ledger was proved
    _int("is_full", null=True),  # from the first transfer on; null: so did the code before
    # Of the last day whose sealed sums were used, in each environment; null: none.
    _int("live_day", null=True),
    _int("staging_day", null=True),
)

# billing/checkpoints/signing_keys.py. Public keys of what signs checkpoints and receipts; the private ones are
# sealed_keys.
signing_keys = sa.Table(
    "signing_keys",
    metadata,
    _text("kid", key=True),  # the thumbprint of RFC 7638
    _int("number"),  # the highest one signs
    _bytes("public_key"),
    _int("created_at"),
)

# billing/checkpoints/checkpoint.py. A sealed day of an environment's ledger, or one that is being sealed.
checkpoints = sa.Table(
    "checkpoints",
    metadata,
    _text("environment", key=True),
    sa.Column("day_start_at", BIGINT, primary_key=True, autoincrement=False),
    _bytes("seed"),  # of the leaves' salts
    _text("claimed_by", null=True),  # one sealing of one process
    _int("claimed_until"),
    _int("size", null=True),  # transfers; this and what follows is null until it is sealed
    _int("late", null=True),  # of them, of an earlier day
    _bytes("root", null=True),
    _bytes("digest", null=True),  # of the signed statement
    _text("jws", null=True),
    _int("sealed_at", null=True),
)

# billing/checkpoints/tiles.py. The hashes of a checkpoint's tree, 256 in a row.
checkpoint_tiles = sa.Table(
    "checkpoint_tiles",
    metadata,
    _text("environment", key=True),
    sa.Column("day_start_at", BIGINT, primary_key=True, autoincrement=False),
    sa.Column(
        "level", BIGINT, primary_key=True, autoincrement=False
    ),  # 0: leaves; 1: roots of level 0's tiles
    sa.Column("number", BIGINT, primary_key=True, autoincrement=False),
    _text("first_id"),  # of the transfers; empty in level 1, as the two that follow
    _text("last_id"),
    _bytes("ids"),  # msgpack
    _bytes("hashes"),
    _bytes("root"),
)

# billing/checkpoints/sums.py. What of each ledger account lies in checkpoints, all of them together.
sealed_balances = sa.Table(
    "sealed_balances",
    metadata,
    _text("account_id", key=True),
    _text("environment", key=True),
    _text("ledger_account_id", key=True),
    _int("day_start_at"),  # of the last checkpoint that has a transfer of it
    _int("debits_micros"),
    _int("credits_micros"),
    _int("before_debits_micros"),  # without that last checkpoint
    _int("before_credits_micros"),
)

# billing/checkpoints/sums.py. How far an environment's checkpoints are in sealed_balances.
sealed_sums = sa.Table(
    "sealed_sums",
    metadata,
    _text("environment", key=True),
    _int("summed_day", null=True),  # the last one that is in whole
    _int("tiles"),  # of the next one that are in
)

# billing/checkpoints/proving.py. The last check of all checkpoints of an environment against their transfers.
checkpoint_proofs = sa.Table(
    "checkpoint_proofs",
    metadata,
    _text("environment", key=True),
    _int("day_start_at"),  # of the last one that was checked
    _int("began_at"),
    _int("findings"),  # 0: all are as they were sealed
)

# billing/records/mark.py. How far the record log has come; one row.
record_marks = sa.Table(
    "record_marks",
    metadata,
    _text("id", key=True),  # records
    _int("step_no"),  # grows with every step: of two sealers one takes it
    _int("began_at"),  # older rows have no leaf
    _int("day_start_at"),  # the day that grows
    _int("size"),  # its leaves
    _text("after_ids"),  # JSON: by source, the last id that was walked past
)

# billing/records/tiles.py. The leaves of a day of the record log, 256 in a row.
record_tiles = sa.Table(
    "record_tiles",
    metadata,
    sa.Column("day_start_at", BIGINT, primary_key=True, autoincrement=False),
    sa.Column("number", BIGINT, primary_key=True, autoincrement=False),
    _text("first_id"),  # the lowest of its ids
    _text("last_id"),  # the highest
    _int("sealed_at"),  # when its last leaf came
    _bytes("root"),
    _bytes("leaves"),  # msgpack, by column
    sa.Index("ix_record_tiles_ids", "day_start_at", "last_id"),
)

# billing/records/head.py. The signed heads of the record log, one an hour.
record_heads = sa.Table(
    "record_heads",
    metadata,
    sa.Column("number", BIGINT, primary_key=True, autoincrement=False),
    _int("day_start_at"),
    _int("size"),  # the day's leaves that it covers
    _bytes("root"),
    _bytes("digest"),  # of the signed statement
    _text("jws"),
    _int("sealed_to"),  # rows made before it are sealed, late ones aside
    _int("sealed_at"),
    sa.Index("ix_record_heads_day", "day_start_at", "number"),
)

# billing/records/mark.py. Seeds of the leaves' salts; deleted with the account, or when their period is pruned.
record_seeds = sa.Table(
    "record_seeds",
    metadata,
    _text("account_id", key=True),  # empty: rows of the installation
    # Of 30 days since 1970; -1: rows that stay for ever.
    sa.Column("period", BIGINT, primary_key=True, autoincrement=False),
    _bytes("seed"),
)

# billing/records/mark.py. Deliveries that were open when the record log went by.
record_waiting = sa.Table(
    "record_waiting",
    metadata,
    _text("id", key=True),
    _text("account_id"),
    sa.Index("ix_record_waiting_account", "account_id"),
)

# billing/records/removal.py. Signed words about what was deleted on purpose.
record_removals = sa.Table(
    "record_removals",
    metadata,
    _text("kind", key=True),  # event | delivery | security | account
    _text("subject", key=True),  # the environment, or * for both; the account
    _int("until_at"),  # what was made before it may be deleted
    _text("jws"),
)

# billing/reconciliation/differences.py. Where provider, ledger and supplier do not agree.
money_differences = sa.Table(
    "money_differences",
    metadata,
    _text("id", key=True),
    _text("account_id"),  # empty: of no account that is known
    _text("environment"),
    _text("part"),  # which comparison found it: ledger | suppliers | provider:<name>
    _text("kind"),  # billing/reconciliation/kinds.py
    _text("subject_id"),  # of an order, a payment at the provider, a top-up, a supplier
    _int("expected"),  # the ledger's, in the unit's smallest
    _int("found"),  # the other side's
    _text("unit"),  # a currency, micros, or times
    _text("detail"),  # a sentence for the operator
    _int("since"),
    _int("seen_at"),  # last
    _int("closed_at", null=True),
    _text("closed_by", null=True),  # null: it agrees again
    _text("reason", null=True),  # the reason of the operator who closed it
    sa.Index(
        "ux_money_differences_subject", "environment", "part", "kind", "subject_id", unique=True
    ),
    sa.Index("ix_money_differences_environment", "environment", "id"),
    sa.Index(
        "ix_money_differences_open",
        "environment",
        "id",
        sqlite_where=sa.text("closed_at IS NULL"),
        postgresql_where=sa.text("closed_at IS NULL"),
    ),
)

# billing/reconciliation/runs.py. Each comparison of an environment: when it runs, its last result.
reconciliation_parts = sa.Table(
    "reconciliation_parts",
    metadata,
    _text("environment", key=True),
    _text("part", key=True),
    _int("next_at"),  # moved ahead at the start, so one process at a time runs it
    _int("began_at", null=True),
    _int("ended_at", null=True),  # of the last one that came to its end
    _int("checked", default=0),  # how much was compared then
    _text("fault", null=True),  # why the last one did not come to its end; null: it did
    _text("mark", null=True),  # where the next one continues; nothing secret
)

# webhooks/events/event.py, pruned by webhooks/deliveries/retention.py. Every event, subscribed or not; the signed
# bytes are stored once.
events = sa.Table(
    "events",
    metadata,
    _text("id", key=True),
    _text("account_id"),
    _text("environment"),
    _int("event_no"),
    _text("type"),
    _text("transaction_id", null=True),
    _int("is_sample", default=0),  # of a test ping; no replay job sends it again
    _bytes("body"),  # without a code that can be redeemed
    _int("code_at", null=True),  # where in the body the code replaces null
    _text("code_sealed", null=True),  # as the top-up's; null: the voucher's own, by transaction_id
    _text("trace", null=True),  # the request that it came of, see kernel/trace.py; null: of none
    _int("created_at"),
    sa.Index("ux_events_no", "account_id", "environment", "event_no", unique=True),
    # Events that are mailed: few among all, so that a send writes nothing here.
    sa.Index(
        "ix_events_told",
        "created_at",
        sqlite_where=sa.text("type IN ('balance.low', 'key.created')"),
        postgresql_where=sa.text("type IN ('balance.low', 'key.created')"),
    ),
    sa.Index(
        "ix_events_transaction",
        "transaction_id",
        sqlite_where=sa.text("transaction_id IS NOT NULL"),
        postgresql_where=sa.text("transaction_id IS NOT NULL"),
    ),
)

# webhooks/endpoints/endpoint.py, and webhooks/endpoints/disabling.py and webhooks/endpoints/probe.py for its answers,
# webhooks/endpoints/resealing.py under another master key, webhooks/subscriptions/subscription.py of MCP clients; rate_tat_us, drain_tat_us and
# claimed_at by webhooks/deliveries/claim.py, failing_since_at by webhooks/deliveries/delivery.py.
endpoints = sa.Table(
    "endpoints",
    metadata,
    _text("id", key=True),
    _text("account_id"),
    _text("environment"),
    _text("url"),
    _text("description"),
    _text("events"),  # types joined by spaces; empty: all
    _bytes("headers_sealed", null=True),  # JSON object, sealed
    _bytes("secret_sealed"),
    _bytes("previous_secret_sealed", null=True),
    _int("previous_secret_until_at", null=True),
    _bytes("signing_keys_sealed", null=True),  # private keys of Ed25519, sealed; null: it has none
    _text("public_keys", null=True),  # their public halves, JSON; see signing_keys.py there
    _text("retry_schedule_s"),  # joined by spaces
    _int("rate_limit_per_s", null=True),
    _int("ordered", default=0),  # one object's events go one after the other
    _int("include_codes", default=0),  # bodies published from now on carry codes
    _int("had_codes", default=0),  # some that were published before may carry them
    _int("include_approval_links", default=0),  # approval.requested carries the link that decides
    _int("had_approval_links", default=0),  # some that were published before may carry it
    _text("payload_filter", null=True),  # webhooks/events/payload_filter.py, JSON; null: none
    _int("rate_tat_us", default=0),  # GCRA: theoretical arrival time of the next attempt
    _int("drain_tat_us", default=0),  # the same for what was held until enabled_at
    _text("status"),  # enabled | disabled
    _int("enabled_at", null=True),  # when it was last enabled again
    _int("claimed_at", null=True),  # its last claim, to ten seconds
    _text("disabled_reason", null=True),
    _int("disabled_at", null=True),
    _int("probe_at", null=True),  # disabled for failing: when it is probed; null: it is not
    _int("failing_since_at", null=True),  # first failure after the last success
    _int("deleted_at", null=True),
    _int("created_at"),
    _text("made_by", null=True),  # a person or key; null: the CLI, or not recorded
    # Set for an MCP client's subscription (webhooks/subscriptions/): its id, the credential it ends with, its
    # own end, and the cursor up to which everything has ended.
    _text("subscription_id", null=True),
    _text("subscriber_id", null=True),
    _int("subscription_until_at", null=True),
    _text("subscription_cursor", null=True),
    sa.Index(
        "ux_endpoints_subscription",
        "account_id",
        "environment",
        "subscription_id",
        unique=True,
        sqlite_where=sa.text("subscription_id IS NOT NULL AND deleted_at IS NULL"),
        postgresql_where=sa.text("subscription_id IS NOT NULL AND deleted_at IS NULL"),
    ),
    # Subscriptions that end, and those whose rows may go.
    sa.Index(
        "ix_endpoints_subscription_until",
        "subscription_until_at",
        sqlite_where=sa.text("subscription_id IS NOT NULL"),
        postgresql_where=sa.text("subscription_id IS NOT NULL"),
    ),
    sa.Index(
        "ix_endpoints_account",
        "account_id",
        "environment",
        "id",
        sqlite_where=sa.text("deleted_at IS NULL"),
        postgresql_where=sa.text("deleted_at IS NULL"),
    ),
    # Whose held deliveries may have waited too long.
    sa.Index(
        "ix_endpoints_disabled",
        "disabled_at",
        "id",
        sqlite_where=sa.text("status = 'disabled' AND deleted_at IS NULL"),
        postgresql_where=sa.text("status = 'disabled' AND deleted_at IS NULL"),
    ),
    # Whose keys are published.
    sa.Index(
        "ix_endpoints_public_keys",
        "id",
        sqlite_where=sa.text("public_keys IS NOT NULL AND deleted_at IS NULL"),
        postgresql_where=sa.text("public_keys IS NOT NULL AND deleted_at IS NULL"),
    ),
    # Endpoints to probe, and when.
    sa.Index(
        "ix_endpoints_probe",
        "probe_at",
        sqlite_where=sa.text(
            "status = 'disabled' AND disabled_reason = 'failing' AND deleted_at IS NULL"
        ),
        postgresql_where=sa.text(
            "status = 'disabled' AND disabled_reason = 'failing' AND deleted_at IS NULL"
        ),
    ),
)

# webhooks/deliveries/endpoint_queue.py. Which endpoints may have something due, in the order of their turns: a
# claim finds them here by time, however many endpoints there are.
endpoint_queue = sa.Table(
    "endpoint_queue",
    metadata,
    _text("endpoint_id", key=True),
    _text("account_id"),
    _text("environment"),
    # No open delivery that its endpoint's paces allow is due before it, unless it has passed
    # already. Null: none is open.
    _int("ready_at", null=True),
    _int("is_failing", default=0),  # waits in a line of its own
    _int("change_no", default=0),  # grows with each write that publishing does not make
    _int("again_no", default=0),  # grows with each delivery of an event that was there before
    _int("ending_at", null=True),  # when to end its deliveries; null: none to end
    sa.Index(
        "ix_endpoint_queue_ready",
        "is_failing",
        "ready_at",
        "endpoint_id",
        sqlite_where=sa.text("ready_at IS NOT NULL"),
        postgresql_where=sa.text("ready_at IS NOT NULL"),
    ),
    sa.Index(
        "ix_endpoint_queue_ending",
        "ending_at",
        sqlite_where=sa.text("ending_at IS NOT NULL"),
        postgresql_where=sa.text("ending_at IS NOT NULL"),
    ),
    postgresql_with=_HOT,
)

# webhooks/deliveries/delivery.py, webhooks/deliveries/claim.py, webhooks/deliveries/sequence.py and webhooks/deliveries/ending.py, pruned by webhooks/deliveries/retention.py. One event to one
# endpoint; the row is the truth, the queue a hint.
deliveries = sa.Table(
    "deliveries",
    metadata,
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
    _int("claim_no", default=0),  # grows with every move; fences a settle of an older claim
    _int("lost_claims", default=0),  # leases that ran out in a row
    _text("replay_of", null=True),
    _text("replay_id", null=True),  # the job that made it; null: not made by one
    _int("code_at", null=True),  # the event's, if the body is sent with the code; else null
    _int("due_at", null=True),  # when the attempt that was claimed last was due; null: none was
    # By webhooks/deliveries/sequence.py, if the endpoint is ordered: the event's object, and the
    # event's number; null: it waits for no other.
    _text("object_id", null=True),
    _int("event_no", null=True),
    _int("blocked_since_at", null=True),  # due since then, and waits for its object
    _int("created_at"),
    _int("settled_at", null=True),
    # The log is read newest first, by created_at and id. An index for the common status and type
    # would cost each send more than such pages save: those rows are many, so a page is soon full.
    sa.Index("ix_deliveries_account", "account_id", "environment", "created_at", "id"),
    sa.Index("ix_deliveries_endpoint", "endpoint_id", "created_at", "id"),
    sa.Index(
        "ix_deliveries_status",
        "account_id",
        "environment",
        "status",
        "created_at",
        "id",
        sqlite_where=sa.text("status <> 'delivered'"),
        postgresql_where=sa.text("status <> 'delivered'"),
    ),
    sa.Index(
        "ix_deliveries_type",
        "account_id",
        "environment",
        "event_type",
        "created_at",
        "id",
        sqlite_where=sa.text("event_type <> 'topup.delivered'"),
        postgresql_where=sa.text("event_type <> 'topup.delivered'"),
    ),
    sa.Index(
        "ix_deliveries_replays",
        "event_id",
        sqlite_where=sa.text("replay_of IS NOT NULL"),
        postgresql_where=sa.text("replay_of IS NOT NULL"),
    ),
    # A job counts its rows by status, and sends nothing twice.
    sa.Index(
        "ix_deliveries_job",
        "replay_id",
        "status",
        "next_attempt_at",
        sqlite_where=sa.text("replay_id IS NOT NULL"),
        postgresql_where=sa.text("replay_id IS NOT NULL"),
    ),
    sa.Index(
        "ux_deliveries_job",
        "replay_id",
        "replay_of",
        unique=True,
        sqlite_where=sa.text("replay_id IS NOT NULL"),
        postgresql_where=sa.text("replay_id IS NOT NULL"),
    ),
    sa.Index(
        "ix_deliveries_due",
        "endpoint_id",
        "next_attempt_at",
        sqlite_where=sa.text("status IN ('pending', 'sending')"),
        postgresql_where=sa.text("status IN ('pending', 'sending')"),
    ),
    sa.Index(
        "ix_deliveries_transaction",
        "transaction_id",
        sqlite_where=sa.text("transaction_id IS NOT NULL"),
        postgresql_where=sa.text("transaction_id IS NOT NULL"),
    ),
    # The first of an object, and those of it that are under way: of ordered endpoints only.
    sa.Index(
        "ix_deliveries_object",
        "endpoint_id",
        "object_id",
        "event_no",
        "id",
        sqlite_where=sa.text("status IN ('pending', 'sending') AND object_id IS NOT NULL"),
        postgresql_where=sa.text("status IN ('pending', 'sending') AND object_id IS NOT NULL"),
    ),
    sa.Index(
        "ix_deliveries_object_sending",
        "endpoint_id",
        "object_id",
        sqlite_where=sa.text("status = 'sending' AND object_id IS NOT NULL"),
        postgresql_where=sa.text("status = 'sending' AND object_id IS NOT NULL"),
    ),
    postgresql_with=_HOT,
)

# webhooks/replays/replay.py, and by steps webhooks/replays/step.py. A job that sends an endpoint's
# deliveries of a period again.
replays = sa.Table(
    "replays",
    metadata,
    _text("id", key=True),
    _text("account_id"),
    _text("environment"),
    _text("endpoint_id"),
    _text("status"),  # running | paused | done | cancelled
    _text("delivery_status"),  # failed | delivered: which ones
    _text("event_types"),  # joined by spaces; empty: all
    _int("since_at"),  # of the deliveries' created_at, inclusive
    _int("until_at"),  # exclusive; at most created_at
    _int("rate_per_s"),
    _int("matched"),  # counted before it began; the queued ones, once that is all
    _int("queued", default=0),
    _int("after_at"),  # the cursor: created_at and id of the last delivery read
    _text("after_id"),
    _int("is_queued", default=0),  # the cursor is at the end; what is queued has yet to settle
    _int("next_step_at", null=True),  # null: no more steps, the counts are final
    _int("done", null=True),  # delivered or failed; null: not final, counted from the deliveries
    _int("failed", null=True),  # of those; null as done
    _int("created_at"),
    _int("ended_at", null=True),
    _text("like_id", null=True),  # a failed delivery: those that were answered as it was
    _int("like_status", null=True),  # its response's; set with like_phrase
    _text("like_error", null=True),
    _text("like_phrase", null=True),
    _int("ramp_size", null=True),  # how many may be under way; null: no ramp, or it is over
    _int("ramp_at", null=True),  # deliveries made since count for it
    _text("paused_reason", null=True),  # failing: the ramp met a refusal; null: by hand
    sa.Index("ix_replays_account", "account_id", "environment", "id"),
    sa.Index(
        "ix_replays_due",
        "next_step_at",
        sqlite_where=sa.text("status <> 'paused' AND next_step_at IS NOT NULL"),
        postgresql_where=sa.text("status <> 'paused' AND next_step_at IS NOT NULL"),
    ),
)

# webhooks/deliveries/delivery.py, pruned by webhooks/deliveries/retention.py. One HTTP request and its result.
attempts = sa.Table(
    "attempts",
    metadata,
    _text("delivery_id", key=True),
    sa.Column("number", BIGINT, primary_key=True, autoincrement=False),
    _text("id"),
    _text("account_id"),
    _text("environment"),
    _int("started_at"),
    _int("duration_us"),
    _int("http_status", null=True),
    _text("error", null=True),  # timeout | connect | tls | address | protocol | http | lost
    _text("reason", null=True),  # for the operator only
    _text("remote_address", null=True),
    _text("timings_ms"),  # JSON object
    _text("request_headers"),  # JSON object, signatures redacted; webhooks/deliveries/message.py
    _text("body_sha256", null=True),  # hex; null: no request could be made
    _bytes("response_body"),  # at most 4 KiB
)

# webhooks/deliveries/notice.py, webhooks/subscriptions/subscription.py. What an account should know of a failing endpoint: once for each stage.
notices = sa.Table(
    "notices",
    metadata,
    _text("id", key=True),
    _text("account_id"),
    _text("environment"),
    _text("endpoint_id"),
    _text("stage"),  # failing | failing_for_a_day | failing_for_four_days | disabled
    _text("reason", null=True),  # disabled: why
    _int("failing_since_at"),  # disabled without a failure: when
    _int("created_at"),
    _int("ended_at", null=True),  # it works again, was enabled again or deleted
    # The time of the mail from which it counts as reported; null: not yet.
    _int("notified_at", null=True),
    _int("end_notified_at", null=True),  # the same of its end; both at once if there was no mail
    sa.Index(
        "ix_notices_untold",
        "account_id",
        "environment",
        sqlite_where=sa.text("notified_at IS NULL AND ended_at IS NULL"),
        postgresql_where=sa.text("notified_at IS NULL AND ended_at IS NULL"),
    ),
    sa.Index(
        "ix_notices_end_untold",
        "account_id",
        "environment",
        sqlite_where=sa.text(
            "notified_at IS NOT NULL AND ended_at IS NOT NULL AND end_notified_at IS NULL"
        ),
        postgresql_where=sa.text(
            "notified_at IS NOT NULL AND ended_at IS NOT NULL AND end_notified_at IS NULL"
        ),
    ),
    sa.Index("ix_notices_account", "account_id", "environment", "id"),
    sa.Index("ux_notices_stage", "endpoint_id", "failing_since_at", "stage", unique=True),
)

# billing/payments/sandbox/checkout.py. The hosted page of a simulated provider, staging only.
sandbox_checkouts = sa.Table(
    "sandbox_checkouts",
    metadata,
    _text("token", key=True),  # the page's address: its holder may pay
    _text("account_id"),
    _text("environment"),
    _text("order_id"),
    _text("provider"),  # that is simulated
    _text("kind"),  # payment | subscription | invoice
    _text("ref"),  # the checkout's id at the provider, as its notifications name it
    _text("payment_id"),  # of its one payment
    _int("pay_amount"),  # smallest unit of pay_currency
    _text("pay_currency"),
    _text("outcome", null=True),  # paid | failed | expired; the first one stays
    _int("created_at"),
    _int("ended_at", null=True),
    sa.Index("ux_sandbox_checkouts_order", "order_id", unique=True),
)

# billing/catalog/pack.py. Amounts of credit that are sold as one; a catalogue of each environment.
packs = sa.Table(
    "packs",
    metadata,
    _text("environment", key=True),
    _text("id", key=True),
    _text("name"),
    _int("amount"),  # price, in the currency's smallest unit
    _text("currency"),
    _int("credits"),  # all of them, the bonus included; 1 credit is $0.001
    _int("bonus_credits", default=0),  # how many of them are shown as a bonus
    _int("is_popular", default=0),
    _int("is_active", default=1),
    _int("position", default=0),  # in the list
    _int("created_at"),
    sa.CheckConstraint("amount > 0 AND credits > 0", name="pack_sells_something"),
)

# billing/catalog/coupon.py. What takes a part of an order's price away.
coupons = sa.Table(
    "coupons",
    metadata,
    _text("id", key=True),
    _text("environment"),
    _text("code"),  # upper case
    _text("kind"),  # percent | amount
    _int("percent", null=True),  # 1 to 100; of kind percent
    _int("amount_off", null=True),  # smallest unit; of kind amount
    _text("currency", null=True),  # of amount_off and minimum_amount; null: any
    _int("minimum_amount", null=True),  # the least list price that it is taken for
    _int("uses_max", null=True),  # by everybody; null: any number
    _int("uses_per_account", null=True),
    _int("used_count", default=0),  # rows of coupon_uses ever claimed and not released
    _int("expires_at", null=True),
    _int("is_active", default=1),
    _int("created_at"),
    sa.CheckConstraint("used_count >= 0", name="used_count_not_negative"),
    sa.Index("ux_coupons_code", "environment", "code", unique=True),
    sa.Index("ix_coupons_environment", "environment", "id"),
)

# billing/catalog/coupon.py. That an order claims a use of a coupon; gone when the order dies.
coupon_uses = sa.Table(
    "coupon_uses",
    metadata,
    _text("coupon_id", key=True),
    _text("order_id", key=True),
    _text("account_id"),
    _int("created_at"),
    sa.Index("ix_coupon_uses_account", "account_id", "coupon_id"),
)

# billing/orders/records.py. A purchase of credit, from the wish to the payment and back.
orders = sa.Table(
    "orders",
    metadata,
    _text("id", key=True),
    _text("account_id"),
    _text("environment"),
    _text("order_no"),  # 32 hex characters; for some providers and dialects
    _text("reference"),  # a txn_ id
    _text("kind"),  # payment | subscription | invoice
    _text("status"),  # billing/orders/order.py: MOVES
    _text("provider"),
    _int("is_simulated", default=0),  # the sandbox's page instead of the provider
    _text("method", null=True),  # the provider's own way of paying
    _text("pack_id", null=True),
    _text("pack_name", null=True),  # or the plan's, as it was then; null without either
    _text("plan_id", null=True),  # of a subscription, whose row in subscriptions is written with it
    _text("interval", null=True),  # month | year, of a subscription
    _int("amount"),  # list price, smallest unit of the currency
    _text("currency"),
    _int("discount", default=0),  # same unit
    _int("pay_amount"),  # what the provider charges, frozen
    _text("pay_currency"),
    _int("credits_micros"),  # all that is credited
    _int("promotional_micros", default=0),  # the part of it that the coupon paid
    _text("coupon_id", null=True),
    _text("coupon_code", null=True),
    _text("url", null=True),  # where the payer goes; null until the provider responded
    _text("provider_ref", null=True),  # the provider's id of the checkout
    _text("customer_ref", null=True),
    _text("invoice_pdf", null=True),
    _text("success_url", null=True),
    _text("cancel_url", null=True),
    _text("oauth_app_id", null=True),  # the app that ordered for the user
    _text("created_by", null=True),  # credential's id
    _text("request_digest", null=True),  # of the Idempotency-Key, so a retry finds the order
    _text("payment_id", null=True),  # the payment that paid it, or that is reviewed
    _int("paid_amount", null=True),  # what it was of, where that is not the frozen price, or was
    _text("paid_currency", null=True),  # reviewed; null: the price
    _int("refunded_amount", default=0),  # gone back or disputed, in pay_currency
    _int("reversed_micros", default=0),  # credit that was taken back for it
    _int("reversed_promotional_micros", default=0),  # of it PROMOTION got this
    _int("reversed_grant_micros", default=0),  # the part of it from the order's own grant
    _text("reason", null=True),  # of failed, of review and of an approval, for people
    _int("next_check_at", null=True),  # when the provider is polled about a pending one
    _int("checks_made", default=0),
    _int("created_at"),
    _int("expires_at"),  # then a pending one is given up, unless the provider says paid
    _int("paid_at", null=True),
    _int("opened_at", null=True),  # when the provider made the payment page
    _int("checked_at", null=True),  # when the provider was last polled
    _text("answer", null=True),  # unpaid | told | silent: the result; null: never polled
    _text("origin", null=True),  # recharge; null: a caller placed it
    _int("saves_payment", default=0),  # the payer agreed to store the payment method
    _int("trial_days", null=True),  # of a plan's: the free days that it begins with; null: none
    # Its receipt's id, or empty; null: not numbered yet. billing/documents writes both.
    _text("receipt_id", null=True),
    _int("noted_amount", default=0),  # for how much of refunded_amount notes were made
    # JSON: the agreed price and credit; null: not recorded.
    _text("terms", null=True),
    sa.CheckConstraint(
        "promotional_micros >= 0 AND promotional_micros <= credits_micros",
        name="promotional_within_credits",
    ),
    sa.CheckConstraint(
        "reversed_micros >= 0 AND reversed_micros <= credits_micros",
        name="reversed_within_credits",
    ),
    sa.Index("ix_orders_account", "account_id", "environment", "id"),
    sa.Index("ux_orders_order_no", "order_no", unique=True),
    sa.Index("ux_orders_reference", "reference", unique=True),
    sa.Index(
        "ux_orders_request",
        "account_id",
        "environment",
        "request_digest",
        unique=True,
        sqlite_where=sa.text("request_digest IS NOT NULL"),
        postgresql_where=sa.text("request_digest IS NOT NULL"),
    ),
    sa.Index("ix_orders_environment", "environment", "id"),
    sa.Index(
        "ix_orders_due",
        "next_check_at",
        sqlite_where=sa.text("status = 'pending' AND next_check_at IS NOT NULL"),
        postgresql_where=sa.text("status = 'pending' AND next_check_at IS NOT NULL"),
    ),
    sa.Index(
        "ix_orders_pending",
        "account_id",
        "environment",
        sqlite_where=sa.text("status = 'pending'"),
        postgresql_where=sa.text("status = 'pending'"),
    ),
    sa.Index(
        "ix_orders_review",
        "environment",
        "id",
        sqlite_where=sa.text("status = 'review'"),
        postgresql_where=sa.text("status = 'review'"),
    ),
    sa.Index(
        "ix_orders_approved",
        "environment",
        "id",
        sqlite_where=sa.text("paid_at IS NOT NULL AND reason IS NOT NULL"),
        postgresql_where=sa.text("paid_at IS NOT NULL AND reason IS NOT NULL"),
    ),
    sa.Index(
        "ix_orders_reversed",
        "environment",
        "id",
        sqlite_where=sa.text("reversed_micros > 0"),
        postgresql_where=sa.text("reversed_micros > 0"),
    ),
    sa.Index(
        "ix_orders_unnumbered",
        "environment",
        "paid_at",
        "id",
        sqlite_where=sa.text("paid_at IS NOT NULL AND receipt_id IS NULL"),
        postgresql_where=sa.text("paid_at IS NOT NULL AND receipt_id IS NULL"),
    ),
    sa.Index(
        "ix_orders_unnoted",
        "environment",
        "id",
        sqlite_where=sa.text(UNNOTED),
        postgresql_where=sa.text(UNNOTED),
    ),
)

# What was bought, numbered without a gap and frozen: billing/documents/numbering.py writes it.
billing_documents = sa.Table(
    "billing_documents",
    metadata,
    _text("id", key=True),
    _text("account_id"),
    _text("environment"),
    _text("kind"),  # receipt | credit_note | debit_note
    _text("series"),  # prefix and year, such as R-2026
    _int("sequence"),  # its place in the series, from 1 on
    _text("number"),  # both together, as people read it
    _text("subject_id"),  # the order or the period that was paid for
    _text("order_id"),  # the order, of a period that of its subscription
    _text("subscription_id", null=True),
    _int("amount"),  # paid or returned, with tax, in the smallest unit
    _text("currency"),
    _text("facts"),  # JSON, all that stands on it: billing/documents/facts.py
    _int("dated_at"),  # when it was paid or went back
    _int("created_at"),
    sa.Index("ux_billing_documents_number", "environment", "number", unique=True),
    sa.Index("ux_billing_documents_series", "environment", "series", "sequence", unique=True),
    sa.Index("ix_billing_documents_account", "account_id", "environment", "id"),
    sa.Index("ix_billing_documents_subject", "subject_id", "id"),
    sa.Index("ix_billing_documents_order", "order_id", "id"),
)

# The last number of each series, by billing/documents/numbering.py, which locks the row of the empty one.
document_series = sa.Table(
    "document_series",
    metadata,
    _text("environment", key=True),
    _text("series", key=True),
    _int("last_number"),
)

# The billing details of an account's documents: billing/documents/billing_details.py writes it.
billing_details = sa.Table(
    "billing_details",
    metadata,
    _text("account_id", key=True),
    _text("name"),
    _text("address"),  # lines
    _text("tax_id"),
    _int("updated_at"),
)

# Tax and discounts of payments by their providers: billing/providers/breakdown.py writes it.
payment_breakdowns = sa.Table(
    "payment_breakdowns",
    metadata,
    _text("provider", key=True),
    _text("environment", key=True),
    _text("payment_id", key=True),  # an order's payment, or a period's invoice
    _text("breakdown"),  # JSON: billing/providers/breakdown.py
    _int("created_at"),
)

# A provider's fee for a payment, by its list: billing/reconciliation/own_payments.py writes it.
payment_fees = sa.Table(
    "payment_fees",
    metadata,
    _text("owner_id", key=True),  # the order or the period that was paid for
    _text("account_id"),
    _text("environment"),
    _text("provider"),
    _text("payment_id"),  # the provider's name of it
    _int("amount"),  # in the smallest unit of its own currency
    _text("currency"),
    _int("paid_at"),  # by the provider's clock
    _int("recorded_at"),
    sa.Index("ix_payment_fees_account", "account_id"),
    sa.Index("ix_payment_fees_paid", "environment", "paid_at"),
)

# billing/orders/records.py. Ids that the provider may name instead of ours; each is one order's.
provider_objects = sa.Table(
    "provider_objects",
    metadata,
    _text("provider", key=True),
    _text("environment", key=True),
    _text("object_id", key=True),
    _text("account_id"),
    _text("order_id", null=True),
    _int("created_at"),
    sa.Index("ix_provider_objects_order", "order_id"),
)

# billing/orders/records.py. What went back of an order's payment: one row for each refund and dispute.
order_reversals = sa.Table(
    "order_reversals",
    metadata,
    _text("order_id", key=True),
    _text("key", key=True),  # the provider's id of the refund or dispute
    _text("account_id"),
    _text("environment"),
    _text("kind"),  # refund | part (one refund of those that a refund sums up) | dispute
    _int("amount"),  # in the currency that was paid; the whole so far
    _text("status"),  # dispute: open | won | lost; refund: done | failed
    _int("created_at"),
)

# billing/orders/uncredited_payment.py. Payments that credited nothing and are no order's own: a second one of an
# order, a plan's that waits for a person. A row is made when a second one is told, or a refund of one is asked for.
uncredited_payments = sa.Table(
    "uncredited_payments",
    metadata,
    _text("id", key=True),  # whose refunds they are
    _text("account_id"),
    _text("environment"),
    _text("order_id"),
    _text("provider"),
    _text("payment_ref"),  # the provider's id
    _int("amount"),  # paid, in the currency's smallest unit
    _text("currency"),
    _int("refunded_amount", default=0),  # gone back or disputed
    _int("created_at"),
    _int("closed_at", null=True),  # when all of it had gone back; null: the money is here
    sa.Index("ix_uncredited_payments_order", "order_id"),
    sa.Index("uq_uncredited_payments_ref", "provider", "environment", "payment_ref", unique=True),
)

# billing/orders/uncredited_payment.py. What went back of these payments, as of orders.
uncredited_reversals = sa.Table(
    "uncredited_reversals",
    metadata,
    _text("payment_id", key=True),
    _text("key", key=True),  # the provider's id of the refund or dispute
    _text("account_id"),
    _text("environment"),
    _text("kind"),
    _int("amount"),
    _text("status"),
    _int("created_at"),
)

# billing/orders/refund_row.py. Refunds that were asked for here, of an order, a plan's period or an uncredited
# payment.
refunds = sa.Table(
    "refunds",
    metadata,
    _text("id", key=True),
    _text("account_id"),
    _text("environment"),
    _text("order_id"),
    _text("owner_id"),  # the payment's: the order, the period, or the uncredited payment
    _int("period_start_at", null=True),  # of the period; null: of the order's own payment
    _text("provider"),
    _text("payment_ref"),  # the provider's id of the payment
    _text("status"),  # requested | unknown | pending | succeeded | failed
    _int("amount"),  # in the currency that was paid
    _text("currency"),
    _text("reason"),  # the operator's own words
    _int("is_named", default=1),  # 0: the provider's notifications don't identify it
    _int("is_made_at_provider", default=0),  # an operator recorded it here
    _int("held_micros", default=0),  # of its credit, in HELD
    _int("held_grant_micros", default=0),  # the part of that from the order's own grant
    _text("provider_refund_id", null=True),  # the provider's id
    _text("detail", null=True),  # why it failed, or is unknown
    _text("requested_by", null=True),  # id of a credential, or a person's name
    _int("checks_made", default=0),  # how often the provider was called
    _int("requested_at", null=True),  # when for the first time
    _int("next_check_at", null=True),  # null: no more calls
    _int("created_at"),
    _int("ended_at", null=True),  # null: open
    _int("lease_until", null=True),  # end of the calling worker's lease; null: none
    sa.Index("ix_refunds_owner", "owner_id"),
    sa.Index("ix_refunds_order", "order_id"),
    sa.Index("ix_refunds_account", "account_id", "environment", "id"),
    sa.Index(
        "uq_refunds_open",
        "owner_id",
        unique=True,
        sqlite_where=sa.text("ended_at IS NULL"),
        postgresql_where=sa.text("ended_at IS NULL"),
    ),
    sa.Index(
        "ix_refunds_due",
        "next_check_at",
        sqlite_where=sa.text("next_check_at IS NOT NULL"),
        postgresql_where=sa.text("next_check_at IS NOT NULL"),
    ),
)

# billing/payments/disputes.py. Disputes as their providers report them.
disputes = sa.Table(
    "disputes",
    metadata,
    _text("provider", key=True),
    _text("environment", key=True),
    _text("id", key=True),  # the provider's
    _text("account_id", null=True),  # null: of no order that is known
    _text("order_id", null=True),
    _int("amount"),  # in the smallest unit of the currency
    _text("currency"),
    _text("status"),  # the provider's own word
    _text("reason"),  # the provider's own word
    _int("is_inquiry", default=0),  # the bank only inquires, and took no money
    _int("due_at", null=True),  # until when evidence counts; null: unknown, or none is wanted
    _text("page_url", null=True),  # of the provider's dashboard
    _int("created_at"),
    _int("reported_at"),  # by the provider's clock, if it gives the time
    _int("ended_at", null=True),  # null: open
    sa.Index("ix_disputes_order", "order_id"),
    sa.Index("ix_disputes_account", "account_id"),
    sa.Index(
        "ix_disputes_open",
        "environment",
        "due_at",
        sqlite_where=sa.text("ended_at IS NULL"),
        postgresql_where=sa.text("ended_at IS NULL"),
    ),
)

# billing/providers/event_log.py. Genuine notifications and their results; forged ones leave none.
provider_events = sa.Table(
    "provider_events",
    metadata,
    _text("provider", key=True),
    _text("environment", key=True),
    _text("event_id", key=True),
    _text("type"),
    _text("account_id", null=True),
    _text("order_id", null=True),
    _text("outcome"),  # applied | repeated | ignored | unknown | refused | review
    _text("detail"),  # for the operator; empty: nothing to say
    _text("reason", null=True),  # for manual review: billing/providers/problem.py
    _text("expected", null=True),  # what the rules expected, in words
    _text("came", null=True),  # the reported value instead
    _int("received_at"),
    _int("resolved_at", null=True),  # when an operator dealt with it
    _text("payment_ref", null=True),  # for manual review: the payment in question
    sa.Index("ix_provider_events_received", "environment", "received_at"),
    sa.Index(
        "ix_provider_events_order",
        "order_id",
        sqlite_where=sa.text("order_id IS NOT NULL"),
        postgresql_where=sa.text("order_id IS NOT NULL"),
    ),
    sa.Index(
        "ix_provider_events_open",
        "environment",
        "received_at",
        sqlite_where=sa.text("outcome IN ('review', 'refused') AND resolved_at IS NULL"),
        postgresql_where=sa.text("outcome IN ('review', 'refused') AND resolved_at IS NULL"),
    ),
)

# billing/catalog/plan.py. What subscriptions are sold as; a catalogue of each environment.
plans = sa.Table(
    "plans",
    metadata,
    _text("environment", key=True),
    _text("id", key=True),
    _text("name"),
    _text("description"),
    _int("price_monthly"),  # in the currency's smallest unit
    _int("price_yearly", null=True),  # null: not sold by the year
    _text("currency"),
    _int("credits_included"),  # of a month; a paid year grants twelve
    _int("trial_days", default=0),  # before the first payment; 0: no trial
    _int("trial_credits", default=0),  # what a trial grants
    _text("features"),  # JSON list of texts
    # These four are in plan_products too, and go with the next release.
    _text("stripe_price_id_monthly", null=True),
    _text("stripe_price_id_yearly", null=True),
    _text("creem_product_id", null=True),
    _text("creem_product_id_yearly", null=True),
    _int("is_active", default=1),
    _int("position", default=0),  # in the list
    _int("created_at"),
    _text("grant_terms", null=True),  # JSON, billing/catalog/grant_terms.py; null: the defaults
    sa.CheckConstraint("price_monthly > 0 AND credits_included > 0", name="plan_sells_something"),
)

# billing/catalog/plan.py. A provider's own price or product that a plan is sold as.
plan_products = sa.Table(
    "plan_products",
    metadata,
    _text("environment", key=True),
    _text("plan_id", key=True),
    _text("provider", key=True),
    _text("interval", key=True),  # month | year
    _text("ref"),  # the provider's id of it; of one plan and interval only
)

# billing/subscriptions/records.py. Credit that is paid for again and again, with its terms frozen.
subscriptions = sa.Table(
    "subscriptions",
    metadata,
    _text("id", key=True),
    _text("account_id"),
    _text("environment"),
    _text("order_id"),  # that it began with
    _text("provider"),
    _int("is_simulated", default=0),  # the sandbox's page instead of the provider
    _text("provider_ref", null=True),  # the provider's id of it; null until it named one
    _text("customer_ref", null=True),
    _text("status"),  # billing/subscriptions/subscription.py: MOVES
    _text("plan_id"),
    _text("plan_name"),  # as it was then
    _text("interval"),  # month | year
    _int("credits_micros"),  # of one period
    _int("amount"),  # of one period, in the currency's smallest unit
    _text("currency"),  # that the provider charges
    _int("first_amount"),  # of the first period, less than amount with a coupon
    _text("product_ref", null=True),  # the provider's own price or product; null: none was named
    _text("next_plan_id", null=True),  # of the next period, if another was chosen
    _text("next_interval", null=True),
    _int("next_amount", null=True),  # of a period then
    _int("trial_days", default=0),  # that it begins with; 0: it is paid at once
    _int("trial_micros", default=0),  # what its trial grants
    _int("trial_ends_at", null=True),  # null: no trial has begun
    _int("carried_amount", default=0),  # given back to the customer's balance for unused time
    _int("carried_before", null=True),  # as it was before the first change among its periods
    _int("is_ending", default=0),  # at the end of the period
    _int("reported_at", null=True),  # when the provider sent the last change that counted
    _int("paid_until_at", null=True),  # the end of the last paid period
    _int("due_at", null=True),  # when time alone changes its state, by the account's own clock
    _int("created_at"),
    _int("ended_at", null=True),
    _text("grant_terms", null=True),  # as the plan's, frozen
    _int("charge_at", null=True),  # after a pause: when its provider charges next
    _int("paused_at", null=True),  # since when its provider charges nothing; null: it charges
    _int("resumes_at", null=True),  # when the pause ends automatically; null: it has no end
    _int("next_check_at", null=True),  # of a paused one: the next poll, by its own clock
    sa.CheckConstraint("first_amount <= amount", name="first_amount_within_amount"),
    sa.Index("ix_subscriptions_account", "account_id", "environment", "id"),
    sa.Index("ux_subscriptions_order", "order_id", unique=True),
    sa.Index(
        "ix_subscriptions_due",
        "due_at",
        sqlite_where=sa.text("due_at IS NOT NULL"),
        postgresql_where=sa.text("due_at IS NOT NULL"),
    ),
    sa.Index(
        "ix_subscriptions_check",
        "next_check_at",
        sqlite_where=sa.text("next_check_at IS NOT NULL"),
        postgresql_where=sa.text("next_check_at IS NOT NULL"),
    ),
)

# billing/subscriptions/records.py. A paid period: credited once for each subscription and start.
subscription_periods = sa.Table(
    "subscription_periods",
    metadata,
    _text("subscription_id", key=True),
    sa.Column("period_start_at", BIGINT, primary_key=True, autoincrement=False),
    _text("id"),  # what its transfers are about
    _text("account_id"),
    _text("environment"),
    _int("period_end_at"),
    _text("invoice_id"),  # the provider's
    _text("plan_id"),
    _int("amount"),  # paid, in the currency's smallest unit
    _text("currency"),
    _int("credits_micros"),
    _int("is_prorated", default=0),  # paid for a part of a period
    _int("refunded_amount", default=0),  # gone back or disputed
    _int("reversed_micros", default=0),  # credit that was taken back for it
    _int("created_at"),
    _text("receipt_id", null=True),  # as of orders
    _int("noted_amount", default=0),  # as of orders
    # Of a change of plans: what unused and remaining time came to, below 0 where it gave back; and what
    # a period of the plan costs and grants. Null: it was no change.
    _int("prorated_amount", null=True),
    _int("plan_amount", null=True),
    _int("plan_micros", null=True),
    _int("corrected_micros", default=0),  # excess, after a late earlier change
    _text("comp_reason", null=True),  # why an operator gave it free; null: it was not
    _text("comp_by", null=True),  # the operator: id of a credential, or a person's name
    _int("comp_ended_at", null=True),  # when its credit was taken back by an operator
    sa.CheckConstraint(
        "reversed_micros >= 0 AND reversed_micros <= credits_micros",
        name="period_reversed_within_credits",
    ),
    sa.Index(
        "ix_subscription_periods_unnumbered",
        "environment",
        "created_at",
        "id",
        sqlite_where=sa.text("receipt_id IS NULL"),
        postgresql_where=sa.text("receipt_id IS NULL"),
    ),
    sa.Index(
        "ix_subscription_periods_unnoted",
        "environment",
        "id",
        sqlite_where=sa.text(UNNOTED),
        postgresql_where=sa.text(UNNOTED),
    ),
    sa.Index("ux_subscription_periods_id", "id", unique=True),
    sa.Index("ix_subscription_periods_account", "account_id", "environment"),
)

# billing/subscriptions/subscription_change.py. What a person wants a subscription's provider to do, until it has.
subscription_steers = sa.Table(
    "subscription_steers",
    metadata,
    _text("id", key=True),  # the provider's idempotency keys are made of it
    _text("subscription_id"),
    _text("account_id"),
    _text("environment"),
    _text("act"),  # cancel | cancel_now | pause | resume | change
    _text("plan_id", null=True),  # of a change
    _text("interval", null=True),
    _text("product_ref", null=True),
    _int("amount", null=True),  # of a period of that plan
    _int("is_charged_now", default=0),  # paid at once; else from the next period on
    _text("status"),  # asked | done | refused | given_up
    _text("requested_by"),
    _text("reason", null=True),  # why it was refused, or what is unknown
    _int("attempts", default=0),
    _int("next_attempt_at", null=True),  # when it is due, or the end of a lease; null: it has ended
    _int("created_at"),
    _int("ended_at", null=True),
    _int("resumes_at", null=True),  # of a pause; null: it has no end
    sa.Index(
        "ux_subscription_steers_open",
        "subscription_id",
        unique=True,
        sqlite_where=sa.text("ended_at IS NULL"),
        postgresql_where=sa.text("ended_at IS NULL"),
    ),
    sa.Index(
        "ix_subscription_steers_due",
        "next_attempt_at",
        sqlite_where=sa.text("next_attempt_at IS NOT NULL"),
        postgresql_where=sa.text("next_attempt_at IS NOT NULL"),
    ),
    sa.Index("ix_subscription_steers_account", "account_id", "environment"),
)

# billing/recipients/owner_mail.py. Mail to an account's owner about what it pays for, one for each turn.
owner_mails = sa.Table(
    "owner_mails",
    metadata,
    _text("id", key=True),  # its Message-ID is made of it
    _text("account_id"),
    _text("environment"),
    # past_due | recharge_failed | credit_expiring | receipt | approval | invitation | password |
    # password_changed | suspended | resumed | address | webhook | balance | key
    _text("kind"),
    _text("subscription_id"),  # empty: about none
    _text("status"),  # queued | sent | bounced | failed | outbox | unwanted | limited
    _int("attempts", default=0),
    _int("next_attempt_at", null=True),  # when it is due, or the end of a lease; null: never again
    _text("reason", null=True),  # the mail server's reply
    _int("created_at"),
    _int("ended_at", null=True),
    _text("about", null=True),  # JSON: from the turn's event
    _int("next_receipt_at", null=True),  # of a receipt: in place of next_attempt_at
    _int("next_approval_at", null=True),  # of an approval: in place of next_attempt_at
    _int("next_invitation_at", null=True),  # of an invitation: in place of next_attempt_at
    # Of each kind since, and of mail to colleagues: a worker takes those that it knows, so that no further
    # kind needs a column.
    _int("next_notice_at", null=True),
    _text("member_id", null=True),  # a colleague; null: the owner, or an invited person
    sa.Index(
        "ix_owner_mails_approvals_due",
        "next_approval_at",
        sqlite_where=sa.text("next_approval_at IS NOT NULL"),
        postgresql_where=sa.text("next_approval_at IS NOT NULL"),
    ),
    sa.Index("ix_owner_mails_account", "account_id", "environment", "id"),
    sa.Index(
        "ix_owner_mails_invitations_due",
        "next_invitation_at",
        sqlite_where=sa.text("next_invitation_at IS NOT NULL"),
        postgresql_where=sa.text("next_invitation_at IS NOT NULL"),
    ),
    sa.Index(
        "ix_owner_mails_notices_due",
        "next_notice_at",
        sqlite_where=sa.text("next_notice_at IS NOT NULL"),
        postgresql_where=sa.text("next_notice_at IS NOT NULL"),
    ),
    sa.Index(
        "ix_owner_mails_due",
        "next_attempt_at",
        sqlite_where=sa.text("next_attempt_at IS NOT NULL"),
        postgresql_where=sa.text("next_attempt_at IS NOT NULL"),
    ),
    sa.Index(
        "ix_owner_mails_receipts_due",
        "next_receipt_at",
        sqlite_where=sa.text("next_receipt_at IS NOT NULL"),
        postgresql_where=sa.text("next_receipt_at IS NOT NULL"),
    ),
)

# billing/recipients/gathered_mail.py. The last report of a gathered kind. Writers of its mail lock it.
notification_turns = sa.Table(
    "notification_turns",
    metadata,
    _text("account_id", key=True),
    _text("environment", key=True),
    _text("kind", key=True),  # webhook | balance | key
    _int("notified_no", default=0),  # the last event that counts as reported; 0: none
    _int("written_at", null=True),  # when the last mail was written; null: never
)

# billing/subscriptions/records.py. Paid invoices that no rule credits, until an operator decides.
held_invoices = sa.Table(
    "held_invoices",
    metadata,
    _text("provider", key=True),
    _text("environment", key=True),
    _text("invoice_id", key=True),  # the provider's
    _text("account_id"),
    _text("subscription_id"),
    _text("provider_ref"),  # the provider's id of the subscription
    _text("customer_ref", null=True),
    _text("product_ref", null=True),  # the provider's own price or product that was paid for
    _int("period_start_at"),
    _int("period_end_at"),
    _int("amount"),  # of the plan's lines, before tax and discounts, in the smallest unit
    _int("paid_amount"),  # what the customer paid
    _text("currency"),
    _text("plan_id"),  # the plan it would have been for
    _int("price_amount"),  # that plan's price
    _text("price_currency"),
    _int("credits_micros"),  # that plan's credit
    _int("created_at"),
    _int("resolved_at", null=True),  # when an operator decided
    sa.Index("ix_held_invoices_subscription", "subscription_id"),
)

# billing/subscriptions/plan_grant.py. A part of a period's credit that comes or ends by itself; credit
# that is given at once and never ends has none. Times by the account's own clock, but created_at.
plan_grants = sa.Table(
    "plan_grants",
    metadata,
    _text("id", key=True),  # the name of its ledger account (kind grant), if its credit ends
    _text("account_id"),
    _text("environment"),
    _text("subscription_id"),
    _text("period_id"),  # that it is of; of what went on from earlier ones, the one it went into
    _text("plan_id"),
    _text("kind"),  # part | rollover
    _text("expires"),  # never | period_end | a number of days such as 30d
    _int("starts_at"),  # when it is to be given
    _int("ends_at"),  # of the time that it is for
    _int("due_at", null=True),  # null: granted, or withheld
    _int("granted_at", null=True),
    _int("expires_at", null=True),  # of its credit
    _int("credits_micros"),  # that it is to give
    _int("granted_micros", default=0),
    _int("debt_micros", default=0),  # the part of it that paid a debt at once
    _int("expired_micros", default=0),  # ran out, and was neither rolled over nor refunded
    _int("rolled_micros", default=0),  # ran out, and went on into the next period
    _int("reversed_micros", default=0),  # taken back out of its ledger account
    _int("reversed_expired_micros", default=0),  # ran out, and was taken back
    _int("created_at"),
    _int("unreported_micros", default=0),  # ended, and unreported: it may still continue
    sa.CheckConstraint(
        "granted_micros >= 0 AND granted_micros <= credits_micros", name="given_within_credits"
    ),
    sa.CheckConstraint(
        "expired_micros >= 0 AND rolled_micros >= 0"
        " AND reversed_micros >= 0 AND reversed_expired_micros >= 0",
        name="grant_amounts_not_negative",
    ),
    sa.Index("ix_plan_grants_subscription", "subscription_id", "id"),
    sa.Index("ix_plan_grants_account", "account_id", "environment", "id"),
    sa.Index(
        "ix_plan_grants_due",
        "due_at",
        sqlite_where=sa.text("due_at IS NOT NULL"),
        postgresql_where=sa.text("due_at IS NOT NULL"),
    ),
)

# billing/subscriptions/expiry_notice.py. Records each credit.expiring of a grant, once for each lead time.
expiry_notices = sa.Table(
    "expiry_notices",
    metadata,
    _text("ledger_account_id", key=True),
    sa.Column("days_before", BIGINT, primary_key=True, autoincrement=False),
    _text("account_id"),
    _text("environment"),
    _int("created_at"),
    sa.Index("ix_expiry_notices_account", "account_id", "environment"),
)

# billing/credits/adjustment.py. Credit that an operator gave or took away, and why.
credit_adjustments = sa.Table(
    "credit_adjustments",
    metadata,
    _text("id", key=True),  # the transfers' subject, and the name of a grant
    _text("account_id"),
    _text("environment"),
    _int("credits"),  # signed
    _text("reason"),
    _int("is_promotional"),
    _int("expires_at", null=True),  # of promotional credit
    _int("created_at"),
    sa.Index("ix_credit_adjustments_account", "account_id", "environment", "id"),
)

# billing/subscriptions/entitlement.py. How often an account used its plan's limited features.
entitlement_counts = sa.Table(
    "entitlement_counts",
    metadata,
    _text("account_id", key=True),
    _text("environment", key=True),
    _text("name", key=True),
    _int("window_start_at"),  # of the newest day, month or period in which something was counted
    _int("used"),
    sa.CheckConstraint("used >= 0", name="used_not_negative"),
)

# billing/subscriptions/entitlement.py. Each use that was counted, once for its reference.
entitlement_uses = sa.Table(
    "entitlement_uses",
    metadata,
    _text("account_id", key=True),
    _text("environment", key=True),
    _text("reference", key=True),
    _text("name"),
    _int("count"),
    _text("key_id", null=True),  # that used it; null: no key
    _int("created_at"),
    sa.Index("ix_entitlement_uses_created", "environment", "created_at"),
)

# billing/subscriptions/records.py. What went back of a period's payment, as order_reversals.
period_reversals = sa.Table(
    "period_reversals",
    metadata,
    _text("period_id", key=True),
    _text("key", key=True),  # the provider's id of the refund or dispute
    _text("account_id"),
    _text("environment"),
    _text("kind"),  # refund | part | dispute, as in order_reversals
    _int("amount"),  # in the period's currency; the whole so far
    _text("status"),  # dispute: open | won | lost; refund: done | failed
    _int("created_at"),
)

# billing/subscriptions/records.py. The provider's ids of a subscription and of its periods' payments.
subscription_objects = sa.Table(
    "subscription_objects",
    metadata,
    _text("provider", key=True),
    _text("environment", key=True),
    _text("object_id", key=True),
    _text("account_id"),
    _text("subscription_id"),
    _int("period_start_at"),  # of the period it paid; 0: it is the subscription itself
    _int("created_at"),
    sa.Index("ix_subscription_objects_subscription", "subscription_id"),
)

# billing/subscriptions/records.py. The account's id at a provider; simulated providers know none.
provider_customers = sa.Table(
    "provider_customers",
    metadata,
    _text("account_id", key=True),
    _text("environment", key=True),
    _text("provider", key=True),
    _text("customer_ref"),
    _int("updated_at"),
)

# store/erase.py, billing/payments/recharging/forgotten.py. Who an erased account was at a provider, until it is
# deleted there with its cards.
forgotten_customers = sa.Table(
    "forgotten_customers",
    metadata,
    _text("provider", key=True),
    _text("environment", key=True),
    _text("customer_ref", key=True),  # the provider's
    _int("attempts", default=0),
    _int("next_attempt_at"),
    _text("last_error", null=True),  # why it is not deleted there yet; null: not tried yet
    _int("created_at"),
    sa.Index("ix_forgotten_customers_due", "next_attempt_at"),
)

# billing/recharges/records.py. Automatic recharges when the balance falls: the account's choice.
recharges = sa.Table(
    "recharges",
    metadata,
    _text("account_id", key=True),
    _text("environment", key=True),
    _text("provider"),
    _int("is_simulated", default=0),
    _text("customer_ref"),  # the provider's
    _text("method_ref"),  # the provider's id of the saved means of payment
    _text("brand"),  # such as visa
    _text("last4"),
    _int("below_cents"),
    _int("amount_cents"),
    _int("monthly_max_cents"),  # of a calendar month by UTC
    _int("failures", default=0),  # in a row
    _text("disabled_reason", null=True),  # failures | operator | dispute; null: it is on
    _int("retry_at", null=True),  # of a declined charge, by the account's own clock
    _int("changed_at"),
    sa.Index(
        "ix_recharges_retry",
        "retry_at",
        sqlite_where=sa.text("retry_at IS NOT NULL"),
        postgresql_where=sa.text("retry_at IS NOT NULL"),
    ),
)

# billing/recharges/records.py. One for each order that a recharge made.
recharge_charges = sa.Table(
    "recharge_charges",
    metadata,
    _text("order_id", key=True),
    _text("account_id"),
    _text("environment"),
    _text("month"),  # 2026-11, by the account's own clock
    _int("amount_cents"),
    _text("customer_ref"),
    _text("method_ref"),
    _text("method"),  # as people know it: visa 4242
    _int("sent_at", null=True),  # when the provider was first called to charge
    _int("next_at", null=True),  # the next charge or poll; null: by the order's sweep
    _int("asked", default=0),  # how often, with the first charge
    _int("is_counted", default=1),  # against the month: it took money, or may still
    _text("reason", null=True),  # why it was declined
    _text("url", null=True),  # where a person confirms it
    _int("disputed_at", null=True),  # when the payer's bank first inquired or took it back
    _int("created_at"),
    sa.Index("ix_recharge_charges_month", "account_id", "environment", "month"),
    sa.Index(
        "ix_recharge_charges_due",
        "next_at",
        sqlite_where=sa.text("next_at IS NOT NULL"),
        postgresql_where=sa.text("next_at IS NOT NULL"),
    ),
)

# billing/payments/sandbox/cards.py. The cards that simulated providers saved, staging only.
sandbox_cards = sa.Table(
    "sandbox_cards",
    metadata,
    _text("ref", key=True),
    _text("account_id"),
    _text("environment"),
    _text("provider"),
    _text("token"),  # of the page that saves it
    _text("card", null=True),  # which of the page's test cards; null: the page is open
    _text("success_url"),
    _int("created_at"),
    _int("removed_at", null=True),
    sa.Index("ix_sandbox_cards_account", "account_id", "environment"),
    sa.Index("ux_sandbox_cards_token", "token", unique=True),
)

# billing/payments/sandbox/cards.py. What became of each charge of one of them, once.
sandbox_charges = sa.Table(
    "sandbox_charges",
    metadata,
    _text("order_id", key=True),
    _text("account_id"),
    _text("environment"),
    _text("ref"),  # the payment's
    _text("outcome"),  # paid, or why it was declined
    _int("created_at"),
)

# billing/payments/notifications.py. That two of a provider's ids belong together: refunds may name the second only.
provider_links = sa.Table(
    "provider_links",
    metadata,
    _text("provider", key=True),
    _text("environment", key=True),
    _text("object_id", key=True),
    _text("linked_id"),
    _int("created_at"),
    sa.Index("ix_provider_links_linked", "provider", "environment", "linked_id"),
)

# billing/payments/notifications.py. Refunds and disputes that were reported before their order was known.
provider_strays = sa.Table(
    "provider_strays",
    metadata,
    _text("provider", key=True),
    _text("environment", key=True),
    _text("object_id", key=True),  # one row for each id that the fact names
    _text("key", key=True),  # the provider's id of the refund or dispute
    _text("kind", key=True),  # refund | part | failed | failed_part | dispute | closed
    _text("account_id", null=True),
    _int("amount"),
    _text("currency"),
    _int("is_won", default=0),  # of a closed dispute
    _int("created_at"),
)

# billing/payments/sandbox/subscription.py. The provider's side of a subscription that it never heard of.
sandbox_subscriptions = sa.Table(
    "sandbox_subscriptions",
    metadata,
    _text("ref", key=True),  # its id at the provider, as notifications name it
    _text("token"),  # the portal page's address: its holder may manage it
    _text("account_id"),
    _text("environment"),
    _text("order_id"),
    _text("provider"),  # that is simulated
    _text("customer_ref"),
    _text("status"),  # active | past_due | ended
    _text("product_ref"),
    _text("interval"),  # month | year
    _int("amount"),  # of a period, in the currency's smallest unit
    _text("currency"),
    _int("first_amount"),  # of the first period
    _int("trial_days", default=0),  # before the first period
    _text("next_product_ref", null=True),  # from the next period on; null: the same
    _text("next_interval", null=True),
    _int("next_amount", null=True),
    _int("is_ending", default=0),
    _int("is_declining", default=0),  # the customer's payments fail
    _int("number", default=0),  # bills sent, paid or not; each has ids of its own
    _int("attempts", default=0),  # that failed for the next period
    _int("anchor_at"),  # where its periods are counted from
    _int("cycle", default=0),  # periods paid since then
    _int("next_at", null=True),  # when it bills again, by the account's own clock; null: over
    _int("created_at"),
    _int("paused_at", null=True),  # since when it charges nothing; null: it charges
    _int("resumes_at", null=True),  # when that ends automatically; null: when somebody resumes it
    sa.Index("ux_sandbox_subscriptions_token", "token", unique=True),
    sa.Index("ux_sandbox_subscriptions_order", "order_id", unique=True),
    sa.Index(
        "ix_sandbox_subscriptions_next",
        "next_at",
        sqlite_where=sa.text("next_at IS NOT NULL"),
        postgresql_where=sa.text("next_at IS NOT NULL"),
    ),
    sa.Index("ix_sandbox_subscriptions_account", "account_id", "environment"),
)

# keys/audit_log.py. Every administrative act, and what concerns an account's security. Acts stay
# for ever; is_security entries are deleted after their retention.
audit_log = sa.Table(
    "audit_log",
    metadata,
    _text("id", key=True),
    _text("environment"),
    _text("account_id", null=True),  # the account concerned; null: a catalogue or the installation
    _text("actor"),  # a credential's id, or a name from the command line
    _text("actor_account_id", null=True),
    _text("action"),  # such as plan.create
    _text("subject_id"),
    _text("before", null=True),  # JSON; null: it did not exist
    _text("after", null=True),  # JSON; null: it is gone
    _text("reason", null=True),
    _int("is_security", default=0),  # shown to the tenant; empty environment: the whole account
    _text(
        "actor_kind", null=True
    ),  # key | token | session | app | operator | visitor | cli | gateway
    _text("address", null=True),  # that the request came from; null: unknown, or no request
    _text("user_agent", null=True),  # as the client called itself, cut
    sa.Column("outcome", TEXT, nullable=False, server_default="done"),  # done | refused
    _int("created_at"),
    sa.Index("ix_audit_log_environment", "environment", "id"),
    # Operators' acts, which are few among those of tenants.
    sa.Index(
        "ix_audit_log_operators",
        "id",
        sqlite_where=sa.text("is_security = 0 OR actor_kind IN ('operator', 'cli')"),
        postgresql_where=sa.text("is_security = 0 OR actor_kind IN ('operator', 'cli')"),
    ),
    sa.Index(
        "ix_audit_log_security",
        "account_id",
        "id",
        sqlite_where=sa.text("is_security = 1"),
        postgresql_where=sa.text("is_security = 1"),
    ),
    sa.Index(
        "ix_audit_log_retention",
        "created_at",
        sqlite_where=sa.text("is_security = 1"),
        postgresql_where=sa.text("is_security = 1"),
    ),
    sa.Index(
        "ix_audit_log_account",
        "account_id",
        "id",
        sqlite_where=sa.text("account_id IS NOT NULL"),
        postgresql_where=sa.text("account_id IS NOT NULL"),
    ),
)

# billing/usage/price_rows.py. The newest version of each environment's price list.
price_lists = sa.Table(
    "price_lists",
    metadata,
    _text("environment", key=True),
    _int("version"),  # raised by each change; no row: none was ever made
)

# billing/usage/price_rows.py. What tokens of a model cost from a version on; rows are only added.
usage_prices = sa.Table(
    "usage_prices",
    metadata,
    _text("environment", key=True),
    _text("model", key=True),  # one that ends with * is of every model that begins so
    sa.Column("version", BIGINT, primary_key=True, autoincrement=False),
    _int("input_micros", null=True),  # of 1,000,000 tokens, as the next two; null: withdrawn
    _int("output_micros", null=True),
    _int("cached_micros", null=True),
    _text("changed_by"),  # a credential's id, or cli
    _int("changed_at"),
)

# billing/usage/usage_day.py. What a UTC day's usage adds up to, for each that spent and each model.
usage_days = sa.Table(
    "usage_days",
    metadata,
    _text("account_id", key=True),
    _text("environment", key=True),
    sa.Column("day_start_at", BIGINT, primary_key=True, autoincrement=False),
    _text("key_id", key=True),  # empty: no key
    _text("app_id", key=True),  # of a charge of an app's; else empty
    _text("model", key=True),  # empty: none was named
    _int("records"),
    _int("amount_micros"),
    _int("input_tokens"),
    _int("output_tokens"),
    _int("cached_tokens"),  # of the input tokens
    postgresql_with=_HOT,
)

# billing/usage/usage.py, but counted_day by billing/usage/usage_day.py too. Credit used up at once, for AI usage.
usage_records = sa.Table(
    "usage_records",
    metadata,
    _text("id", key=True),
    _text("account_id"),
    _text("environment"),
    _text("key_id", null=True),  # that charged it; null: no key
    _int("amount_micros"),
    _text("description"),
    _text("model", null=True),
    _text("reference", null=True),
    _int("created_at"),
    _int("input_tokens", null=True),  # null: it was not priced by tokens, as the next three
    _int("output_tokens", null=True),
    _int("cached_tokens", null=True),  # of the input tokens
    _int("price_version", null=True),  # of the price list
    _int("counted_day", null=True),  # of usage_days; null: not counted yet
    sa.Index("ix_usage_records_account", "account_id", "environment", "id"),
    sa.Index(
        "ix_usage_records_time",
        "account_id",
        "environment",
        "created_at",
        "id",
        # True of every row, and said by the statements of the list alone: else the planner takes the index
        # for a probe by reference, too, and reads all that the account ever did.
        sqlite_where=sa.text("created_at > 0"),
        postgresql_where=sa.text("created_at > 0"),
    ),
    sa.Index(
        "ix_usage_records_uncounted",
        "account_id",
        "environment",
        "id",
        sqlite_where=sa.text("counted_day IS NULL"),
        postgresql_where=sa.text("counted_day IS NULL"),
    ),
    sa.Index(
        "ux_usage_records_reference",
        "account_id",
        "environment",
        "reference",
        unique=True,
        sqlite_where=sa.text("reference IS NOT NULL"),
        postgresql_where=sa.text("reference IS NOT NULL"),
    ),
)

# billing/usage/hold.py, but counted_day by billing/usage/usage_day.py too. Credit set aside for AI usage whose price is not known yet.
holds = sa.Table(
    "holds",
    metadata,
    _text("id", key=True),
    _text("account_id"),
    _text("environment"),
    _text("spent_by", null=True),  # key id, then its ancestors, joined by spaces; null: no key
    _text("status"),  # held | captured | released | expired
    _int("amount_micros"),
    _int("captured_micros", default=0),  # the rest of an ended hold went back
    _text("description"),
    _text("model", null=True),
    _text("reference", null=True),
    _text("sources"),  # JSON list of [ledger account id, micros], in the order they were taken
    _int("created_at"),
    _int("expires_at"),  # by the tenant's own clock
    _int("ended_at", null=True),
    _int("input_tokens", null=True),  # null: it was not priced by tokens, as the next three
    _int("output_tokens", null=True),
    _int("cached_tokens", null=True),  # of the input tokens
    _int("price_version", null=True),  # of the price list
    _int("counted_day", null=True),  # of usage_days, once captured; null: not counted yet
    _text("overage", null=True),  # for a capture above the amount: cap | owe; null: refused
    _int("overage_micros", null=True),  # captured above the amount; null: nothing
    _text("counted_in", null=True),  # as of topups
    sa.CheckConstraint(
        "captured_micros >= 0 AND captured_micros <= amount_micros", name="captured_in_hold"
    ),
    sa.Index("ix_holds_account", "account_id", "environment", "id"),
    sa.Index(
        "ix_holds_time",
        "account_id",
        "environment",
        "created_at",
        "id",
        sqlite_where=sa.text("created_at > 0 AND status = 'captured'"),
        postgresql_where=sa.text("created_at > 0 AND status = 'captured'"),
    ),
    sa.Index(
        "ix_holds_uncounted",
        "account_id",
        "environment",
        "id",
        sqlite_where=sa.text("status = 'captured' AND counted_day IS NULL"),
        postgresql_where=sa.text("status = 'captured' AND counted_day IS NULL"),
    ),
    sa.Index(
        "ux_holds_reference",
        "account_id",
        "environment",
        "reference",
        unique=True,
        sqlite_where=sa.text("reference IS NOT NULL"),
        postgresql_where=sa.text("reference IS NOT NULL"),
    ),
    sa.Index(
        "ix_holds_due",
        "expires_at",
        sqlite_where=sa.text("status = 'held'"),
        postgresql_where=sa.text("status = 'held'"),
    ),
    sa.Index(
        "ix_holds_open",
        "account_id",
        "environment",
        "expires_at",
        sqlite_where=sa.text("status = 'held'"),
        postgresql_where=sa.text("status = 'held'"),
    ),
)

# billing/credits/checkin.py. One for each account, environment and day.
checkins = sa.Table(
    "checkins",
    metadata,
    _text("account_id", key=True),
    _text("environment", key=True),
    _text("day", key=True),  # such as 2026-06-13, in time_zone
    _text("time_zone"),  # that this day is of
    _text("next_time_zone"),  # of the next one: the account's when this one was made
    _int("streak"),  # days in a row, this one included
    _int("awarded_micros"),
    _text("grant_id"),  # the name of the grant's ledger account
    _int("checked_in_at"),  # by the tenant's own clock
    _int("created_at"),
)

# billing/credits/checkin.py. What a check-in awards; without a row the defaults hold.
checkin_settings = sa.Table(
    "checkin_settings",
    metadata,
    _text("environment", key=True),
    _int("is_enabled"),
    _int("credits_min"),
    _int("credits_max"),  # equal to credits_min: a fixed award
    _int("streak_bonus_credits"),  # more for each day of the streak after the first
    _int("streak_days_max"),  # days of a streak that count
    _int("daily_budget_credits", null=True),  # of all accounts, by UTC day; null: none
    _int("updated_at"),
)

# billing/credits/checkin.py. What check-ins awarded in one UTC day, all accounts together.
checkin_days = sa.Table(
    "checkin_days",
    metadata,
    _text("environment", key=True),
    sa.Column("day_start_at", BIGINT, primary_key=True, autoincrement=False),
    _int("awarded_micros"),
)

# billing/ledger/volume.py. What was sent and sold on one UTC day, all accounts together.
volume_days = sa.Table(
    "volume_days",
    metadata,
    _text("environment", key=True),
    sa.Column("day_start_at", BIGINT, primary_key=True, autoincrement=False),
    _text("kind", key=True),  # sent | sold
    _text("name", key=True),  # of what is sold: the payment provider; else empty
    _int("number"),
    _int("amount_micros"),
)

# billing/ledger/volume.py. How far the transfers are counted in volume_days.
volume_marks = sa.Table(
    "volume_marks",
    metadata,
    _text("id", key=True),  # transfers
    _text("counted_to"),  # the id of the last one
    _int("counted_at"),  # what was made until then is counted; 0: not yet
)

# runtime/processes/presence.py. The workers of the last day, each as it last said.
workers = sa.Table(
    "workers",
    metadata,
    _text("id", key=True),
    _text("machine"),  # the host's name
    _int("process_id"),
    _text("version"),  # of topup-gateway
    _int("started_at"),
    _int("seen_at"),
    _int("sending"),  # webhooks under way
    _int("slots"),  # of so many at once
)

# runtime/request_log/rows.py. Requests that were refused, failed or changed a setting, without secrets.
request_log = sa.Table(
    "request_log",
    metadata,
    _text("id", key=True),
    _text("request_id"),  # X-Request-Id; a caller may give one of its own, and the same twice
    _text("account_id"),
    _text("environment"),
    _text("credential_id"),
    _text("method"),
    _text("route"),  # the template that the path met; empty: none
    _text("path"),  # with its query
    _int("status"),  # HTTP status
    _int("code", null=True),  # of our envelope; null: another surface's answer
    _text("transaction_id", null=True),  # that the answer names
    _int("duration_us"),
    _text("address", null=True),
    _text("user_agent", null=True),
    _text("idempotency_key", null=True),
    _text("content_type", null=True),
    _int("request_bytes"),  # as it came
    _text("request_body"),  # at most 8 KiB
    _text("response_body"),  # at most 8 KiB; empty after a success
    _text("agent", null=True),  # the URL of the agent that signed it (runtime/agents.py)
    _int("created_at"),
    sa.Index("ix_request_log_account", "account_id", "environment", "id"),
    sa.Index("ix_request_log_request", "request_id"),
)

# keys/oauth/app.py. Software of others that may act for users who consent to it.
oauth_apps = sa.Table(
    "oauth_apps",
    metadata,
    _text("id", key=True),  # the client_id
    _text("account_id"),  # the owner: charges go there
    _text("environment"),
    _text("name"),
    _text("redirect_host"),  # any path there may get a code (OhMyGPT's rule); empty: none
    # Exact addresses that may get a code, joined by spaces.
    sa.Column("redirect_uris", TEXT, nullable=False, server_default=sa.text("''")),
    _int("is_public", default=0),  # has no secret: PKCE proves who fetches the token
    _text("scope"),  # general_api_access | advanced_access | trusted_advanced_access
    _int("cap_micros"),  # for one user in each period, unless consented otherwise
    _text("cap_period"),  # day | month, in UTC
    _text("secret_digest"),  # SHA-256, hex; empty for a public app
    _text("secret_last4"),
    _int("created_at"),
    _int("rotated_at", null=True),
    _int("disabled_at", null=True),
    _text("made_by", null=True),  # the person who registered it; null: the CLI, or not recorded
    sa.Index("ix_oauth_apps_account", "account_id", "environment", "id"),
)

# keys/tokens/device_login.py. Command lines that wait for a person's browser to log them in.
device_logins = sa.Table(
    "device_logins",
    metadata,
    _text("digest", key=True),  # SHA-256 of the device code, hex
    _text("user_digest"),  # the same of the user code, in capitals and without a hyphen
    _text("name"),  # the machine's, as it says
    _text("address"),  # where it called from
    _text("status"),  # pending | approved | denied | taken
    _int("created_at"),
    _int("expires_at"),
    _int("interval_s"),  # how often it may poll
    _int("polled_at", null=True),
    _int("decided_at", null=True),
    _text("decided_by", null=True),  # the session
    _text("account_id", null=True),  # the decider's
    _text("environment", null=True),
    _text("scopes", null=True),
    _int("key_expires_at", null=True),  # null: until it is revoked
    sa.Index("ux_device_logins_user_code", "user_digest", unique=True),
    sa.Index("ix_device_logins_expires", "expires_at"),
)

# keys/oauth/grant.py. What a user just consented to, for the app to fetch once.
oauth_codes = sa.Table(
    "oauth_codes",
    metadata,
    _text("digest", key=True),  # SHA-256, hex
    _text("account_id"),  # the user
    _text("environment"),
    _text("app_id"),
    _text("redirect_uri"),
    _text("challenge", null=True),  # PKCE, S256; null: none was sent
    _text("scope"),
    _int("cap_micros"),
    _text("cap_period"),
    _int("expires_at"),
    _int("used_at", null=True),
    _text("grant_id", null=True),  # that it was used for: a second use ends it
    _int("revoked_at", null=True),  # the user took the app's access away, or it was used twice
    _text("session_id", null=True),  # of the sign-in that consented; null: not recorded
    sa.Index("ix_oauth_codes_account", "account_id", "environment", "expires_at"),
)

# keys/oauth/grant.py. Which app may act for which user; renewed by each consent.
oauth_grants = sa.Table(
    "oauth_grants",
    metadata,
    _text("id", key=True),
    _text("account_id"),  # the user
    _text("environment"),
    _text("app_id"),
    _text("scope"),
    _int("cap_micros"),
    _text("cap_period"),  # day | month, in UTC; what was charged is in spend_windows
    _int("consented_at"),
    _int("revoked_at", null=True),
    sa.Index("ux_oauth_grants_app", "app_id", "account_id", unique=True),
    sa.Index("ix_oauth_grants_account", "account_id", "environment", "id"),
)

# keys/oauth/token.py. oat_ tokens; a management token is fetched with an access token.
oauth_tokens = sa.Table(
    "oauth_tokens",
    metadata,
    _text("id", key=True),
    _text("kind"),  # access | management
    _text("account_id"),  # the user
    _text("environment"),
    _text("app_id"),
    _text("grant_id"),
    _text("digest"),  # SHA-256, hex
    _text("prefix"),
    _text("last4"),
    _int("created_at"),
    _int("last_used_at", null=True),  # minute-grained
    _int("expires_at"),
    _int("revoked_at", null=True),
    sa.Index("ux_oauth_tokens_digest", "digest", unique=True),
    sa.Index("ix_oauth_tokens_grant", "grant_id", "id"),
    sa.Index("ix_oauth_tokens_account", "account_id", "id"),
)

# keys/authorization/client.py. MCP clients that registered themselves; of no account.
authorization_clients = sa.Table(
    "authorization_clients",
    metadata,
    _text("id", key=True),
    _text("name"),
    _text("redirect_uris"),  # joined by spaces
    _int("created_at"),
    _int("used_at", null=True),  # the last consent; null: none yet
    sa.Index("ix_authorization_clients_used", "used_at", "created_at"),
)

# keys/authorization/grant.py. Which MCP client acts for which account, by which key.
authorization_grants = sa.Table(
    "authorization_grants",
    metadata,
    _text("id", key=True),
    _text("account_id"),
    _text("environment"),
    _text("client_id"),  # of authorization_clients, or the address of a metadata document
    _text("client_name"),
    _text("key_id"),  # one key for ever: a new key is a new grant
    _text("scopes"),  # joined by spaces
    _text("resource"),  # the audience of its tokens: the address of /mcp
    _int("created_at"),
    _int("renewed_at"),
    sa.Index("ux_authorization_grants_key", "key_id", unique=True),
    sa.Index("ix_authorization_grants_client", "account_id", "environment", "client_id"),
)

# keys/authorization/grant.py. What a person just consented to, for the client to fetch once.
authorization_codes = sa.Table(
    "authorization_codes",
    metadata,
    _text("digest", key=True),  # SHA-256, hex
    _text("account_id"),
    _text("environment"),
    _text("grant_id"),
    _text("client_id"),
    _text("redirect_uri"),
    _text("challenge"),  # PKCE, S256
    _text("scopes"),
    _int("expires_at"),
    _text("family_id", null=True),  # the tokens that it was used for; a second use ends them
    _text("session_id", null=True),  # of the sign-in that consented; null: not recorded
    sa.Index("ix_authorization_codes_end", "expires_at"),
    sa.Index("ix_authorization_codes_account", "account_id", "environment", "expires_at"),
)

# keys/authorization/token.py. Access (mat_) and refresh (mrt_) tokens of MCP clients.
authorization_tokens = sa.Table(
    "authorization_tokens",
    metadata,
    _text("digest", key=True),  # SHA-256, hex
    _text("kind"),  # access | refresh
    _text("account_id"),
    _text("environment"),
    _text("grant_id"),
    _text("family_id"),  # all that came of one code, one refresh after the other
    _text("scopes"),
    _int("created_at"),
    _int("expires_at"),
    _int("used_at", null=True),  # of a refresh token: when it was exchanged
    _int("revoked_at", null=True),
    sa.Index("ix_authorization_tokens_family", "family_id"),
    sa.Index("ix_authorization_tokens_grant", "grant_id"),
    sa.Index("ix_authorization_tokens_end", "expires_at"),
    sa.Index("ix_authorization_tokens_account", "account_id"),
)

# billing/usage/oauth_charge.py, but counted_day by billing/usage/usage_day.py too. What an app took from a user's wallet for its owner.
oauth_charges = sa.Table(
    "oauth_charges",
    metadata,
    _text("id", key=True),
    _text("account_id"),  # the user
    _text("environment"),
    _text("app_id"),
    _text("grant_id"),
    _text("owner_id"),  # the app's account
    _text("order_no"),  # the app's own
    _int("amount_micros"),
    _text("remark"),
    _int("created_at"),
    _int("counted_day", null=True),  # of usage_days; null: not counted yet
    sa.CheckConstraint("amount_micros > 0", name="charge_positive"),
    sa.Index(
        "ix_oauth_charges_time",
        "account_id",
        "environment",
        "created_at",
        "id",
        # True of every row, and said by the statements of the list alone: else the planner takes the index
        # for a probe by reference, too, and reads all that the account ever did.
        sqlite_where=sa.text("created_at > 0"),
        postgresql_where=sa.text("created_at > 0"),
    ),
    sa.Index(
        "ix_oauth_charges_uncounted",
        "account_id",
        "environment",
        "id",
        sqlite_where=sa.text("counted_day IS NULL"),
        postgresql_where=sa.text("counted_day IS NULL"),
    ),
    sa.Index("ux_oauth_charges_order", "app_id", "account_id", "order_no", unique=True),
    sa.Index("ix_oauth_charges_account", "account_id", "environment", "id"),
    sa.Index("ix_oauth_charges_owner", "owner_id", "environment", "id"),
)

# store/migrate.py. What each schema version, once it was reached, said of older code.
schema_notes = sa.Table(
    "schema_notes",
    metadata,
    _text("version", key=True),
    _text("oldest_code"),  # the newest version that the oldest code knows which runs on it
    _text("code_version", null=True),  # the build that migrated; null: not recorded
    _int("reached_at", null=True),
)

# store/kept/backups.py. Copies of the database, taken here or reported by an operator.
backups = sa.Table(
    "backups",
    metadata,
    _text("id", key=True),
    _text("place"),  # local | elsewhere
    _int("began_at"),
    _int("ended_at", null=True),  # null: under way, or it failed
    _text("code_version"),
    _int("size", null=True),  # bytes; null: unfinished, or kept elsewhere
)

# store/kept/commits.py. What operators accepted as lost after a failover or a restore.
accepted_losses = sa.Table(
    "accepted_losses",
    metadata,
    sa.Column("accepted_at", BIGINT, primary_key=True, autoincrement=False),
    _int("lost_from_at", null=True),  # commits after this are lost; null: it is not known
    _int("lost_until_at", null=True),  # the last of them that was acknowledged; null: not known
    _text("reason"),
)
