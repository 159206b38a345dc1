"""Codes of the stock: each goes out once, to one top-up, whoever asks at once and whoever dies."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from billing.fulfilment import code_stock
from billing.fulfilment.code_stock import NewCode, StockKind
from billing.fulfilment.protocol import Request, Unknown
from billing.fulfilment.registry import discover
from billing.fulfilment.suppliers import Suppliers
from billing.manual_review.decisions import FailByHand, Person
from billing.topups.fulfilment import BeginSupplierCall
from billing.topups.platform import Source
from billing.topups.topup import load
from kernel.clock import FixedClock
from keys.account import set_operator
from keys.audit_log import Actor
from store.database import Database
from tests.support.funded_account import FundedAccount, open_engine, open_funded_account
from tests.support.suppliers import VAULT, open_suppliers
from worker.topups import Fulfiller

KIND = StockKind("staging", "code_stock", "code_stock", 1000)


async def opened(
    database: Database, clock: FixedClock, kind: str
) -> tuple[FundedAccount, Suppliers]:
    account = await open_funded_account(database, clock)
    suppliers = await open_suppliers(account, {kind: discover()[kind]})
    rules = replace(account.rules, platforms=suppliers.book)
    return replace(account, engine=open_engine(database, clock, rules)), suppliers


async def fill(database: Database, *codes: str, low_threshold: int = 0, **more: Any) -> int:
    new = [NewCode(KIND, code, **more) for code in codes]
    return await database.transaction(
        lambda tx: code_stock.add(tx, VAULT, new, low_threshold=low_threshold, now_us=1)
    )


def worker(account: FundedAccount, suppliers: Suppliers) -> Fulfiller:
    return Fulfiller(account.database, account.clock, account.engine, suppliers)


async def test_each_code_goes_out_once_though_two_workers_ask_and_one_dies(
    database: Database, clock: FixedClock
) -> None:
    account, suppliers = await opened(database, clock, "code_stock")
    codes = [f"GIFT-0000-{number:04d}" for number in range(30)]
    assert await fill(database, *codes) == 30
    assert await fill(database, *codes, "GIFT-0000-9999") == 1
    # The same to whoever reads it.
    assert await fill(database, "GIFT-0000- 9999", "\uff27IFT-0000-9999") == 0
    ids = [
        (await account.send(1000, platform="code_stock", to=f"u{n}@example.com")).topup.id
        for n in range(24)
    ]

    dying = asyncio.create_task(worker(account, suppliers).run())
    await asyncio.sleep(0)
    await asyncio.gather(worker(account, suppliers).step(), worker(account, suppliers).step())
    dying.cancel()
    await asyncio.gather(dying, return_exceptions=True)
    for _ in range(3):
        clock.advance_s(150)
        await worker(account, suppliers).step()

    found = await database.read(lambda tx: load(tx, ids))
    assert {one.status for one in found.values()} == {"delivered"}
    issued = account.rules.codes.issued
    given = [issued(one.id, one.fulfilment_code) for one in found.values()]
    assert len(set(given)) == 24
    assert set(given) <= {*codes, "GIFT-0000-9999"}
    rows = await database.read(lambda tx: code_stock.list_codes(tx, "staging", limit=100))
    assert sorted(one.transaction_id for one in rows if one.transaction_id) == sorted(ids)
    assert await account.findings() == []
    await account.engine.close()


@pytest.mark.one_database
async def test_a_code_that_was_taken_before_the_crash_is_the_one_that_is_handed_over(
    database: Database, clock: FixedClock
) -> None:
    account, suppliers = await opened(database, clock, "code_stock")
    await fill(database, "GIFT-0000-0001", "GIFT-0000-0002")
    topup_id = (await account.send(1000, platform="code_stock")).topup.id
    # As a worker leaves it that died after it took the code.
    taken = await database.transaction(
        lambda tx: code_stock.take(tx, VAULT, KIND, topup_id, now_us=clock.now_us())
    )

    await worker(account, suppliers).step()

    topup = (await database.read(lambda tx: load(tx, [topup_id])))[topup_id]
    assert taken is not None
    assert account.rules.codes.issued(topup_id, topup.fulfilment_code) == taken.code
    left = await database.read(lambda tx: code_stock.levels(tx, "staging", now_us=clock.now_us()))
    assert [one.left for one in left] == [1]
    await account.engine.close()


@pytest.mark.one_database
async def test_an_empty_stock_is_a_no_and_the_operator_is_told_once_that_few_are_left(
    database: Database, clock: FixedClock
) -> None:
    account, suppliers = await opened(database, clock, "code_stock")
    await database.transaction(lambda tx: set_operator(tx, account.account_id, is_operator=True))
    await fill(database, "GIFT-0000-0001", "GIFT-0000-0002", low_threshold=2)
    await fill(database, "GIFT-0000-0003", low_threshold=2, expires_at=5)  # has ended

    ids = [(await account.send(1000, platform="code_stock")).topup.id for _ in range(3)]
    await worker(account, suppliers).step()

    found = await database.read(lambda tx: load(tx, ids))
    assert sorted(one.status for one in found.values()) == ["delivered", "delivered", "failed"]
    assert {one.failure_reason for one in found.values()} == {
        None,
        "no code of this amount is in stock",
    }
    assert (await account.events()).count("stock.low") == 1
    await fill(database, "GIFT-0000-0004", "GIFT-0000-0005", low_threshold=2)
    await account.send(1000, platform="code_stock")
    await worker(account, suppliers).step()
    assert (await account.events()).count("stock.low") == 2
    await account.engine.close()


async def test_worker_that_goes_on_after_its_turn_was_ended_takes_no_code(
    database: Database, clock: FixedClock
) -> None:
    account, suppliers = await opened(database, clock, "code_stock")
    topup_id = (await account.send(1000, platform="code_stock")).topup.id
    supplier = suppliers.find("staging", "code_stock")
    assert supplier is not None
    tenant = account.principal.tenant
    # Handed over, and then its worker is stopped: a person fails it after a while.
    handed = await account.engine.submit(
        BeginSupplierCall(
            topup_id,
            tenant,
            seen_checks_made=0,
            next_check_at=clock.now_us(),
            source=Source("code_stock", "code_stock"),
            recipient_email="user@example.com",
        )
    )
    await fill(database, "GIFT-0000-0001")
    clock.advance_s(76)
    person = Person(Actor(), "ann")
    await account.engine.submit(
        FailByHand(topup_id, tenant, person, reason="sold out", is_checked=True)
    )

    assert handed.attempt is not None
    request = Request(
        topup_id,
        *tenant,
        "code_stock",
        1000,
        "user@example.com",
        "",
        attempt=handed.attempt.requests_made,
    )
    outcome = await supplier.asked.fulfil(request)

    assert isinstance(outcome, Unknown)
    left = await database.read(lambda tx: code_stock.levels(tx, "staging", now_us=clock.now_us()))
    assert [one.left for one in left] == [1]
    await account.engine.close()
