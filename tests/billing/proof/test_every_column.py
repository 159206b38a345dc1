"""Each money column and each state column, changed by hand, is found by the proof; few prove nothing, each with why.

`make prove` tries every change; a run of the suite a sample of them, another one each day.
"""

import os
import random
from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest

from billing.ledger.finding import Finding
from billing.proof.audit import audit, findings_in
from kernel.clock import FixedClock
from kernel.tenant import Tenant
from store.database import Database, Transaction
from store.open import open_database
from store.schema import metadata
from tests.support.changed_columns import (
    KINDS,
    STATE_NAMES,
    STATES,
    Change,
    alternatives,
    apply,
    changes,
    is_sorted,
    is_state,
    proved_columns,
)
from tests.support.every_fact import fill

PROVES_NOTHING_MAX = 20
SAMPLE = 120
# What no other row of the database bears out, and why.
PROVES_NOTHING: dict[str, str] = {}
# What the sealer's leaves bear out, and no rule.
COVERED_BY_LEAVES = frozenset(
    {"audit_log.outcome", "credit_adjustments.credits", "deliveries.status"}
)
# What is not found yet; the list only falls.
NOT_FOUND_YET = frozenset(
    {
        "account_environments.day_limit_cents",
        "account_environments.low_balance_threshold_micros",
        "account_environments.recharge_below_micros",
        "account_environments.recharge_from_micros",
        "api_keys.approval_above_per_day_cents",
        "api_keys.approval_threshold_cents",
        "api_keys.lifetime_cents",
        "api_keys.per_call_cents",
        "api_keys.per_day_cents",
        "api_keys.per_month_cents",
        "approvals.status",
        "batch_items.state",
        "billing_documents.amount",
        "checkin_days.awarded_micros",
        "checkin_settings.credits_max",
        "checkin_settings.credits_min",
        "checkin_settings.daily_budget_credits",
        "checkin_settings.streak_bonus_credits",
        "coupons.amount_off",
        "coupons.minimum_amount",
        "coupons.percent",
        "device_logins.status",
        "disputes.amount",
        "disputes.status",
        "endpoints.status",
        "fulfilment_attempts.cost_cents",
        "fulfilment_attempts.outcome",
        "held_invoices.amount",
        "held_invoices.credits_micros",
        "held_invoices.paid_amount",
        "held_invoices.price_amount",
        "holds.status",
        "machine_payments.state",
        "mails.status",
        "manual_tasks.outcome",
        "money_differences.expected",
        "money_differences.found",
        "notices.stage",
        "oauth_apps.cap_micros",
        "oauth_codes.cap_micros",
        "oauth_grants.cap_micros",
        "order_reversals.amount",
        "order_reversals.status",
        "orders.amount",
        "orders.credits_micros",
        "orders.discount",
        "orders.noted_amount",
        "orders.pay_amount",
        "orders.promotional_micros",
        "orders.reversed_grant_micros",
        "orders.reversed_promotional_micros",
        "orders.status",
        "owner_mails.status",
        "packs.amount",
        "packs.bonus_credits",
        "packs.credits",
        "payment_fees.amount",
        "period_reversals.amount",
        "period_reversals.status",
        "plan_grants.credits_micros",
        "plan_grants.reversed_micros",
        "plan_grants.untold_micros",
        "plans.credits_included",
        "plans.price_monthly",
        "plans.price_yearly",
        "plans.trial_credits",
        "platform_fees.basis_points",
        "platform_fees.fixed_cents",
        "platform_fees.max_cents",
        "platform_fees.min_cents",
        "platforms.max_amount_cents",
        "platforms.min_amount_cents",
        "provider_events.outcome",
        "provider_strays.amount",
        "recharge_charges.amount_cents",
        "recharges.amount_cents",
        "recharges.below_cents",
        "recharges.monthly_max_cents",
        "redemption_batches.credits_micros",
        "refunds.amount",
        "refunds.status",
        "replays.status",
        "sandbox_charges.outcome",
        "sandbox_checkouts.outcome",
        "sandbox_checkouts.pay_amount",
        "sandbox_subscriptions.amount",
        "sandbox_subscriptions.first_amount",
        "sandbox_subscriptions.next_amount",
        "sandbox_subscriptions.status",
        "sealed_balances.before_credits_micros",
        "sealed_balances.before_debits_micros",
        "sealed_balances.credits_micros",
        "sealed_balances.debits_micros",
        "spend_windows.spent_micros",
        "stock_codes.amount_cents",
        "subscription_periods.amount",
        "subscription_periods.noted_amount",
        "subscription_periods.plan_micros",
        "subscription_steers.amount",
        "subscription_steers.status",
        "subscriptions.carried_amount",
        "subscriptions.credits_micros",
        "subscriptions.next_amount",
        "subscriptions.status",
        "subscriptions.trial_micros",
        "topup_reversals.outcome",
        "topups.status",
        "uncredited_payments.amount",
        "uncredited_reversals.amount",
        "uncredited_reversals.status",
        "usage_prices.cached_micros",
        "usage_prices.input_micros",
        "usage_prices.output_micros",
        "volume_days.amount_micros",
    }
)


class _Undone(Exception):
    """Takes a change back, with what was found of it."""

    def __init__(self, found: Sequence[Finding]) -> None:
        self.found = found


async def found_after(database: Database, change: Change) -> Sequence[Finding] | None:
    """Return what is found of the change, which is taken back; None: the schema refuses it."""

    async def work(tx: Transaction) -> None:
        await apply(tx, change)
        found: list[Finding] = []
        for tenant in change.tenants:
            if tenant.account_id:
                found += await findings_in(tx, tenant)
        for environment in sorted({one.environment for one in change.tenants}):
            found += await findings_in(tx, Tenant("", environment))
        raise _Undone(found)

    try:
        await database.transaction(work)
    except _Undone as undone:
        return undone.found
    except Exception:
        return None
    raise AssertionError("the work ends with what it found")


def sample(every: Sequence[Change]) -> Sequence[Change]:
    """Return all of them where TOPUP_PROVE is set; else some of each day's own."""
    if os.environ.get("TOPUP_PROVE") or len(every) <= SAMPLE:
        return every
    day = datetime.now(UTC).date().isoformat()
    return random.Random(day).sample(list(every), SAMPLE)


@pytest.mark.long
async def test_each_changed_column_is_found(
    database_url: str, tmp_path: Path, clock: FixedClock
) -> None:
    await fill(database_url, tmp_path, clock)
    database = open_database(database_url)
    assert [one async for one in audit(database)] == [], "what nobody changed is proved"

    every = await database.read(changes)
    silent: defaultdict[str, list[str]] = defaultdict(list)
    for change in sample(every):
        found = await found_after(database, change)
        if found is not None and not found:
            silent[change.column].append(str(change))
    await database.close()

    excused = {*PROVES_NOTHING, *COVERED_BY_LEAVES, *NOT_FOUND_YET}
    missed = {name: texts for name, texts in silent.items() if name not in excused}
    assert missed == {}
    if os.environ.get("TOPUP_PROVE"):
        tried = {change.column for change in every}
        is_found = (excused & tried) - {*silent, *COVERED_BY_LEAVES}
        assert is_found == set(), "what is found leaves the lists"
        untried = {f"{one.table.name}.{one.name}" for one in proved_columns()} - tried
        assert untried - NOT_FOUND_YET == set()


def test_few_columns_prove_nothing_and_none_of_what_was_sold_or_sent() -> None:
    assert len(PROVES_NOTHING) <= PROVES_NOTHING_MAX
    assert all(PROVES_NOTHING.values())
    sold = ("orders.", "refunds.", "topups.", "billing_documents.")
    assert [one for one in PROVES_NOTHING if one.startswith(sold)] == []


def test_each_column_is_sorted_in() -> None:
    numbers = [
        f"{table.name}.{column.name}"
        for table in metadata.sorted_tables
        for column in table.columns
        if str(column.type) == "BIGINT" and not is_sorted(column)
    ]
    assert numbers == [], "money, time, flag or count: tests/support/changed_columns.py"
    assert alternatives() - STATE_NAMES - KINDS == set()
    states = {f"{one.table.name}.{one.name}" for one in proved_columns() if is_state(one)}
    assert states == STATES.keys()
