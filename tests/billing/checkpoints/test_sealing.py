"""Days of the ledger are sealed once each, whatever commits late, whoever seals, and wherever it is stopped."""

import asyncio
import shutil
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st

from billing.checkpoints import checkpoint, sealing
from billing.checkpoints.checkpoint import Checkpoint, ClaimLost, claim, statement_of
from billing.checkpoints.jws import StatementRefused
from billing.checkpoints.merkle import EMPTY_ROOT, SealedTransfer, root_from_path
from billing.checkpoints.proving import SealedDifference
from billing.checkpoints.sealing import Sealer, read_page
from billing.checkpoints.signing_keys import by_kid, rotate
from kernel.clock import DAY_US, HOUR_US, MINUTE_US, SECOND_US, FixedClock
from store.database import Database, Transaction
from store.open import open_database
from tests.support.sealing import (
    DAY,
    VAULT,
    add_transfers,
    find_checkpoint,
    findings_of,
    seal_days,
    sealed_ids_of,
    sealer_at,
)


async def execute(database: Database, text: str, **values: Any) -> None:
    async def work(tx: Transaction) -> None:
        assert await tx.execute(text, **values) == 1

    await database.transaction(work)


async def test_each_day_has_a_checkpoint_that_names_the_one_before(database: Database) -> None:
    first = await add_transfers(database, DAY + 5, DAY + DAY_US - 1)
    third = await add_transfers(database, DAY + 2 * DAY_US)
    await add_transfers(database, DAY + 7, environment="staging", first=9)

    sealed = await seal_days(database, 3)

    assert [(one.day, one.size, one.late) for one in sealed] == [
        ("2026-06-30", 2, 0),
        ("2026-07-01", 0, 0),
        ("2026-07-02", 1, 0),
    ]
    assert sealed[1].root == EMPTY_ROOT
    keys = await database.read(by_kid)
    said = [statement_of(one.jws, keys)[0] for one in sealed]
    assert [one.previous for one in said] == [None, sealed[0].digest.hex(), sealed[1].digest.hex()]
    assert await sealed_ids_of(database, DAY) == first
    assert await sealed_ids_of(database, DAY + 2 * DAY_US) == third
    assert await findings_of(database) == []
    assert await seal_days(database, 3) == []


async def test_a_day_is_sealed_an_hour_after_its_end(database: Database) -> None:
    await add_transfers(database, DAY)
    end = DAY + DAY_US + HOUR_US

    assert await sealer_at(database, end - 1).seal_due() == []
    assert len(await sealer_at(database, end).seal_due()) == 2


async def test_nothing_is_sealed_where_nothing_was_ever_moved(database: Database) -> None:
    assert await seal_days(database, 9) == []


async def test_what_commits_after_its_day_was_sealed_is_in_the_next_as_late(
    database: Database,
) -> None:
    await add_transfers(database, DAY + 2)
    await seal_days(database, 1)
    # A transaction that took hours, and a machine whose clock runs half an hour ahead.
    late = await add_transfers(database, DAY + 1, DAY + DAY_US - 1, first=5)
    ahead = await add_transfers(database, DAY + 2 * DAY_US + 30 * MINUTE_US, first=8)
    await execute(
        database,
        "UPDATE transfers SET created_at = :at WHERE id = :id",
        at=DAY + 2 * DAY_US - 1,
        id=ahead[0],
    )

    (second,) = await seal_days(database, 2)

    assert (second.size, second.late) == (3, 2)
    assert await sealed_ids_of(database, DAY + DAY_US) == [*late, *ahead]
    (third,) = await seal_days(database, 3)
    assert third.size == 0
    assert await findings_of(database) == []


async def test_what_comes_later_than_is_looked_back_is_reported_and_can_be_sealed(
    database: Database,
) -> None:
    await add_transfers(database, DAY + 2)
    await seal_days(database, 4)
    (late,) = await add_transfers(database, DAY + 1, first=5)

    rule = "a transfer of a sealed day is sealed"
    assert await findings_of(database) == [SealedDifference(rule, "live", "2026-06-30", late)]
    at_us = DAY + 5 * DAY_US + HOUR_US
    fifth = (await sealer_at(database, at_us).seal_due(look_back_days=30))[-1]
    assert (fifth.environment, fifth.size, fifth.late) == ("live", 1, 1)
    assert await findings_of(database) == []


async def test_an_edit_a_removal_and_an_insertion_show_with_day_and_transfer(
    database: Database,
) -> None:
    edited, removed, _ = await add_transfers(database, DAY + 1, DAY + 2, DAY + 3)
    await seal_days(database, 3)
    (inserted,) = await add_transfers(database, DAY + 4, first=7)

    await execute(
        database, "UPDATE transfers SET amount_micros = 1000001 WHERE id = :id", id=edited
    )
    await execute(database, "DELETE FROM transfers WHERE id = :id", id=removed)

    assert await findings_of(database) == [
        SealedDifference("a sealed transfer is as it was", "live", "2026-06-30", edited),
        SealedDifference("a sealed transfer is still there", "live", "2026-06-30", removed),
        SealedDifference("a transfer of a sealed day is sealed", "live", "2026-06-30", inserted),
    ]


@pytest.mark.parametrize(
    ("change", "rules"),
    [
        ("DELETE FROM checkpoints", ["a checkpoint follows the one before it"]),
        ("UPDATE checkpoints SET size = 4", ["a checkpoint is what was signed", "…root"]),
        ("UPDATE checkpoints SET jws = 'x.y.z'", ["a checkpoint's signature holds"]),
    ],
)
async def test_a_changed_checkpoint_shows(
    database: Database, change: str, rules: list[str]
) -> None:
    await add_transfers(database, DAY + 1, DAY + 2)
    await seal_days(database, 3)
    where = "WHERE environment = 'live' AND day_start_at = :day"

    await execute(database, f"{change} {where}", day=DAY + DAY_US)

    named = [rule.replace("…root", "a checkpoint's leaves make its root") for rule in rules]
    assert [one.rule for one in await findings_of(database)] == named


async def test_in_staging_an_erased_sandbox_is_no_finding(database: Database) -> None:
    gone, _ = await add_transfers(database, DAY + 1, DAY + 2, environment="staging")
    await seal_days(database, 1)

    await execute(database, "DELETE FROM transfers WHERE id = :id", id=gone)

    assert await findings_of(database) == []


async def test_a_proof_of_each_transfer_leads_to_the_root(database: Database) -> None:
    # Two tiles of leaves and a rest.
    ids = await add_transfers(database, *(DAY + SECOND_US + at for at in range(2 * 256 + 3)))
    (sealed,) = await seal_days(database, 1)
    leaves = await database.read(
        lambda tx: checkpoint.leaf_tiles(tx, "live", DAY, from_number=0, limit=9)
    )
    hashes = [one for tile in leaves for one in tile.hashes]

    for place in (0, 255, 256, 511, 512, 514):
        found = await database.read(
            partial(checkpoint.inclusion, environment="live", day=DAY, transfer_id=ids[place])
        )
        assert found is not None
        assert found.number == place
        assert root_from_path(hashes[place], place, 515, found.path) == sealed.root
    assert (
        await database.read(lambda tx: checkpoint.inclusion(tx, "live", DAY, ids[0] + "x")) is None
    )
    assert await findings_of(database) == []


async def test_who_lost_its_claim_writes_nothing_and_the_next_begins_again(
    database: Database,
) -> None:
    ids = await add_transfers(database, *(DAY + at for at in range(300)))
    at_us = DAY + DAY_US + HOUR_US
    # A process that was killed after its first tile: its claim ends by itself.
    await database.transaction(lambda tx: claim(tx, "live", DAY, by="dead", now_us=at_us))
    await database.transaction(
        lambda tx: checkpoint.insert_leaves(
            tx, "live", DAY, [(0, [checkpoint.Leaf(one, bytes(32)) for one in ids[:256]])]
        )
    )

    assert [one.environment for one in await sealer_at(database, at_us).seal_due()] == ["staging"]
    with pytest.raises(ClaimLost):
        await database.transaction(lambda tx: claim(tx, "live", DAY, by="other", now_us=at_us))
    later = at_us + 121 * SECOND_US
    (sealed,) = await sealer_at(database, later).seal_due()

    assert sealed.size == 300
    assert await findings_of(database) == []


async def test_a_day_is_kept_by_who_goes_through_what_it_does_not_write(database: Database) -> None:
    """Of staging's day nothing is written before its end: all that is gone through is live's."""
    await add_transfers(database, *(DAY + at for at in range(5)))
    clock = FixedClock(DAY + DAY_US + HOUR_US)
    meanwhile: list[Checkpoint] = []

    async def one_in_50_s(after: str, before: str) -> Sequence[SealedTransfer]:
        clock.advance_s(50)
        meanwhile.extend(await Sealer(database, VAULT, clock).seal_due())
        return (await read_page(database, after, before))[:1]

    sealed = await Sealer(database, VAULT, clock, next_page=one_in_50_s).seal_due()

    # Six looks take 300 seconds, and a claim that is not kept ends after 120.
    assert [(one.environment, one.size) for one in sealed] == [("staging", 0)]
    assert [(one.environment, one.size) for one in meanwhile] == [("live", 5)]
    assert await findings_of(database) == []


async def test_two_workers_seal_each_day_once(database: Database) -> None:
    await add_transfers(database, *(DAY + at for at in range(600)))
    at_us = DAY + 2 * DAY_US + HOUR_US

    found = await asyncio.gather(*(sealer_at(database, at_us).seal_due() for _ in range(3)))

    days = sorted((one.environment, one.day) for sealed in found for one in sealed)
    assert len(days) == len(set(days))
    await sealer_at(database, at_us).seal_due()
    first = await find_checkpoint(database, DAY)
    assert first is not None
    assert first.size == 600
    assert await findings_of(database) == []


async def test_after_a_rotation_both_keys_verify(database: Database) -> None:
    await add_transfers(database, DAY)
    (first,) = await seal_days(database, 1)
    kid = await database.transaction(lambda tx: rotate(tx, VAULT, now_us=1))
    (second,) = await seal_days(database, 2)

    keys = await database.read(by_kid)
    assert len(keys) == 2
    assert statement_of(first.jws, keys)[0].day == "2026-06-30"
    assert statement_of(second.jws, {kid: keys[kid]})[0].day == "2026-07-01"
    with pytest.raises(StatementRefused):
        statement_of(first.jws, {kid: keys[kid]})


async def test_transfers_that_commit_while_a_day_is_sealed_are_sealed_once(
    database: Database,
) -> None:
    """Others go on writing, some of them behind the place that the walk has reached."""
    written = await add_transfers(database, *(DAY + at for at in range(600)))
    at_us = DAY + DAY_US + HOUR_US

    async def write() -> None:
        for number in range(6):
            written.extend(
                await add_transfers(
                    database, DAY + number, DAY + 590 + number, first=700 + 2 * number
                )
            )

    await asyncio.gather(sealer_at(database, at_us).seal_due(), write())
    await seal_days(database, 2)

    inside = await sealed_ids_of(database, DAY) + await sealed_ids_of(database, DAY + DAY_US)
    assert sorted(inside) == sorted(written)
    assert await findings_of(database) == []


@pytest.fixture(scope="module")
def migrated(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("migrated") / "topup.db"
    shutil.copy(sqlite_template, path)
    return path


@settings(max_examples=5, deadline=None)
@given(
    steps=st.lists(
        st.tuples(
            st.lists(st.integers(0, 26 * 60), max_size=3),  # minutes before now, of new transfers
            st.integers(0, 40),  # hours until the next step
        ),
        min_size=1,
        max_size=4,
    )
)
def test_whatever_comes_when_each_transfer_is_sealed_exactly_once(
    migrated: Path, steps: list[tuple[list[int], int]]
) -> None:
    """By a clock that goes on, with transfers that commit up to 26 hours late."""
    copy = migrated.with_name("copy.db")
    for left in migrated.parent.glob("copy.db*"):
        left.unlink()
    shutil.copy(migrated, copy)

    async def play() -> None:
        database = open_database(f"sqlite:///{copy}")
        try:
            await _check_steps(database, steps)
        finally:
            await database.close()

    asyncio.run(play())


async def _check_steps(database: Database, steps: list[tuple[list[int], int]]) -> None:
    now_us, number, written = DAY, 0, []
    for minutes, hours in steps:
        for one in minutes:
            written += await add_transfers(database, now_us - one * MINUTE_US, first=number)
            number += 1
        now_us += hours * HOUR_US
        await sealer_at(database, now_us).seal_due()
    now_us += 4 * DAY_US
    await sealer_at(database, now_us).seal_due()
    sealed: list[str] = []
    day = DAY - 2 * DAY_US
    while day < now_us:
        sealed += await sealed_ids_of(database, day)
        day += DAY_US
    assert sorted(sealed) == sorted(written)
    assert await findings_of(database) == []


def test_what_is_looked_back_to_is_longer_than_a_day() -> None:
    assert sealing.LOOK_BACK_US == 26 * HOUR_US
