"""Promotional credit goes first, comes back where it was, runs out; debts are paid first."""

from typing import Any

import pytest

from billing.credits.grant import ExpireGrants, tenants_with_expired
from billing.credits.opening import Credit, Credited
from billing.ledger.ledger import Code, InsufficientBalance, Ledger, LedgerAccountKind
from kernel.clock import FixedClock
from keys.caps import CapExceeded
from store.database import Database, Transaction
from tests.support.funded_account import FundedAccount, open_funded_account
from tests.support.promotional_credit import GivePromotion

DAY_US = 86_400_000_000


async def grant(account: FundedAccount, cents: int, *, days: int | None, **fields: Any) -> str:
    expires_at = None if days is None else account.clock.now_us() + days * DAY_US
    tenant = fields.get("tenant", account.principal.tenant)
    return await account.engine.submit(GivePromotion(tenant, cents * 10_000, expires_at))


async def grant_balances(account: FundedAccount) -> list[int]:
    """Cents left in each grant, in order of making."""

    async def work(tx: Transaction) -> list[int]:
        rows = await tx.fetch(
            "SELECT balance_micros FROM ledger_accounts WHERE kind = 'grant' ORDER BY name"
        )
        return [row["balance_micros"] // 10_000 for row in rows]

    return await account.database.read(work)


async def test_spending_takes_the_grant_that_ends_first(
    database: Database, clock: FixedClock
) -> None:
    account = await open_funded_account(database, clock)
    await grant(account, 300, days=None)
    await grant(account, 300, days=9)
    await grant(account, 300, days=2)

    await account.send(400)

    assert await grant_balances(account) == [300, 200, 0]
    balance = await account.balance()
    assert (balance["balance_cents"], balance["promotional_cents"]) == (1_000_500, 500)
    assert await account.findings() == []


async def test_refund_goes_back_to_the_grants_it_came_from(
    database: Database, clock: FixedClock
) -> None:
    account = await open_funded_account(database, clock)
    await grant(account, 300, days=9)
    await grant(account, 300, days=2)
    pending = await account.send(1000, to="pending@sandbox.test")
    assert await grant_balances(account) == [0, 0]

    await account.cancel(pending.topup.id)

    assert await grant_balances(account) == [300, 300]
    assert (await account.balance())["balance_cents"] == 1_000_600
    assert await account.findings() == []


async def test_promotional_credit_is_not_sent_to_others_in_live(
    database: Database, clock: FixedClock
) -> None:
    account = await open_funded_account(database, clock)
    live = await account.in_live()
    await grant(account, 5000, days=None, tenant=live.tenant)
    await account.engine.submit(Credit(live.tenant, 1000, LedgerAccountKind.MANUAL))

    with pytest.raises(InsufficientBalance):
        await account.send(1001, principal=live)

    sent = await account.send(1000, principal=live)
    assert sent.wallet_balance_cents == 5000
    assert (await account.balance(live))["sendable_cents"] == 0


async def test_grant_that_ran_out_is_not_spent_and_is_swept(
    database: Database, clock: FixedClock
) -> None:
    account = await open_funded_account(database, clock)
    await grant(account, 300, days=1)
    clock.advance_s(86_400)

    await account.send(400)
    await account.engine.submit(ExpireGrants(account.principal.tenant))

    assert await grant_balances(account) == [0]
    assert (await account.balance())["balance_cents"] == 999_600
    assert await account.findings() == []


async def test_sandbox_funding_is_bounded_a_day(database: Database, clock: FixedClock) -> None:
    account = await open_funded_account(database, clock)

    async def fund(cents: int) -> Credited:
        command = Credit(
            account.principal.tenant, cents, LedgerAccountKind.TEST_CREDIT, per_day_cents=1_000_000
        )
        return await account.engine.submit(command)

    assert (await fund(600_000)).balance_cents == 1_600_000

    with pytest.raises(CapExceeded) as refusal:
        await fund(400_001)

    assert refusal.value.extra == {
        "limit": 1_000_000,
        "remaining": 400_000,
        "resets_at": "2026-06-14T00:00:00Z",
    }
    clock.advance_s(12 * 3600)
    await fund(400_001)


async def test_debt_stops_sending_and_new_credit_pays_it_first(
    database: Database, clock: FixedClock
) -> None:
    account = await open_funded_account(database, clock)
    tenant = account.principal.tenant

    async def owe(tx: Transaction) -> None:
        ledger = Ledger()
        await ledger.load(tx, [tenant], [(*tenant, LedgerAccountKind.TRANSIT_OUT, "")])
        ledger.post(
            debit=ledger.account(tenant, LedgerAccountKind.OWED),
            credit=ledger.account(tenant, LedgerAccountKind.TRANSIT_OUT),
            amount_micros=500 * 10_000,
            code=Code.MANUAL,
            now_us=clock.now_us(),
        )
        await ledger.flush(tx, clock.now_us())

    await database.transaction(owe)
    with pytest.raises(InsufficientBalance) as refusal:
        await account.send(1000)
    assert refusal.value.reason == "owed"

    await account.engine.submit(Credit(tenant, 600, LedgerAccountKind.MANUAL))

    balance = await account.balance()
    assert (balance["owed_cents"], balance["balance_cents"]) == (0, 1_000_100)
    assert await account.findings() == []


async def test_a_tenant_that_is_held_back_stops_no_other(
    database: Database, clock: FixedClock
) -> None:
    held_back = await open_funded_account(database, clock)
    other = await open_funded_account(database, clock, email="other@example.com")
    for account in (held_back, other):
        await grant(account, 300, days=1)
    later_us = clock.now_us() + 2 * DAY_US

    found = await database.read(
        lambda tx: tenants_with_expired(
            tx,
            now_us=later_us,
            limit=10,
            but_tenants=["/".join(held_back.principal.tenant)],
        )
    )

    assert found == [other.principal.tenant]
