"""Batches: whole or worth nothing, made in bulk, listed without a code, disabled."""

import itertools
from collections.abc import Sequence
from typing import Any

import pytest

from billing.credits.redemption_code import (
    NewBatch,
    disable_batch,
    get_batch,
    get_code,
    list_batches,
    list_codes,
    make,
    new_code,
)
from billing.topups.rules import NotRedeemable
from kernel.clock import FixedClock
from kernel.errors import InvalidInput, NotFound
from store.database import Database
from tests.support.code_batches import CODES, make_codes, redeem
from tests.support.funded_account import open_funded_account

NEW = NewBatch(environment="staging", credits=1000, count=1)


async def test_many_codes_are_made_in_few_statements(database: Database, clock: FixedClock) -> None:
    steps: list[int] = []
    before = database.statements_run

    batch = await make(
        database,
        CODES,
        NewBatch(environment="staging", credits=5, count=2_500),
        keep=lambda step: steps.append(len(step)),
        now_us=clock.now_us(),
    )

    assert steps == [1000, 1000, 500]
    assert database.statements_run - before < 30
    assert (batch.code_count, batch.is_complete, batch.credits_micros) == (2_500, True, 5_000)


async def test_codes_of_a_batch_that_was_not_finished_are_worth_nothing(
    database: Database, clock: FixedClock
) -> None:
    account = await open_funded_account(database, clock)
    seen: list[str] = []

    def keep(step: Sequence[str]) -> None:
        seen.extend(step)
        raise OSError("the disk is full")

    with pytest.raises(OSError, match="disk is full"):
        await make(database, CODES, NEW, keep=keep, now_us=clock.now_us())

    with pytest.raises(NotRedeemable) as refusal:
        await redeem(account, seen[0])
    assert refusal.value.reason == "unknown"
    [batch] = await database.read(lambda tx: list_batches(tx, "staging", before_id=None, limit=10))
    assert batch.is_complete is False


async def test_a_code_that_exists_already_is_made_anew(
    database: Database, clock: FixedClock
) -> None:
    account = await open_funded_account(database, clock)
    _, [taken] = await make_codes(account)
    seen: list[str] = []
    given = itertools.chain([taken], iter(new_code, None))

    await make(
        database, CODES, NEW, keep=seen.extend, now_us=clock.now_us(), fresh=lambda: next(given)
    )

    assert seen != [taken]
    assert (await redeem(account, taken)).balance_micros == 10_001_000_000
    assert (await redeem(account, seen[0])).balance_micros == 10_002_000_000


async def test_a_generator_that_repeats_itself_is_no_generator(
    database: Database, clock: FixedClock
) -> None:
    account = await open_funded_account(database, clock)
    _, [taken] = await make_codes(account)
    seen: list[str] = []

    with pytest.raises(RuntimeError, match="repeats itself"):
        await make(
            database, CODES, NEW, keep=seen.extend, now_us=clock.now_us(), fresh=lambda: taken
        )

    assert seen == []


@pytest.mark.one_database
@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"promotional_days": 7}, "days"),
        ({"expires_at": 5}, "expires_at"),
    ],
)
async def test_a_batch_that_makes_no_sense_is_refused(
    fields: dict[str, Any], param: str, database: Database, clock: FixedClock
) -> None:
    new = NewBatch(**{"environment": "staging", "credits": 1, "count": 1, **fields})

    with pytest.raises(InvalidInput) as refusal:
        await make(database, CODES, new, keep=lambda _step: None, now_us=clock.now_us())

    assert refusal.value.param == param


async def test_codes_are_listed_by_what_gives_nothing_away(
    database: Database, clock: FixedClock
) -> None:
    account = await open_funded_account(database, clock)
    first, [code] = await make_codes(account, name="Spring")
    second, _ = await make_codes(account, count=3)
    await make_codes(account, environment="live")
    await redeem(account, code)

    batches = await database.read(lambda tx: list_batches(tx, "staging", before_id=None, limit=10))
    older = await database.read(
        lambda tx: list_batches(tx, "staging", before_id=second.id, limit=10)
    )
    found = await database.read(lambda tx: list_codes(tx, "staging", last4=code[-4:], limit=10))
    every = await database.read(lambda tx: list_codes(tx, "staging", limit=10))

    assert [(batch.id, batch.used_count) for batch in batches] == [(second.id, 0), (first.id, 1)]
    assert [batch.name for batch in older] == ["Spring"]
    assert [one.status(clock.now_us()) for one in found] == ["redeemed"]
    assert code not in str(found)
    assert len(every) == 4


async def test_disabling_is_once_and_for_all_that_exists(
    database: Database, clock: FixedClock
) -> None:
    account = await open_funded_account(database, clock)
    batch, _ = await make_codes(account)
    at = clock.now_us()

    first = await database.transaction(lambda tx: disable_batch(tx, batch.id, now_us=at))
    again = await database.transaction(lambda tx: disable_batch(tx, batch.id, now_us=at + 5))

    assert (first, again) == (True, False)
    assert (await database.read(lambda tx: get_batch(tx, "staging", batch.id))).disabled_at == at
    [listed] = await database.read(lambda tx: list_codes(tx, "staging", limit=2))
    assert listed.status(at) == "disabled"
    for get in (get_batch, get_code):
        with pytest.raises(NotFound):
            await database.read(
                lambda tx, get=get: get(tx, "staging", "rdx_0000000000000000")  # type: ignore[misc]
            )
    with pytest.raises(NotFound):
        await database.read(lambda tx: get_batch(tx, "live", batch.id))
