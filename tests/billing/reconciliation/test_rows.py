"""Differences and runs as rows: opened once, closed by agreement or by a person, begun by one process."""

import asyncio
from typing import Any

import pytest

from billing.reconciliation import differences, runs
from billing.reconciliation.differences import FoundDifference, MoneyDifference
from kernel.clock import DAY_US, HOUR_US
from kernel.errors import InvalidInput, NotFound
from keys.audit_log import Actor
from store.database import Database
from tests.support.dispatcher import rows

PART = "provider:toypay"


def difference(subject_id: str = "ord_1", **changes: Any) -> FoundDifference:
    fields = {"expected": 2000, "found": 0, "unit": "USD", "detail": "said"}
    return FoundDifference("credited_not_paid", subject_id, **(fields | changes))  # type: ignore[arg-type]


async def note(database: Database, now_us: int, *found: FoundDifference) -> None:
    await database.transaction(
        lambda tx: differences.note_found(tx, "live", PART, found, now_us=now_us)
    )


async def close_gone(database: Database, began_at: int, *but: str) -> int:
    return await database.transaction(
        lambda tx: differences.close_gone(
            tx, "live", PART, began_at=began_at, but=but, now_us=began_at
        )
    )


async def close(database: Database, one: MoneyDifference, reason: str, now_us: int) -> None:
    await database.transaction(
        lambda tx: differences.close(
            tx, one.id, one.environment, reason, by=Actor("ann"), person="ann", now_us=now_us
        )
    )


async def listed(database: Database, *, is_closed: bool = False) -> list[MoneyDifference]:
    found = await database.read(
        lambda tx: differences.page(tx, "live", is_closed=is_closed, limit=10)
    )
    return list(found)


async def test_what_is_seen_again_is_one_row_since_the_first_time(database: Database) -> None:
    await note(database, 10, difference())
    await note(database, 20, difference(found=5))

    (one,) = await listed(database)
    assert (one.since, one.seen_at, one.expected, one.found) == (10, 20, 2000, 5)
    assert one.in_words == ("20.00 USD", "0.05 USD")


async def test_it_closes_by_itself_and_opens_again_with_a_new_beginning(
    database: Database,
) -> None:
    await note(database, 10, difference(), difference("ord_2"), difference("ord_3"))
    await note(database, 20, difference("ord_2"))
    # ord_3 gave no answer, so nothing is known of it.
    assert await close_gone(database, 20, "ord_3") == 1
    (gone,) = await listed(database, is_closed=True)
    assert (gone.subject_id, gone.closed_by, gone.closed_at) == ("ord_1", None, 20)

    await note(database, 30, difference())
    assert {one.subject_id: one.since for one in await listed(database)} == {
        "ord_1": 30,
        "ord_2": 10,
        "ord_3": 10,
    }


async def test_what_a_person_closed_stays_closed_until_its_figures_change(
    database: Database,
) -> None:
    await note(database, 10, difference())
    (one,) = await listed(database)
    with pytest.raises(InvalidInput):
        await close(database, one, "  ", 15)
    await close(database, one, "another shop's", 15)
    with pytest.raises(InvalidInput):
        await close(database, one, "again", 16)

    await note(database, 20, difference())
    assert await listed(database) == []
    (audited,) = await rows(database, "SELECT action, subject_id, reason, actor FROM audit_log")
    assert tuple(audited) == ("difference.close", one.id, "another shop's", "ann")

    await note(database, 30, difference(found=1))
    (again,) = await listed(database)
    assert (again.id, again.since, again.closed_by, again.reason) == (one.id, 30, None, None)


async def test_one_of_the_other_environment_is_unknown(database: Database) -> None:
    await note(database, 10, difference())
    (one,) = await listed(database)
    with pytest.raises(NotFound):
        await database.transaction(
            lambda tx: differences.close(
                tx, one.id, "staging", "why", by=Actor(), person="", now_us=1
            )
        )


async def test_two_workers_begin_a_part_once_a_day(database: Database) -> None:
    async def begin(now_us: int) -> runs.PartRun | None:
        return await database.transaction(lambda tx: runs.begin(tx, "live", PART, now_us=now_us))

    begun = [one for one in await asyncio.gather(*(begin(1) for _ in range(4))) if one]
    assert len(begun) == 1
    # A worker that died is taken up after its lease; the one that ended waits for a day.
    assert await begin(HOUR_US) is None
    again = await begin(1 + HOUR_US)
    assert again is not None
    await database.transaction(lambda tx: runs.end(tx, begun[0], checked=9, mark=None))
    assert (await database.read(runs.list_runs))[0].checked == 0
    await database.transaction(lambda tx: runs.end(tx, again, checked=4, mark="m"))
    assert await begin(HOUR_US + DAY_US) is None
    last = await begin(1 + HOUR_US + DAY_US)
    assert last is not None
    assert (last.checked, last.mark, last.fault) == (4, "m", None)
