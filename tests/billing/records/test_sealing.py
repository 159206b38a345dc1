"""Each final row lies in one leaf, whoever seals, whatever commits late, and wherever a sealer is killed."""

import asyncio
import shutil
from pathlib import Path

import pytest
from hypothesis import given, settings, strategies as st

from billing.checkpoints.merkle import EMPTY_ROOT, root_of
from billing.checkpoints.signing_keys import by_kid, rotate
from billing.records import head, record_log
from billing.records.kind import SOURCES
from kernel.clock import DAY_US, HOUR_US, MINUTE_US
from kernel.ids import made_at
from store.database import Database
from store.open import open_database
from store.schema import metadata
from tests.support.sealed_records import (
    BEGUN,
    MADE,
    NEXT_DAY,
    add_attempt,
    add_delivery,
    add_each,
    add_event,
    begin_log,
    execute,
    record_findings,
    record_sealer,
    seal_at,
)
from tests.support.sealing import DAY, VAULT


async def leaves_of(database: Database, day: int = DAY) -> list[str]:
    found: list[str] = []
    number = 0
    while some := await database.read(
        lambda tx: record_log.page(tx, day=day, from_number=number, limit=4)  # noqa: B023
    ):
        found += [leaf.id for tile in some for leaf in tile.leaves]
        number += len(some)
    return found


async def test_an_hour_has_a_head_and_each_is_a_prefix_of_the_next(database: Database) -> None:
    await begin_log(database)
    await add_each(database)
    first = await record_sealer(database, BEGUN + HOUR_US).seal_due()
    assert await record_sealer(database, BEGUN + HOUR_US + 50 * MINUTE_US).seal_due() is None
    for number in range(300):
        await add_event(database, BEGUN + HOUR_US, number)
    second = await record_sealer(database, BEGUN + 2 * HOUR_US).seal_due()

    assert first is not None
    assert second is not None
    assert (first.number, first.size, second.number, second.size) == (2, 8, 3, 308)
    some = await database.read(lambda tx: record_log.page(tx, day=DAY, from_number=0, limit=9))
    hashes = [leaf.hash() for tile in some for leaf in tile.leaves]
    assert root_of(hashes[:8]) == first.root
    assert root_of(hashes) == second.root
    keys = await database.read(by_kid)
    said, _ = head.statement_of(second.jws, keys)
    assert (said.day, said.size, said.previous) == ("2026-06-30", 308, first.digest.hex())
    assert await record_findings(database) == []


async def test_a_new_day_begins_once_the_one_before_is_signed(database: Database) -> None:
    await begin_log(database)
    ids = await add_each(database)
    sealed = await seal_at(database, NEXT_DAY + HOUR_US)

    assert (sealed.day_start_at, sealed.size) == (NEXT_DAY, 8)
    assert sorted(await leaves_of(database, NEXT_DAY)) == sorted(ids.values())
    empty = await seal_at(database, NEXT_DAY + DAY_US + HOUR_US)
    assert (empty.size, empty.root) == (0, EMPTY_ROOT)
    assert await record_findings(database) == []


async def test_leaves_that_a_killed_sealer_left_unsigned_are_signed_first(
    database: Database,
) -> None:
    """Killed between its last step and its head, at the end of a day."""
    await begin_log(database)
    await add_each(database)
    await seal_at(database, BEGUN + HOUR_US)
    await execute(database, "DELETE FROM record_heads WHERE number = 2")

    await seal_at(database, NEXT_DAY + HOUR_US)

    heads = await database.read(lambda tx: head.page(tx, before=None, limit=9))
    assert [(one.number, one.day_start_at, one.size) for one in heads] == [
        (3, NEXT_DAY, 0),
        (2, DAY, 8),
        (1, DAY, 0),
    ]
    assert await record_findings(database) == []


async def test_an_open_delivery_waits_for_its_end(database: Database) -> None:
    await begin_log(database)
    id_ = await add_delivery(database, MADE, status="sending")
    assert (await seal_at(database, BEGUN + HOUR_US)).size == 0
    assert await database.read(record_log.count_waiting) == 1

    await execute(
        database,
        "UPDATE deliveries SET status = 'failed', attempts_made = 1, settled_at = 5 WHERE id = :id",
        id=id_,
    )
    await add_attempt(database, id_, MADE)
    assert (await seal_at(database, BEGUN + 2 * HOUR_US)).size == 1

    assert await leaves_of(database) == [id_]
    assert await database.read(record_log.count_waiting) == 0
    assert await record_findings(database) == []


async def test_what_commits_behind_the_walk_is_sealed_later(database: Database) -> None:
    await begin_log(database)
    first = await add_event(database, MADE + MINUTE_US)
    await seal_at(database, BEGUN + HOUR_US)
    late = await add_event(database, MADE, 1)
    await seal_at(database, BEGUN + 2 * HOUR_US)
    await seal_at(database, BEGUN + 3 * HOUR_US)

    assert await leaves_of(database) == [first, late]
    assert await record_findings(database) == []


async def test_what_comes_later_than_is_looked_back_is_sealed_when_asked(
    database: Database,
) -> None:
    await begin_log(database)
    await seal_at(database, BEGUN + 8 * HOUR_US)
    late = await add_event(database, MADE)
    await seal_at(database, BEGUN + 9 * HOUR_US)
    assert await record_findings(database) == [("an old event is sealed", late)]

    await record_sealer(database, BEGUN + 9 * HOUR_US).seal(look_back_us=DAY_US)

    assert await record_findings(database) == []


async def test_two_sealers_at_once_seal_each_row_once(database: Database) -> None:
    await begin_log(database)
    ids = list((await add_each(database)).values())
    ids += [await add_event(database, MADE + MINUTE_US, number) for number in range(700)]

    await asyncio.gather(*(seal_at(database, BEGUN + HOUR_US) for _ in range(3)))

    assert sorted(await leaves_of(database)) == sorted(ids)
    assert await record_findings(database) == []


async def test_after_a_rotation_of_the_signing_key_all_heads_verify(database: Database) -> None:
    await begin_log(database)
    await add_each(database)
    await database.transaction(lambda tx: rotate(tx, VAULT, now_us=1))
    await seal_at(database, BEGUN + HOUR_US)

    assert len(await database.read(by_kid)) == 2
    assert await record_findings(database) == []


async def test_a_stranger_cannot_confirm_a_guessed_body(database: Database) -> None:
    """Two accounts with the same bytes, and one account's bytes twice: no digest is like another."""
    await begin_log(database)
    for number in range(3):
        await add_event(database, MADE, number, account_id="acc_b" if number == 2 else "acc_a")
    await seal_at(database, BEGUN + HOUR_US)

    (tile,) = await database.read(lambda tx: record_log.page(tx, day=DAY, from_number=0, limit=2))
    assert len({leaf.digest for leaf in tile.leaves}) == 3


# Columns that change after a row is final, or lie sealed under a master key that changes.
UNSEALED = {
    "events": {"code_sealed"},
    "deliveries": {
        *("next_attempt_at", "claim_no", "lost_claims", "due_at", "object_id", "event_no"),
        "blocked_since_at",
    },
}


def test_each_column_of_a_sealed_row_is_in_its_leaf_or_listed_here() -> None:
    for source in SOURCES:
        sealed = set(source.select.removeprefix("SELECT ").partition(" FROM ")[0].split(", "))
        columns = {column.name for column in metadata.tables[source.table].columns}
        assert columns - sealed == UNSEALED.get(source.table, set()), source.table


@pytest.fixture(scope="module")
def migrated(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("migrated") / "topup.db"
    shutil.copy(sqlite_template, path)
    return path


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("event"), st.integers(0, 110)),  # minutes ago
        st.tuples(st.just("open"), st.integers(0, 110)),
        st.tuples(st.just("settle"), st.integers(0, 5)),  # which of those that are open
        st.tuples(st.just("seal"), st.integers(0, 30)),  # hours later
        st.tuples(st.just("tamper"), st.integers(0, 5)),  # which event
        st.tuples(st.just("delete"), st.integers(0, 5)),
    ),
    min_size=4,
    max_size=12,
)


@settings(max_examples=12, deadline=None)
@given(steps=STEPS)
def test_whatever_comes_when_each_final_row_is_sealed_once_and_each_change_is_found(
    migrated: Path, steps: list[tuple[str, int]]
) -> None:
    copy = migrated.with_name("copy.db")
    for left in migrated.parent.glob("copy.db*"):
        left.unlink()
    shutil.copy(migrated, copy)

    async def play() -> None:
        database = open_database(f"sqlite:///{copy}")
        try:
            await _Story(database).play(steps)
        finally:
            await database.close()

    asyncio.run(play())


class _Story:
    """What was done to a log, and what its proof must say."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._now = BEGUN + 2 * HOUR_US
        self._number = 0
        self._events: list[str] = []
        self._pending: list[str] = []
        self._final: list[str] = []
        self._sealed: set[str] = set()
        self._gone: set[str] = set()
        self._changed: set[str] = set()

    async def play(self, steps: list[tuple[str, int]]) -> None:
        await begin_log(self._database)
        for what, number in steps:
            await getattr(self, f"_{what}")(number)
        await self._seal(3)
        await self._seal(3)
        days = range(DAY, self._now + 1, DAY_US)
        leaves = [one for day in days for one in await leaves_of(self._database, day)]
        assert len(leaves) == len(set(leaves))
        # A row that was deleted before it was sealed left no trace.
        assert set(leaves) == {one for one in self._final if one in self._sealed}
        found = await record_findings(self._database)
        assert {row for _, row in found} == (self._gone | self._changed) & self._sealed
        assert {rule for rule, row in found if row in self._gone} <= {
            "a sealed event is still there"
        }

    async def _event(self, minutes: int) -> None:
        self._number += 1
        at_us = self._now - minutes * MINUTE_US
        id_ = await add_event(self._database, at_us, self._number, event_no=self._number)
        self._events.append(id_)
        self._final.append(id_)

    async def _open(self, minutes: int) -> None:
        self._number += 1
        at_us = self._now - minutes * MINUTE_US
        self._pending.append(
            await add_delivery(self._database, at_us, self._number, status="pending")
        )

    async def _settle(self, which: int) -> None:
        if which < len(self._pending):
            id_ = self._pending.pop(which)
            text = "UPDATE deliveries SET status = 'delivered', settled_at = 9 WHERE id = :id"
            await execute(self._database, text, id=id_)
            self._final.append(id_)

    async def _seal(self, hours: int) -> None:
        self._now += hours * HOUR_US
        await seal_at(self._database, self._now)
        settled = self._now - 5 * MINUTE_US
        self._sealed |= {
            one for one in self._final if one not in self._gone and made_at(one) < settled
        }

    async def _tamper(self, which: int) -> None:
        if which < len(self._events):
            id_ = self._events.pop(which)
            text = "UPDATE events SET type = 'topup.failed' WHERE id = :id"
            await execute(self._database, text, id=id_)
            if id_ in self._sealed:
                self._changed.add(id_)

    async def _delete(self, which: int) -> None:
        if which < len(self._events):
            id_ = self._events.pop(which)
            await execute(self._database, "DELETE FROM events WHERE id = :id", id=id_)
            self._gone.add(id_)
