"""A fee is charged beside the amount, counts wherever money counts, and comes back with it."""

import asyncio
import contextlib
import shutil
import tempfile
from collections import Counter
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings, strategies as st

from billing.bulk.runner import BatchRunner, Bulk, BulkLine
from billing.ledger.chart import LedgerAccountKind
from billing.ledger.ledger import InsufficientBalance
from billing.ledger.statement import lines
from billing.topups.platform import BUILT_IN, FeeRule
from billing.topups.queries import topup_timeline
from billing.topups.reverse import EndReversal, Reverse
from billing.topups.send import SendRequest, prepare
from billing.topups.topup import Deliverable
from kernel.clock import SECOND_US, FixedClock, parse_rfc3339
from kernel.errors import DomainError
from kernel.ids import new_id
from keys.account import set_low_balance_thresholds
from keys.audit_log import Actor
from keys.caps import CapExceeded
from store.database import Database, Transaction
from store.errors import DataRefused
from store.open import open_database
from tests.support.funded_account import SLOW, FundedAccount, open_funded_account
from tests.support.platform_book import same_everywhere
from worker.topups import Releaser

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


async def test_a_balance_that_became_low_is_told_once_with_the_fee_taken(
    database: Database, clock: FixedClock
) -> None:
    account = await account_with_fees(database, clock, FeeRule(55))
    # The amount alone falls below it, too: 999,000.
    await database.transaction(
        lambda tx: set_low_balance_thresholds(tx, account.principal.tenant, [999_050 * 10_000])
    )

    await account.send(1000)

    told = await database.read(
        lambda tx: tx.fetch("SELECT body FROM events WHERE type = 'balance.low'")
    )
    data = [msgspec.json.decode(row["body"])["data"] for row in told]
    assert [one["balance_cents"] for one in data] == [998_945]


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
    timeline = await database.read(lambda tx: topup_timeline(tx, tenant, topup_id, now_us=0))
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
    by_ledger = [one for one in found if one.rule.startswith("a delivered top-up's fee")]
    assert [(one.row_id, one.expected, one.found) for one in by_ledger] == [
        (sent.topup.id, 540_000, 550_000)
    ]


@pytest.mark.parametrize("platform", ["claude", "slow"])
async def test_a_reversal_brings_back_the_fee_too_and_takes_it_from_what_was_earned(
    database: Database, clock: FixedClock, platform: str
) -> None:
    account = await account_with_fees(database, clock, FeeRule(55), per_day_cents=1055)
    sent = await account.send(1000, platform=platform)
    if platform == "slow":
        await account.hand_over(sent.topup.id, seen=0)
        await account.settle(
            sent.topup.id, "delivered", by="slow", cost_cents=940, given=Deliverable("note", "x")
        )
        end: Any = EndReversal(
            sent.topup.id, account.principal.tenant, True, "nothing was used", actor=Actor()
        )
    else:
        end = Reverse(sent.topup.id, account.principal.tenant, reason="wrong person")
    earned = await books(account)

    done = await account.engine.submit(end)

    assert earned["fees:"] == 550_000
    assert done.wallet_balance_cents == 1_000_000
    left = {name: micros for name, micros in (await books(account)).items() if micros}
    assert left == {"wallet:": 10_000_000_000, "test_credit:": 10_000_000_000}
    assert (await account.balance())["key"]["windows"][0]["remaining_cents"] == 1055
    assert await account.findings() == []


async def test_a_process_that_knows_no_fees_cannot_deliver_one_that_has_a_fee(
    database: Database, clock: FixedClock
) -> None:
    account = await account_with_fees(database, clock, FeeRule(55))
    pending = (await account.send(1000, platform="slow")).topup
    delivered = (await account.send(1000)).topup

    async def end(tx: Transaction, topup_id: str, status: str) -> None:
        await tx.execute(
            "UPDATE topups SET status = :status WHERE id = :id", id=topup_id, status=status
        )

    for topup_id, status in ((pending.id, "delivered"), (delivered.id, "reversed")):
        with pytest.raises(DataRefused, match="fee_earned_with_delivery"):
            await database.transaction(partial(end, topup_id=topup_id, status=status))
    # Where nothing is earned it does no harm: what was held comes back whole.
    await database.transaction(partial(end, topup_id=pending.id, status="failed"))


PRICES = [FeeRule(), FeeRule(1), FeeRule(0, 333), FeeRule(0, 10_000), FeeRule(0, 1, 0, 0)]
STEPS = st.one_of(
    st.tuples(
        st.just("send"),
        st.sampled_from(["claude", "slow", "later", "asked", "each", "all"]),
        st.tuples(st.sampled_from(PRICES), st.integers(100, 200_001)),
    ),
    st.tuples(
        st.just("end"),
        st.sampled_from(["cancel", "failed", "delivered", "reverse", "due", "denied", "approved"]),
        st.integers(0, 9),
    ),
)


@given(plan=st.lists(STEPS, min_size=2, max_size=14))
@settings(max_examples=12, deadline=None)
@pytest.mark.one_database
def test_no_order_of_sends_and_ends_loses_or_doubles_a_fee(
    sqlite_template: Path, plan: list[tuple[str, str, Any]]
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "topup.db"
        shutil.copy(sqlite_template, path)
        asyncio.run(_run(path, plan))


async def _run(path: Path, plan: list[tuple[str, str, Any]]) -> None:
    database = open_database(f"sqlite:///{path}")
    account = await open_funded_account(database, FixedClock(parse_rfc3339("2026-06-13T12:00:00Z")))
    # At last each way to the end is gone once more, so that every plan sees some of all.
    every = [("end", how, n) for n in range(4) for how in ("approved", "due", "reverse")]
    for kind, how, of in (*plan, *every):
        with contextlib.suppress(DomainError):
            await (_send if kind == "send" else _end)(account, how, of)
    rows = await database.read(
        lambda tx: tx.fetch(
            "SELECT status, amount_cents + COALESCE(fee_cents, 0), fee_cents FROM topups"
        )
    )
    charged, fees = Counter[str](), Counter[str]()
    for status, charged_cents, fee_cents in rows:
        charged[status] += charged_cents
        fees[status] += fee_cents or 0
    held = charged["pending"] + charged["scheduled"]
    found = await account.balance()
    assert found["held_cents"] == held
    assert found["balance_cents"] == 1_000_000 - held - charged["delivered"]
    assert (await books(account)).get("fees:", 0) == fees["delivered"] * 10_000
    assert await account.findings() == []
    await account.engine.close()
    await database.close()


async def _send(account: FundedAccount, how: str, of: tuple[FeeRule, int]) -> None:
    rule, amount_cents = of
    charge(account, rule)
    if how in {"each", "all"}:
        lines = [
            BulkLine(_prepared(account, cents, reference=f"{new_id('ref')}"), None)
            for cents in (amount_cents, 100)
        ]
        principal = account.principal
        bulk = Bulk(principal.tenant, principal.lineage, lines, how == "all")
        await BatchRunner(account.database, account.clock, account.engine).accept(bulk)
    elif how == "later":
        await account.send(amount_cents, send_at=account.clock.now_us() + SECOND_US)
    elif how == "asked":
        await account.send(amount_cents, to="approval@sandbox.test")
    else:
        await account.send(amount_cents, platform=how)


def _prepared(account: FundedAccount, amount_cents: int, **more: Any) -> SendRequest:
    return prepare(
        account.rules.platforms.of("staging"),
        account_id=account.account_id,
        platform="claude",
        amount_cents=amount_cents,
        recipient_email="user@example.com",
        **more,
    )


async def _end(account: FundedAccount, how: str, which: int) -> None:
    rows = await account.database.read(lambda tx: tx.fetch("SELECT id FROM topups ORDER BY id"))
    if how == "due":
        account.clock.advance_s(1)
        await Releaser(account.database, account.clock, account.engine).sweep()
        return
    if not rows:
        return
    topup_id = rows[which % len(rows)][0]
    if how == "cancel":
        await account.cancel(topup_id)
    elif how == "reverse":
        await account.engine.submit(Reverse(topup_id, account.principal.tenant, reason="no"))
    elif how in {"denied", "approved"}:
        found = await account.database.read(
            lambda tx: tx.fetch("SELECT id FROM approvals WHERE transaction_id = :id", id=topup_id)
        )
        for row in found:
            await account.decide(topup_id, row[0], how)
    else:
        await account.settle(topup_id, how)
