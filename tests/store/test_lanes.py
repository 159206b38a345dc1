"""Group commit where a batch is held up: others overtake it, and who meets a held row waits apart."""

import logging
import time
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from kernel.errors import Unavailable
from store.batch import GroupCommit
from store.database import Database
from store.errors import LockTimeout
from tests.store.test_batch import Gate, Group, Runner, kept, outcomes


@pytest.fixture
def runner() -> Runner:
    return Runner()


@pytest.fixture
def gate(database: Database) -> Gate:
    return Gate(database)


@pytest_asyncio.fixture
async def group(gate: Gate, runner: Runner) -> AsyncIterator[Group]:
    opened: Group = GroupCommit(gate, runner.prepare)
    yield opened
    gate.open()
    await opened.close()


async def test_a_batch_that_hangs_is_overtaken_and_seen(
    gate: Gate, group: Group, runner: Runner
) -> None:
    first = group.submit("a")
    await gate.arrived(1)

    second = group.submit("b")
    # A second lane, a tenth of a second later; no third.
    await gate.arrived(2)
    third = group.submit("c")

    assert 0.05 < group.waiting_s < 10
    gate.open()
    assert await outcomes(first, second, third) == ["A", "B", "C"]
    assert group.waiting_s == 0


async def test_beside_a_long_command_others_are_committed_at_once(
    gate: Gate, group: Group, runner: Runner
) -> None:
    before, long, late = (
        group.submit("a"),
        group.submit("long", is_long=True),
        group.submit("other long", is_long=True),
    )
    await gate.arrived(1)
    gate.open()
    await before
    gate.close_again()
    await gate.arrived(2)

    # Only the long one stands at the gate: nobody waits for a tenth of a second to pass it by.
    others = group.submit("b"), group.submit("c")
    await gate.arrived(3)
    gate.open()

    assert await outcomes(long, late, *others) == ["LONG", "OTHER LONG", "B", "C"]
    assert runner.runs[0] == ["a"]
    assert sorted(runner.runs[1:]) == [["b", "c"], ["long"], ["other long"]]


async def test_a_command_that_meets_a_held_row_waits_apart_from_the_others(
    gate: Gate, group: Group, runner: Runner, database: Database
) -> None:
    # Nobody says whose row it is, so each command tries by itself.
    gate.failures = [LockTimeout("55P03")]
    gate.open()

    assert await outcomes(*(group.submit(name) for name in ("a", "b", "c"))) == ["A", "B", "C"]

    assert sorted(runner.runs) == [["a"], ["b"], ["c"]]
    assert await kept(database) == ["a", "b", "c"]


async def test_a_row_that_stays_held_refuses_its_commands_at_their_ages_end(
    gate: Gate, runner: Runner, database: Database
) -> None:
    group: Group = GroupCommit(gate, runner.prepare, age_max_s=0.05)
    gate.failures = [LockTimeout("55P03")] * 100_000
    gate.open()

    refused = await outcomes(group.submit("a"), group.submit("b"))

    assert [(type(one), one.retry_after_s) for one in refused] == [(Unavailable, 1)] * 2
    gate.failures = []
    assert await group.submit("c") == "C"
    await group.close()
    assert await kept(database) == ["c"]


async def test_how_many_wait_and_how_often_a_row_was_held_is_counted_and_is_no_warning(
    gate: Gate, group: Group, caplog: pytest.LogCaptureFixture
) -> None:
    """Two gateways meet at one busy account now and then: its alert says if it is often."""
    caplog.set_level(logging.INFO, logger="store.batch")
    gate.failures = [LockTimeout("55P03")]

    answers = [group.submit(name) for name in ("a", "b", "c")]
    waiting = group.depth
    gate.open()
    await outcomes(*answers)

    assert (waiting, group.depth) == (3, 0)
    assert group.lock_timeouts == 1
    assert [(one.levelname, one.message) for one in caplog.records] == [("INFO", "batch held up")]


async def test_a_command_is_answered_in_time_since_it_came_and_not_since_its_batch_began(
    gate: Gate, runner: Runner
) -> None:
    group: Group = GroupCommit(gate, runner.prepare, answer_max_s=2.0)
    began_s = time.monotonic()
    waiting = group.submit("a")
    # The process has no time for its batch, which then hangs.
    time.sleep(1.5)  # noqa: ASYNC251 it stands still

    with pytest.raises(Unavailable, match="isn't known yet"):
        await waiting

    assert 1.9 < time.monotonic() - began_s < 3.0
    gate.open()
    await group.close()
