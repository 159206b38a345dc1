"""Erase an account with all its rows, in small steps. Use this only for idle sandboxes.

- The account is first marked with erasing_at. The ledger's audit then skips it. After a crash, the next sweep
  continues.
- The first step ends automatic charges. It also stores the account's customer IDs, so that a worker can delete
  these customers at the payment providers.
- While a charge of a saved card has no outcome, nothing is deleted.
"""

from typing import Final

from store.database import Database, Transaction, Work

ROWS_PER_STEP = 500

_OF_PERIODS = "period_id IN (SELECT id FROM subscription_periods WHERE {own})"
_OF_SUBSCRIPTIONS = "subscription_id IN (SELECT id FROM subscriptions WHERE {own})"

# Each step has a table, its key, and an indexed condition. A table without account_id must not be in a subselect,
# because the outer table's column would be used.
STEPS = (
    ("replays", "id", "{own}"),
    ("record_waiting", "id", "{own}"),
    ("record_seeds", "period", "{own}"),
    ("attempts", "delivery_id", "delivery_id IN (SELECT id FROM deliveries WHERE {own})"),
    ("deliveries", "id", "{own}"),
    ("notices", "id", "{own}"),
    ("request_log", "id", "{own}"),
    (
        "endpoint_queue",
        "endpoint_id",
        "endpoint_id IN (SELECT id FROM endpoints WHERE {own})",
    ),
    ("endpoints", "id", "{own}"),
    ("events", "id", "{own}"),
    (
        "voucher_redemptions",
        "transaction_id",
        "transaction_id IN (SELECT id FROM topups WHERE {own})",
    ),
    ("code_redemptions", "id", "{own}"),
    ("recharge_charges", "order_id", "{own}"),
    ("sandbox_cards", "ref", "{own}"),
    ("sandbox_charges", "order_id", "{own}"),
    ("sandbox_subscriptions", "ref", "{own}"),
    ("sandbox_checkouts", "token", "order_id IN (SELECT id FROM orders WHERE {own})"),
    ("approvals", "id", "{own}"),
    ("mails", "id", "{own}"),
    ("batch_items", "batch_id", "batch_id IN (SELECT id FROM batches WHERE {own})"),
    ("batches", "id", "{own}"),
    (
        "fulfilment_attempts",
        "transaction_id",
        "transaction_id IN (SELECT id FROM topups WHERE {own})",
    ),
    (
        "supplier_words",
        "transaction_id",
        "transaction_id IN (SELECT id FROM topups WHERE {own})",
    ),
    ("manual_tasks", "transaction_id", "transaction_id IN (SELECT id FROM topups WHERE {own})"),
    ("topup_reversals", "transaction_id", "transaction_id IN (SELECT id FROM topups WHERE {own})"),
    ("supplier_recipients", "recipient_email", "{own}"),
    ("topup_intents", "intent", "{own}"),
    ("machine_payments", "id", "{own}"),
    ("topups", "id", "{own}"),
    ("usage_records", "id", "{own}"),
    ("usage_days", "day_start_at", "{own}"),
    ("staging_storage", "account_id", "{own}"),
    ("holds", "id", "{own}"),
    ("checkins", "day", "{own}"),
    ("coupon_uses", "order_id", "{own}"),
    ("provider_events", "event_id", "order_id IN (SELECT id FROM orders WHERE {own})"),
    ("provider_strays", "object_id", "{own}"),
    ("expiry_notices", "ledger_account_id", "{own}"),
    ("entitlement_uses", "reference", "{own}"),
    ("entitlement_counts", "name", "{own}"),
    ("credit_adjustments", "id", "{own}"),
    ("plan_grants", "id", "{own}"),
    ("billing_documents", "id", "{own}"),
    ("payment_fees", "owner_id", "{own}"),
    (
        "payment_breakdowns",
        "payment_id",
        "payment_id IN (SELECT payment_id FROM orders WHERE {own})",
    ),
    (
        "payment_breakdowns",
        "payment_id",
        "payment_id IN (SELECT invoice_id FROM subscription_periods WHERE {own})",
    ),
    ("billing_details", "account_id", "{own}"),
    ("period_reversals", "period_id", _OF_PERIODS),
    ("subscription_objects", "object_id", _OF_SUBSCRIPTIONS),
    ("subscription_periods", "id", "{own}"),
    ("held_invoices", "invoice_id", _OF_SUBSCRIPTIONS),
    ("subscription_steers", "id", "{own}"),
    ("owner_mails", "id", "{own}"),
    ("notification_turns", "kind", "{own}"),
    ("notification_choices", "choice", "{own}"),
    ("subscriptions", "id", "{own}"),
    ("provider_objects", "object_id", "order_id IN (SELECT id FROM orders WHERE {own})"),
    ("refunds", "id", "{own}"),
    ("disputes", "id", "{own}"),
    ("uncredited_reversals", "payment_id", "{own}"),
    ("uncredited_payments", "id", "{own}"),
    ("order_reversals", "order_id", "order_id IN (SELECT id FROM orders WHERE {own})"),
    ("orders", "id", "{own}"),
    ("transfers", "id", "{own}"),
    # These sums are deleted after the transfers, because transfers may still add to them.
    ("sealed_balances", "ledger_account_id", "{own}"),
    ("ledger_accounts", "id", "{own}"),
    ("idempotency_keys", "digest", "{own}"),
    ("spend_windows", "key_id", "key_id IN (SELECT id FROM api_keys WHERE {own})"),
    ("authorization_tokens", "digest", "{own}"),
    ("authorization_codes", "digest", "{own}"),
    ("authorization_grants", "id", "{own}"),
    ("api_key_secrets", "key_id", "key_id IN (SELECT id FROM api_keys WHERE {own})"),
    ("api_keys", "id", "{own}"),
    ("access_tokens", "id", "{own}"),
    ("portal_links", "id", "{own}"),
    ("sessions", "id", "{own}"),
    ("members", "id", "{own}"),
    ("password_resets", "id", "{own}"),
    ("email_verifications", "id", "{own}"),
    ("second_factors", "account_id", "{own}"),
    ("passkeys", "id", "{own}"),
    ("oauth_charges", "id", "{own}"),
    ("oauth_tokens", "id", "{own}"),
    ("spend_windows", "key_id", "key_id IN (SELECT id FROM oauth_grants WHERE {own})"),
    ("oauth_grants", "id", "{own}"),
    ("oauth_codes", "digest", "{own}"),
    ("device_logins", "digest", "{own}"),
    ("oauth_apps", "id", "{own}"),
    ("account_environments", "environment", "{own}"),
)
_OWN = "account_id = :account_id"

_CUSTOMERS: Final = """
INSERT INTO forgotten_customers
    (provider, environment, customer_ref, next_attempt_at, created_at)
SELECT c.provider, c.environment, c.customer_ref, :now, :now FROM (
    SELECT provider, environment, customer_ref FROM provider_customers
    WHERE account_id = :account_id
    UNION SELECT provider, environment, customer_ref FROM recharges
    WHERE account_id = :account_id AND is_simulated = 0
    UNION SELECT provider, environment, customer_ref FROM subscriptions
    WHERE account_id = :account_id AND is_simulated = 0 AND customer_ref IS NOT NULL
    UNION SELECT provider, environment, customer_ref FROM orders
    WHERE account_id = :account_id AND is_simulated = 0 AND customer_ref IS NOT NULL
) AS c
WHERE 1 = 1
ON CONFLICT DO NOTHING
"""
_UNDER_WAY: Final = """
SELECT o.id FROM recharge_charges c JOIN orders o ON o.id = c.order_id
WHERE c.account_id = :account_id AND c.sent_at IS NOT NULL AND o.status = 'pending' LIMIT 1
"""


class ChargeUnderWay(RuntimeError):
    """Nothing was deleted, because a charge of the saved card has no outcome yet."""


class NotIdle(RuntimeError):
    """Nothing was deleted, because the account was used too recently or isn't a sandbox."""


_MARK: Final = "UPDATE accounts SET erasing_at = :now WHERE id = :id"
_MARK_IDLE: Final = f"{_MARK} AND is_sandbox = 1 AND last_active_at < :before"


async def erase_account(
    database: Database,
    account_id: str,
    *,
    now_us: int,
    idle_before: int | None = None,
    first_of_all: Work[None] | None = None,
) -> None:
    """Delete every row of the account. Raise ChargeUnderWay while a charge has no outcome. Calling this again
    is safe.

    first_of_all runs in the transaction that marks the account. If idle_before is given, NotIdle is raised
    unless the account is a sandbox and was last used before then.
    """

    async def first(tx: Transaction) -> None:
        await _end_recharges(tx, account_id)
        await _note_customers(tx, account_id, now_us)
        if idle_before is None:
            await tx.execute(_MARK, now=now_us, id=account_id)
        elif not await tx.execute(_MARK_IDLE, now=now_us, id=account_id, before=idle_before):
            raise NotIdle(account_id)
        if first_of_all is not None:
            await first_of_all(tx)

    await database.transaction(first)
    for table, key, condition in STEPS:
        while await database.transaction(_step(table, key, condition, account_id)) > 0:
            pass

    async def last(tx: Transaction) -> None:
        # A provider may have created another customer since the first step.
        await _note_customers(tx, account_id, now_us)
        # Spending of test credit is stored under the account's ID instead of a key's.
        await tx.execute("DELETE FROM spend_windows WHERE key_id = :id", id=account_id)
        await tx.execute("DELETE FROM accounts WHERE id = :id", id=account_id)

    await database.transaction(last)


async def _end_recharges(tx: Transaction, account_id: str) -> None:
    await tx.fetch(
        """SELECT environment FROM account_environments WHERE account_id = :account_id
           ORDER BY environment FOR NO KEY UPDATE""",
        account_id=account_id,
    )
    await tx.execute(
        "DELETE FROM recharge_charges WHERE account_id = :account_id AND sent_at IS NULL",
        account_id=account_id,
    )
    if await tx.fetch_one(_UNDER_WAY, account_id=account_id) is not None:
        raise ChargeUnderWay(account_id)


async def _note_customers(tx: Transaction, account_id: str, now_us: int) -> None:
    await tx.execute(_CUSTOMERS, account_id=account_id, now=now_us)
    for table in ("provider_customers", "recharges"):
        await tx.execute(f"DELETE FROM {table} WHERE account_id = :id", id=account_id)


def _step(table: str, key: str, condition: str, account_id: str) -> Work[int]:
    narrowed = condition.format(own=_OWN)

    async def work(tx: Transaction) -> int:
        return await tx.execute(
            f"""DELETE FROM {table} WHERE {narrowed} AND {key} IN (
                    SELECT {key} FROM {table} WHERE {narrowed} LIMIT {ROWS_PER_STEP})""",
            account_id=account_id,
        )

    return work
