"""No schedule of sends, redemptions and reversals loses or doubles money; what was used stays used."""

import asyncio
import shutil
import tempfile
from collections import defaultdict
from pathlib import Path

import pytest
from hypothesis import given, settings, strategies as st

from billing.topups.reverse import AlreadyUsed, Reverse, ReversedOutcome
from billing.topups.rules import NotRedeemable
from kernel.clock import FixedClock, parse_rfc3339
from kernel.errors import DomainError
from store.database import Database
from store.open import open_database
from tests.support.funded_account import (
    FundedAccount,
    open_engine,
    open_funded_account,
    redeem,
)

ADDRESSES = ("a@example.com", "b@example.com")


async def reverse(account: FundedAccount, topup_id: str) -> ReversedOutcome:
    return await account.engine.submit(
        Reverse(topup_id, account.principal.tenant, reason="wrong person", requested_by="key_1")
    )


async def test_unused_credit_comes_back_to_the_cent_and_once(
    database: Database, clock: FixedClock
) -> None:
    account = await open_funded_account(database, clock)
    sent = await account.send(1000)
    other = FundedAccount(
        database,
        clock,
        open_engine(database, clock, account.rules),
        account.account_id,
        account.principal,
    )

    done = await asyncio.gather(
        *(reverse(one, sent.topup.id) for one in (account, other) for _ in range(3))
    )

    assert {(one.topup.status, one.wallet_balance_cents) for one in done} == {
        ("reversed", 1_000_000)
    }
    with pytest.raises(NotRedeemable) as refusal:
        await redeem(account, sent.voucher_code or "")
    assert refusal.value.reason == "reversed"
    assert await account.findings() == []


async def test_reversal_and_redemption_of_one_moment_share_no_cent(
    database: Database, clock: FixedClock
) -> None:
    account = await open_funded_account(database, clock)
    sent = await account.send(1000)

    outcomes = await asyncio.gather(
        redeem(account, sent.voucher_code or ""),
        reverse(account, sent.topup.id),
        return_exceptions=True,
    )

    assert sum(isinstance(one, DomainError) for one in outcomes) == 1
    assert (await account.balance())["balance_cents"] == 1_000_000
    assert await account.findings() == []


async def test_what_waits_and_what_a_supplier_handed_over_is_not_reversed(
    database: Database, clock: FixedClock
) -> None:
    account = await open_funded_account(database, clock)
    pending = await account.send(1000, platform="slow")
    for reason in ("pending", "handed_over"):
        with pytest.raises(AlreadyUsed) as refusal:
            await reverse(account, pending.topup.id)
        assert refusal.value.reason == reason
        if reason == "pending":
            await account.settle(pending.topup.id, "delivered")


@pytest.mark.one_database
async def test_held_funds_come_back_to_the_grant_that_they_came_from(
    database: Database, clock: FixedClock
) -> None:
    account = await open_funded_account(database, clock)
    sent = await account.send(1000, to="delayed@sandbox.test")
    await account.settle(sent.topup.id, "delivered")

    done = await reverse(account, sent.topup.id)

    assert done.wallet_balance_cents == 1_000_000
    assert (await account.balance())["held_cents"] == 0
    assert await account.findings() == []


step = st.one_of(
    st.tuples(st.just("send"), st.integers(0, 1), st.integers(100, 90_000)),
    st.tuples(st.sampled_from(["redeem", "external", "reverse"]), st.integers(0, 9), st.just(0)),
)


@given(plan=st.lists(st.lists(step, min_size=1, max_size=5), min_size=1, max_size=6))
@settings(max_examples=15, deadline=None)
@pytest.mark.one_database
def test_no_schedule_loses_or_doubles_money(
    sqlite_template: Path, plan: list[list[tuple[str, int, int]]]
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "topup.db"
        shutil.copy(sqlite_template, path)
        asyncio.run(_run(path, plan))


async def _run(path: Path, plan: list[list[tuple[str, int, int]]]) -> None:
    database = open_database(f"sqlite:///{path}")
    account = await open_funded_account(database, FixedClock(parse_rfc3339("2026-06-13T12:00:00Z")))
    wallet, ended = 1_000_000, set[str]()
    sent: list[tuple[str, str, int]] = []  # id, code, cents
    gone: dict[str, int] = defaultdict(int)
    for group in plan:
        known = list(sent)
        outcomes = await asyncio.gather(*(_step(account, one, known) for one in group))
        for (name, which, cents), outcome in zip(group, outcomes, strict=True):
            if name == "send":
                if outcome is not None:
                    sent.append(outcome)
                    wallet -= cents
            elif known:
                topup_id, _, amount = known[which % len(known)]
                if outcome is not None and topup_id not in ended:
                    ended.add(topup_id)
                    wallet += 0 if name == "external" else amount
                    gone[name] += amount
                elif outcome is not None:
                    # Only a reversal may be asked for again, and then it changes nothing.
                    assert name == "reverse"
    assert (await account.balance())["balance_cents"] == wallet
    assert wallet + gone["external"] + sum(c for i, _, c in sent if i not in ended) == 1_000_000
    assert await account.findings() == []
    await account.engine.close()
    await database.close()


async def _step(
    account: FundedAccount, one: tuple[str, int, int], known: list[tuple[str, str, int]]
) -> tuple[str, str, int] | None:
    name, which, cents = one
    try:
        if name == "send":
            done = await account.send(cents, to=ADDRESSES[which])
            return done.topup.id, done.voucher_code or "", cents
        if not known:
            return None
        target = known[which % len(known)]
        if name == "reverse":
            await reverse(account, target[0])
        else:
            await redeem(account, target[1], "wallet" if name == "redeem" else "external")
    except DomainError:
        return None
    else:
        return target
