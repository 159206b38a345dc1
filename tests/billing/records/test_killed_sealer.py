"""A sealer that is killed at any of its commits leaves a log that the next one completes, each row in one leaf."""

import asyncio
import os
import signal
import sys
from pathlib import Path
from typing import cast

import pytest

from billing.records.sealing import RecordSealer
from kernel.clock import DAY_US, HOUR_US, MINUTE_US, FixedClock
from store.database import Database
from store.errors import ConnectionLost
from tests.billing.records.test_sealing import leaves_of
from tests.support.mortal_database import MortalDatabase
from tests.support.sealed_records import (
    BEGUN,
    MADE,
    NEXT_DAY,
    add_delivery,
    add_each,
    add_event,
    begin_log,
    record_findings,
    seal_at,
)
from tests.support.sealing import DAY, VAULT

ROOT = Path(__file__).resolve().parents[3]
# Seals until it is killed, an hour later each time.
_PROGRAM = """
import asyncio, sys
from billing.records.sealing import RecordSealer
from kernel.clock import HOUR_US, FixedClock
from keys.vault import Vault
from store.open import open_database

async def main():
    database = open_database(sys.argv[1])
    clock = FixedClock(int(sys.argv[2]))
    sealer = RecordSealer(database, Vault([bytes(32)]), clock, pause_s=0.001)
    while True:
        clock.advance_s(3600)
        await sealer.seal()
        print("sealed", flush=True)

asyncio.run(main())
"""


@pytest.mark.parametrize("is_committed", [False, True])
async def test_a_sealer_that_dies_at_any_commit_loses_and_repeats_nothing(
    database: Database, is_committed: bool
) -> None:
    await begin_log(database)
    ids: list[str] = []
    now = BEGUN + HOUR_US
    for nth in range(1, 14):
        now += 3 * HOUR_US
        made = now - 10 * MINUTE_US
        ids += [await add_event(database, made, number) for number in range(3)]
        ids.append(await add_delivery(database, made, 9))
        mortal = MortalDatabase(database, nth, is_committed=is_committed)
        sealer = RecordSealer(cast(Database, mortal), VAULT, FixedClock(now))
        try:
            await sealer.seal()
        except ConnectionLost:
            assert mortal.is_dead
        else:
            assert not mortal.is_dead
        await seal_at(database, now)

    days = range(DAY, now + 1, DAY_US)
    leaves = [one for day in days for one in await leaves_of(database, day)]
    assert sorted(leaves) == sorted(ids)
    assert await record_findings(database) == []


async def test_sealers_that_are_killed_beside_each_other_seal_each_row_once(
    database: Database, database_url: str
) -> None:
    """Two processes at a time, both killed by SIGKILL while they seal, over and over."""
    await begin_log(database)
    ids = list((await add_each(database)).values())
    for round_ in range(3):
        ids += [
            await add_event(
                database,
                MADE + round_ * MINUTE_US,
                10 + number,
                event_no=1000 * (round_ + 1) + number,
            )
            for number in range(700)
        ]
        both = [await _start(database_url, BEGUN + round_) for _ in range(2)]
        # The first one is killed once anything was sealed, the second while it goes on.
        assert both[0].stdout is not None
        await both[0].stdout.readline()
        for one in both:
            os.kill(one.pid, signal.SIGKILL)
            await one.wait()

    await seal_at(database, NEXT_DAY + 2 * DAY_US)

    days = range(DAY, NEXT_DAY + 30 * DAY_US, DAY_US)
    leaves = [one for day in days for one in await leaves_of(database, day)]
    assert sorted(leaves) == sorted(ids)
    assert await record_findings(database) == []


async def _start(database_url: str, at_us: int) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-P", "-c", _PROGRAM, database_url, str(at_us)),
        stdout=asyncio.subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
