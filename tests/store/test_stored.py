"""Whatever a call can make grow in staging is counted, or it is said why it need not be."""

from typing import Final

import pytest
import sqlalchemy as sa

from kernel.ids import least_id
from store.database import Store
from store.schema import metadata
from store.stored import (
    BESIDE,
    COUNTED,
    Counted,
    CountedBeside,
    StoredAmount,
    count_by_time,
    count_stored,
)

ONE_A_DAY: Final = "at most one of an account and day"
ONE_EACH: Final = "at most a few of each counted row: "
BY_HAND: Final = "a person's presses, each with a password or a mail, and a limit of its own"
BY_US: Final = "workers and operators alone write it"
# Tables with an account's rows that are not counted, and why that bounds them.
NOT_COUNTED: Final = {
    "account_environments": "two of an account",
    "staging_storage": "one of an account",
    "billing_details": "one of an account",
    "second_factors": "one of an account",
    "recharges": "one of an account and environment",
    "provider_customers": "one of an account and provider",
    "notification_turns": "three of an account",
    "notification_choices": "a few of each person of an account",
    "entitlement_counts": "one of an account and name of its plan",
    "checkins": ONE_A_DAY,
    "sealed_balances": BY_US,
    "payment_fees": BY_US,
    "platform_fees": BY_US,
    "held_invoices": BY_US,
    "money_differences": BY_US,
    "expiry_notices": BY_US,
    "credit_adjustments": BY_US,
    "usage_days": ONE_EACH + "usage_records",
    "spend_windows": ONE_EACH + "topups, usage_records and holds",
    "topup_intents": ONE_EACH + "topups",
    "voucher_redemptions": ONE_EACH + "topups",
    "supplier_recipients": ONE_EACH + "topups",
    "topup_reversals": ONE_EACH + "topups",
    "manual_tasks": ONE_EACH + "topups",
    "supplier_words": BY_US + ": what the operator's suppliers said of a top-up",
    "record_seeds": "one of an account and 30 days",
    "record_waiting": ONE_EACH + "deliveries",
    "endpoint_queue": ONE_EACH + "endpoints",
    "api_key_secrets": ONE_EACH + "api_keys, and a rotation ends the one before the last",
    "coupon_uses": ONE_EACH + "orders",
    "order_reversals": ONE_EACH + "orders",
    "provider_objects": ONE_EACH + "orders",
    "recharge_charges": ONE_EACH + "orders",
    "sandbox_checkouts": ONE_EACH + "orders",
    "sandbox_charges": ONE_EACH + "orders",
    "sandbox_subscriptions": ONE_EACH + "orders",
    "sandbox_cards": ONE_EACH + "provider, which a person chooses at a checkout",
    "provider_strays": ONE_EACH + "provider_events",
    "disputes": ONE_EACH + "provider_events",
    "uncredited_payments": ONE_EACH + "provider_events",
    "uncredited_reversals": ONE_EACH + "provider_events",
    "subscription_objects": ONE_EACH + "subscriptions and provider_events",
    "subscription_periods": ONE_EACH + "subscriptions and provider_events",
    "period_reversals": ONE_EACH + "provider_events",
    "subscription_steers": "one open of a subscription, and each is told by events",
    "sessions": BY_HAND,
    "members": BY_HAND,
    "password_resets": BY_HAND,
    "email_verifications": BY_HAND,
    "passkeys": BY_HAND,
    "device_logins": "a few an hour for each address, and deleted once they ended",
    "portal_links": "a thousand open ones of an account at most, and deleted a week after they ended",
    "authorization_codes": BY_HAND,
    "authorization_grants": BY_HAND,
    "authorization_tokens": "one pair of a grant lives, and an ended one is deleted",
    "oauth_codes": BY_HAND,
}
# What one of ours, or a vendor's, id, word or address takes; anything longer is measured.
_SHORT: Final = """
    id account_id environment status state kind type code key_id parent_id prefix last4 digest event_id
    transaction_id endpoint_id delivery_id batch_id platform supplier recipient_email reference order_no
    debit_id credit_id subject_id client_id event_type replay_of replay_id object_id lease_token text_digest
    fingerprint method route credential_id address idempotency_key content_type request_id actor
    actor_account_id action actor_kind outcome name requested_by decided_by request_digest cancelled_by
    subscription_id member_id stage delivery_status after_id like_id key_name caller_address counted_in
    voucher_code voucher_code_hint fulfilment_code failure_reason redirect_host cap_period secret_digest
    secret_last4 app_id grant_id owner_id provider pack_id pack_name plan_id plan_name interval currency
    pay_currency coupon_id coupon_code provider_ref customer_ref oauth_app_id created_by payment_id
    paid_currency receipt_id product_ref next_plan_id next_interval period_id expires order_id payment_ref
    provider_refund_id requested_by code_id protocol identifier body_digest network asset payer amount refund_code
    refund_code_hint series number overage disabled_reason error remote_address body_sha256
    left_over sent_by made_by subscriber_id subscription_cursor
"""
SHORT: Final = frozenset(_SHORT.split())


def test_each_table_with_an_accounts_rows_is_counted_or_says_why_not() -> None:
    ours = {table.name for table in metadata.tables.values() if "account_id" in table.columns}
    counted = {one.table for one in COUNTED} | {one.table for one in BESIDE}

    assert not counted & NOT_COUNTED.keys()
    assert ours - {"batch_items"} == (counted - {"batch_items"}) | NOT_COUNTED.keys()
    assert "batch_items" in counted


@pytest.mark.parametrize("one", [*COUNTED, *BESIDE], ids=lambda one: one.table)
def test_what_a_stranger_can_make_long_is_measured_and_the_rest_has_its_share(
    one: Counted | CountedBeside,
) -> None:
    """40 bytes for the row and each entry of an index, 16 for a column that is short; within a fifth."""
    table = metadata.tables[one.table]
    texts = {
        column.name for column in table.columns if isinstance(column.type, sa.Text | sa.LargeBinary)
    }

    assert texts - set(one.long) <= SHORT
    share = 40 * (1 + len(table.indexes)) + 16 * (len(table.columns) - len(one.long))
    assert abs(one.base - share) <= share / 5


async def test_a_row_of_each_table_is_found_in_its_window_and_in_no_other(database: Store) -> None:
    """The rows of one account, made at 12:00 of a day and at 13:00; another account has as many."""
    noon, hour = 1_780_000_000_000_000, 3_600_000_000
    for account_id in ("acc_a", "acc_b"):
        for at_us in (noon, noon + hour):
            for one in COUNTED:
                await insert(database, one.table, account_id, at_us, one.prefix)

    of_all = sum(one.is_by_time for one in COUNTED)

    async def seen(from_us: int, until_us: int) -> tuple[dict[str, int], dict[str, int]]:
        """Return the rows by account: of acc_a in most tables, and of all in those that are read by time."""
        window = {"from_us": from_us, "until_us": until_us}
        own = await database.read(lambda tx: count_stored(tx, ["acc_a"], **window))
        every = await database.read(lambda tx: count_by_time(tx, **window))
        return _rows(own), _rows(every)

    assert of_all == 4
    assert await seen(noon - hour, noon) == ({}, {})
    assert await seen(noon, noon + hour) == (
        {"acc_a": len(COUNTED) - of_all},
        {"acc_a": of_all, "acc_b": of_all},
    )
    assert await seen(noon, noon + 2 * hour) == (
        {"acc_a": 2 * (len(COUNTED) - of_all)},
        {"acc_a": 2 * of_all, "acc_b": 2 * of_all},
    )


def _rows(found: dict[str, StoredAmount]) -> dict[str, int]:
    return {account_id: amount.rows for account_id, amount in found.items()}


async def insert(database: Store, name: str, account_id: str, at_us: int, prefix: str) -> None:
    """A row with something in each column that has to have something."""
    table = metadata.tables[name]
    made = f"{least_id(prefix or 'row', at_us)}"[:-1] + account_id[-1]
    known: dict[str, object] = {"account_id": account_id, "environment": "staging", "id": made}
    known["kind"] = "recipient"
    columns, values = [], []
    for column in table.columns:
        if column.name not in known and column.nullable:
            continue
        columns.append(column.name)
        is_text = isinstance(column.type, sa.Text)
        is_bytes = isinstance(column.type, sa.LargeBinary)
        plain: object = f"{made}-{column.name}" if is_text else b"x" if is_bytes else 1
        if column.name.endswith("_at"):
            plain = at_us
        elif column.name in {"event_no", "number"}:
            plain = at_us if not is_text else made
        values.append(known.get(column.name, plain))
    await database.transaction(lambda tx: tx.insert(name, columns, [values]))
