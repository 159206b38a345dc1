"""Who is told how long a batch took is told once it is kept, and cannot undo it."""

import asyncio
from collections.abc import Sequence

import pytest

from billing.engine.engine import BatchTimes, Engine
from kernel.clock import FixedClock
from kernel.trace import current_line
from store.database import Database
from tests.support.funded_account import open_funded_account


async def test_a_batch_tells_its_times_and_whose_requests_it_had(
    database: Database, clock: FixedClock, caplog: pytest.LogCaptureFixture
) -> None:
    account = await open_funded_account(database, clock)
    told: list[tuple[Sequence[str | None], BatchTimes]] = []

    def on_timed(lines: Sequence[str | None], times: BatchTimes) -> None:
        told.append((lines, times))
        raise AttributeError("a bug")

    account.engine = Engine(database, clock, account.engine.rules, on_timed=on_timed)
    token = current_line.set("req_1")
    sent = await asyncio.gather(*(account.send(100, reference=str(number)) for number in range(2)))
    current_line.reset(token)

    [(lines, times)] = told
    assert (lines, times.size) == (["req_1", "req_1"], 2)
    assert min(times.waited_s, times.statements_s, times.commit_s) >= 0
    assert 0 < times.waited_s + times.statements_s + times.commit_s < 10
    # Its failure is in the log alone: the batch is not run again.
    assert [one.message for one in caplog.records] == ["batch not told"]
    found = await database.read(lambda tx: tx.fetch("SELECT id FROM topups ORDER BY id"))
    assert [row["id"] for row in found] == sorted(one.topup.id for one in sent)
    assert await account.findings() == []
