"""A fee is charged beside the amount, counts wherever money counts, and comes back with it."""

import asyncio
import random
from dataclasses import replace
from typing import Any

import pytest

from billing.ledger.chart import LedgerAccountKind
from billing.ledger.ledger import InsufficientBalance
from billing.ledger.statement import lines
from billing.topups.fee import FeeRule
from billing.topups.platform import BUILT_IN, same_everywhere
from billing.topups.queries import topup_timeline
from kernel.clock import FixedClock
from kernel.errors import DomainError
from keys.caps import CapExceeded
from store.database import Database, Transaction
from tests.support.funded_account import SLOW, FundedAccount, open_funded_account

THIRTY_AND_2_5_PERCENT = FeeRule(30, 250)


@pytest.mark.parametrize(
    ("rule", "amount_cents", "fee_cents"),
    [
        (FeeRule(), 1000, 0),
        (FeeRule(30), 1000, 30),
        (FeeRule(30, 250), 1000, 55),
        (FeeRule(0, 250), 1000, 25),
        (FeeRule(0, 250), 1001, 26),  # 25.025 cents
        (FeeRule(0, 1), 100, 1),  # a hundredth of a cent
        (FeeRule(0, 10_000), 1000, 1000),
        (FeeRule(0, 250, min_cents=50), 1000, 50),
        (FeeRule(30, 250, max_cents=40), 1000, 40),
        (FeeRule(30, 250, min_cents=50, max_cents=60), 1000, 55),
    ],
)
def test_a_fee_is_its_parts_rounded_up_once_within_its_bounds(
    rule: FeeRule, amount_cents: int, fee_cents: int
) -> None:
    assert rule.cents(amount_cents) == fee_cents


async def account_with_fees(
    database: Database, clock: FixedClock, rule: FeeRule, **key_fields: Any
) -> FundedAccount:
    account = await open_funded_account(database, clock, **key_fields)
    charge(account, rule)
    return account


def charge(account: FundedAccount, rule: FeeRule, **own: FeeRule) -> None:
    """The rule on every platform; own: of accounts that have one of their own."""
    dear = [replace(one, fee=rule, account_fees=own) for one in (*BUILT_IN, SLOW)]
    account.rules.platforms.by_environment = same_everywhere(dear).by_environment


async def books(account: FundedAccount) -> dict[str, int]:
    """Balances in micros by label."""

    async def work(tx: Transaction) -> dict[str, int]:
        rows = await tx.fetch(
            "SELECT kind, name, balance_micros FROM ledger_accounts WHERE account_id = :id",
            id=account.account_id,
        )
        return {f"{row['kind']}:{row['name']}": row["balance_micros"] for row in rows}

    return await account.database.read(work)


async def test_a_delivered_send_takes_the_amount_and_the_fee_apart(
    database: Database, clock: FixedClock
) -> None:
    account = await account_with_fees(database, clock, THIRTY_AND_2_5_PERCENT)

    sent = await account.send(1000)

    assert (sent.topup.fee_cents, sent.topup.charged_cents) == (55, 1055)
    assert sent.topup.new_balance_cents == 1000
    assert sent.wallet_balance_cents == 998_945
    found = await books(account)
    assert found[f"{LedgerAccountKind.FEES}:"] == 550_000
    assert found["recipient:claude/user@example.com"] == 10_000_000
    assert await account.findings() == []


async def test_an_accounts_own_fee_stands_in_place_of_the_platforms(
    database: Database, clock: FixedClock
) -> None:
    account = await open_funded_account(database, clock)
    charge(account, FeeRule(100), **{account.account_id: FeeRule()})

    sent = await account.send(1000)

    assert (sent.topup.fee_cents, sent.wallet_balance_cents) == (0, 999_000)
    assert f"{LedgerAccountKind.FEES}:" not in await books(account)


@pytest.mark.parametrize("how", ["cancel", "failed"])
async def test_what_was_held_comes_back_with_its_fee_and_so_does_the_cap(
    database: Database, clock: FixedClock, how: str
) -> None:
    account = await account_with_fees(database, clock, FeeRule(55), per_day_cents=1055)
    pending = await account.send(1000, platform="slow")
    held = await account.balance()

    if how == "cancel":
        await account.cancel(pending.topup.id)
    else:
        await account.settle(pending.topup.id, "failed")

    assert (held["balance_cents"], held["held_cents"]) == (998_945, 1055)
    assert held["key"]["windows"][0]["remaining_cents"] == 0
    after = await account.balance()
    assert (after["balance_cents"], after["held_cents"]) == (1_000_000, 0)
    assert after["key"]["windows"][0]["remaining_cents"] == 1055
    assert await account.findings() == []


async def test_a_delivery_earns_the_fee_it_was_sent_with_whatever_it_is_by_then(
    database: Database, clock: FixedClock
) -> None:
    account = await account_with_fees(database, clock, FeeRule(55))
    pending = await account.send(1000, platform="slow")
    charge(account, FeeRule(99))

    await account.settle(pending.topup.id, "delivered")

    found = await books(account)
    assert (found["fees:"], found["held:"]) == (550_000, 0)
    assert found["redeemed:slow"] == 10_000_000
    assert await account.findings() == []


async def test_caps_approvals_and_the_wallet_count_what_is_charged(
    database: Database, clock: FixedClock
) -> None:
    account = await account_with_fees(
        database, clock, FeeRule(1), per_day_cents=10**9, approval_threshold_cents=2000
    )
    capped = await account.mint(per_call_cents=1000)
    await account.send(999, principal=capped)

    with pytest.raises(CapExceeded):
        await account.send(1000, principal=capped)
    asked = await account.send(2000)
    unasked = await account.send(1999)

    assert (asked.approval is not None, unasked.approval) == (True, None)
    charge(account, FeeRule(10**8))
    with pytest.raises(InsufficientBalance):
        await account.send(100, principal=await account.mint())
    assert await account.findings() == []


async def test_a_suppliers_cost_is_in_the_books_and_in_nothing_a_merchant_reads(
    database: Database, clock: FixedClock
) -> None:
    account = await account_with_fees(database, clock, FeeRule(55))
    pending = await account.send(1000, platform="slow")
    await account.hand_over(pending.topup.id, seen=0)

    await account.settle(pending.topup.id, "delivered", by="slow", cost_cents=940)

    found = await books(account)
    assert (found["cost:"], found["supplier:slow"]) == (9_400_000, 9_400_000)
    assert await account.findings() == []
    tenant, topup_id = account.principal.tenant, pending.topup.id
    timeline = await database.read(lambda tx: topup_timeline(tx, tenant, topup_id))
    moved = [one["code"] for one in timeline.transfers]
    stated = [
        line.transfer["code"]
        async for line in lines(database, tenant, since=0, until=clock.now_us() + 1)
    ]
    assert sorted(moved) == ["topup_deliver", "topup_fee", "topup_hold", "voucher_settle"]
    assert sorted(stated[-4:]) == sorted(moved)
    assert "supplier_cost" not in stated


async def test_an_audit_finds_a_fee_that_nobody_took(database: Database, clock: FixedClock) -> None:
    account = await account_with_fees(database, clock, FeeRule(55))
    sent = await account.send(1000)

    async def work(tx: Transaction) -> None:
        await tx.execute(
            "UPDATE topups SET fee_cents = 54, earned_fee_cents = 54 WHERE id = :id",
            id=sent.topup.id,
        )

    await database.transaction(work)

    found = await account.findings()
    assert [(one.row_id, one.expected, one.found) for one in found] == [
        (sent.topup.id, 540_000, 550_000)
    ]


@pytest.mark.one_database
@pytest.mark.parametrize("seed", [1, 2, 3])
async def test_any_mix_of_fees_and_ends_leaves_the_ledger_proved(
    database: Database, clock: FixedClock, seed: int
) -> None:
    draw = random.Random(seed)
    account = await open_funded_account(database, clock, per_day_cents=900_000)
    wallet, earned, open_ids = 1_000_000, 0, dict[str, int]()
    for _ in range(6):
        fee = FeeRule(draw.randrange(90), draw.randrange(900), draw.randrange(50))
        charge(account, draw.choice([fee, FeeRule()]))
        sends = await asyncio.gather(
            *(
                account.send(draw.randint(100, 30_000), platform=draw.choice(["claude", "slow"]))
                for _ in range(8)
            ),
            return_exceptions=True,
        )
        for sent in sends:
            if isinstance(sent, BaseException):
                assert isinstance(sent, DomainError)
                continue
            wallet -= sent.topup.charged_cents
            if sent.topup.status == "pending":
                open_ids[sent.topup.id] = sent.topup.fee_cents
            else:
                earned += sent.topup.fee_cents
        for topup_id in draw.sample(sorted(open_ids), k=min(4, len(open_ids))):
            fee_cents, how = open_ids.pop(topup_id), draw.choice(["cancel", "failed", "delivered"])
            if how == "cancel":
                ended = await account.cancel(topup_id)
            else:
                ended = await account.settle(topup_id, how)
            if how == "delivered":
                earned += fee_cents
            else:
                wallet += ended.topup.charged_cents
    assert (await account.balance())["balance_cents"] == wallet
    assert (await books(account)).get("fees:", 0) == earned * 10_000
    assert await account.findings() == []
