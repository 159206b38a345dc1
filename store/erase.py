"""Erases an account with all its rows: the only deletion that crosses the owners of tables.

Small steps, children before parents, the account last: a crash in between leaves an account that
the next sweep finds again, and no step locks much. Only for accounts whose history nobody needs
(idle sandboxes): ledgers of others are never touched, since no transfer crosses accounts.
"""

from store.database import Database, Transaction, Work

ROWS_PER_STEP = 500

_OF_PERIODS = "period_id IN (SELECT id FROM subscription_periods WHERE {own})"
_OF_SUBSCRIPTIONS = "subscription_id IN (SELECT id FROM subscriptions WHERE {own})"

# Table, its key and what finds the account's rows by an index. Each of them has an account_id, which a
# test holds: in a subselect a name that is missing would be that of the table around it.
STEPS = (
    # First of all, or a worker would add deliveries meanwhile.
    ("replays", "id", "{own}"),
    ("attempts", "delivery_id", "delivery_id IN (SELECT id FROM deliveries WHERE {own})"),
    ("deliveries", "id", "{own}"),
    ("notices", "id", "{own}"),
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
    ("provider_customers", "provider", "{own}"),
    ("recharges", "environment", "{own}"),
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
    ("manual_tasks", "transaction_id", "transaction_id IN (SELECT id FROM topups WHERE {own})"),
    ("topup_reversals", "transaction_id", "transaction_id IN (SELECT id FROM topups WHERE {own})"),
    ("supplier_recipients", "recipient_email", "{own}"),
    ("topups", "id", "{own}"),
    ("usage_records", "id", "{own}"),
    ("usage_days", "day_start_at", "{own}"),
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
    ("subscriptions", "id", "{own}"),
    ("provider_objects", "object_id", "order_id IN (SELECT id FROM orders WHERE {own})"),
    ("refunds", "id", "{own}"),
    ("disputes", "id", "{own}"),
    ("order_reversals", "order_id", "order_id IN (SELECT id FROM orders WHERE {own})"),
    ("orders", "id", "{own}"),
    ("transfers", "id", "{own}"),
    ("ledger_accounts", "id", "{own}"),
    ("idempotency_keys", "digest", "{own}"),
    ("spend_windows", "key_id", "key_id IN (SELECT id FROM api_keys WHERE {own})"),
    ("api_key_secrets", "key_id", "key_id IN (SELECT id FROM api_keys WHERE {own})"),
    ("api_keys", "id", "{own}"),
    ("access_tokens", "id", "{own}"),
    ("sessions", "id", "{own}"),
    ("oauth_charges", "id", "{own}"),
    ("oauth_tokens", "id", "{own}"),
    ("spend_windows", "key_id", "key_id IN (SELECT id FROM oauth_grants WHERE {own})"),
    ("oauth_grants", "id", "{own}"),
    ("oauth_codes", "digest", "{own}"),
    ("oauth_apps", "id", "{own}"),
    ("account_environments", "environment", "{own}"),
)
_OWN = "account_id = :account_id"


async def erase_account(database: Database, account_id: str) -> None:
    """Deletes every row of the account; running it again is harmless."""
    for table, key, condition in STEPS:
        while await database.transaction(_step(table, key, condition, account_id)) > 0:
            pass

    async def last(tx: Transaction) -> None:
        # Test credit is counted under the account's own id.
        await tx.execute("DELETE FROM spend_windows WHERE key_id = :id", id=account_id)
        await tx.execute("DELETE FROM accounts WHERE id = :id", id=account_id)

    await database.transaction(last)


def _step(table: str, key: str, condition: str, account_id: str) -> Work[int]:
    narrowed = condition.format(own=_OWN)

    async def work(tx: Transaction) -> int:
        return await tx.execute(
            f"""DELETE FROM {table} WHERE {narrowed} AND {key} IN (
                    SELECT {key} FROM {table} WHERE {narrowed} LIMIT {ROWS_PER_STEP})""",
            account_id=account_id,
        )

    return work
