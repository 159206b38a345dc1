"""Group commit: who waits for whom, and what one command's fault costs the others."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest
import pytest_asyncio

from kernel.errors import DomainError, NotFound, Unavailable
from store.batch import GroupCommit
from store.database import Database, Transaction, Work
from store.errors import (
    CommitUnknown,
    ConnectionLost,
    Contention,
    DataRefused,
    StoreError,
    Unable,
)


class Crash(BaseException):
    """Ends a writer, as only the end of a process does."""


@dataclass(slots=True)
class Runner:
    """Keeps each command as a row; commands with a meaning of their own come before a colon."""

    runs: list[list[str]] = field(default_factory=list)
    crash: BaseException | None = None
    kept: list[list[str]] = field(default_factory=list)

    def prepare(self, commands: Sequence[str]) -> "Prepared":
        return Prepared(self, commands)

    async def run(self, tx: Transaction, commands: Sequence[str]) -> Sequence[str | BaseException]:
        self.runs.append(list(commands))
        if self.crash is not None:
            raise self.crash
        if any(command.startswith("bug:") for command in commands):
            raise AttributeError("a bug")
        kept = [command for command in commands if not command.startswith("refused:")]
        # A null is refused by the database itself.
        rows = [(name, None if name.startswith("poison:") else b"", 0) for name in kept]
        await tx.insert("sealed_keys", ("name", "sealed", "created_at"), rows)
        if any(command.startswith("short:") for command in commands):
            return []
        return [
            NotFound("Command") if command.startswith("refused:") else command.upper()
            for command in commands
        ]


@dataclass(slots=True)
class Prepared:
    """One batch of the runner's."""

    runner: Runner
    commands: Sequence[str]
    lock: None = None

    def meanwhile(self) -> None: ...

    def on_committed(self) -> None:
        self.runner.kept.append(list(self.commands))

    async def run(self, tx: Transaction) -> Sequence[str | BaseException]:
        return await self.runner.run(tx, self.commands)


class Gate:
    """A database whose transactions begin when the test lets them, and fail when it says so."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._open = asyncio.Event()
        self._arrivals = 0
        self._arrived = asyncio.Condition()
        self.failures: list[StoreError] = []
        self.statements_run = 0

    def open(self) -> None:
        self._open.set()

    def close_again(self) -> None:
        self._open.clear()

    async def arrived(self, count: int) -> None:
        """Returns when so many transactions stood at the gate."""
        async with asyncio.timeout(10), self._arrived:
            await self._arrived.wait_for(lambda: self._arrivals >= count)

    async def transaction(self, work: Work[Any], **options: Any) -> Any:
        async with self._arrived:
            self._arrivals += 1
            self._arrived.notify_all()
        await self._open.wait()
        if self.failures:
            raise self.failures.pop(0)
        return await self._database.transaction(work, **options)

    async def autocommit(self, work: Work[Any]) -> Any:
        return await self._database.autocommit(work)

    async def read(self, work: Work[Any], *, is_single: bool = False) -> Any:
        return await self._database.read(work, is_single=is_single)

    async def close(self) -> None:
        await self._database.close()


@pytest.fixture
def runner() -> Runner:
    return Runner()


@pytest.fixture
def gate(database: Database) -> Gate:
    return Gate(database)


Group = GroupCommit[str, str]


@pytest_asyncio.fixture
async def group(gate: Gate, runner: Runner) -> AsyncIterator[Group]:
    opened: Group = GroupCommit(gate, runner.prepare)
    yield opened
    gate.open()
    await opened.close()


async def kept(database: Database) -> list[str]:
    rows = await database.read(lambda tx: tx.fetch("SELECT name FROM sealed_keys ORDER BY name"))
    return [row["name"] for row in rows]


async def outcomes(*waiting: Any) -> list[Any]:
    async with asyncio.timeout(30):
        return await asyncio.gather(*waiting, return_exceptions=True)


async def test_a_lone_command_waits_for_nobody(gate: Gate, group: Group, runner: Runner) -> None:
    gate.open()

    assert await group.submit("a") == "A"

    assert runner.runs == [["a"]]
    assert group.waiting_s == 0


async def test_while_one_batch_commits_the_next_gathers(
    gate: Gate, group: Group, runner: Runner, database: Database
) -> None:
    first = group.submit("a")
    await gate.arrived(1)
    others = [group.submit(name) for name in ("b", "c", "d")]
    gate.open()

    assert await outcomes(first, *others) == ["A", "B", "C", "D"]

    # Where the machine stands still, the second lane takes the batch that gathered, and may be the first to run.
    assert sorted(runner.runs) == [["a"], ["b", "c", "d"]]
    assert await kept(database) == ["a", "b", "c", "d"]


async def test_a_batch_has_a_greatest_size(gate: Gate, runner: Runner) -> None:
    sizes: list[int] = []
    group: Group = GroupCommit(gate, runner.prepare, batch_max=2, on_batch=sizes.append)
    gate.open()

    await outcomes(*(group.submit(f"c{number}") for number in range(5)))

    assert sizes == [2, 2, 1]
    await group.close()


async def test_results_are_handed_out_after_the_commit_only(
    gate: Gate, group: Group, runner: Runner, database: Database
) -> None:
    seen: list[asyncio.Task[list[str]]] = []
    waiting = asyncio.ensure_future(group.submit("a"))
    waiting.add_done_callback(lambda _: seen.append(asyncio.create_task(kept(database))))
    await gate.arrived(1)
    assert not waiting.done()
    gate.open()

    await waiting

    assert await seen[0] == ["a"]


async def test_a_refusal_is_its_own_commands_only(
    gate: Gate, group: Group, runner: Runner, database: Database
) -> None:
    gate.open()

    a, refused, b = await outcomes(*(group.submit(name) for name in ("a", "refused:x", "b")))

    assert (a, b) == ("A", "B")
    assert isinstance(refused, NotFound)
    assert runner.runs == [["a", "refused:x", "b"]]
    assert await kept(database) == ["a", "b"]


@pytest.mark.parametrize(
    ("poison", "failure"), [("poison:x", DataRefused), ("bug:x", AttributeError)]
)
async def test_poison_costs_its_neighbours_one_more_try(
    gate: Gate,
    group: Group,
    runner: Runner,
    database: Database,
    poison: str,
    failure: type[Exception],
) -> None:
    gate.open()

    a, poisoned, b = await outcomes(*(group.submit(name) for name in ("a", poison, "b")))

    assert (a, b) == ("A", "B")
    assert isinstance(poisoned, failure)
    assert runner.runs == [["a", poison, "b"], ["a"], [poison], ["b"]]
    assert runner.kept == [["a"], ["b"]]
    assert await kept(database) == ["a", "b"]


async def test_poison_alone_is_tried_once(gate: Gate, group: Group, runner: Runner) -> None:
    gate.open()

    (poisoned,) = await outcomes(group.submit("poison:x"))

    assert isinstance(poisoned, DataRefused)
    assert runner.runs == [["poison:x"]]
    assert await group.submit("a") == "A"


async def test_a_runner_that_loses_a_result_commits_nothing(
    gate: Gate, group: Group, runner: Runner, database: Database
) -> None:
    gate.open()

    a, short = await outcomes(group.submit("a"), group.submit("short:x"))

    assert a == "A"
    assert isinstance(short, AssertionError)
    assert await kept(database) == ["a"]


@pytest.mark.parametrize(
    "failure",
    [
        *(Contention("40P01"), ConnectionLost("gone"), CommitUnknown("gone")),
        # A statement that took too long, a full disk, a read-only server: no command is at fault.
        *(Unable("57014"), Unable("53100"), Unable("25006"), Unable("SQLITE_FULL")),
    ],
)
async def test_a_database_that_is_away_refuses_the_batch_and_nothing_more(
    gate: Gate, group: Group, runner: Runner, failure: StoreError
) -> None:
    gate.failures = [failure]
    gate.open()

    refused = await outcomes(group.submit("a"), group.submit("b"))

    assert [(type(one), one.retry_after_s) for one in refused] == [(Unavailable, 1)] * 2
    assert runner.runs == []
    assert group.failed_s > group.last_commit_at_s
    assert await group.submit("c") == "C"
    assert group.last_commit_at_s > group.failed_s


async def test_an_outage_while_poison_is_sought_ends_the_search(
    gate: Gate, group: Group, runner: Runner
) -> None:
    gate.failures = [DataRefused("22P02"), ConnectionLost("gone")]
    gate.open()

    refused = await outcomes(*(group.submit(name) for name in ("a", "b", "c")))

    assert [type(one) for one in refused] == [Unavailable] * 3
    assert runner.runs == []


async def test_a_cancelled_callers_command_still_commits(
    gate: Gate, group: Group, runner: Runner, database: Database
) -> None:
    async def call(name: str) -> str:
        return await group.submit(name)

    callers = [asyncio.create_task(call(name)) for name in ("a", "b")]
    await gate.arrived(1)
    callers[0].cancel()
    gate.open()

    first, second = await outcomes(*callers)

    assert isinstance(first, asyncio.CancelledError)
    assert second == "B"
    assert await kept(database) == ["a", "b"]


async def test_a_full_queue_refuses_at_once(gate: Gate, runner: Runner) -> None:
    group: Group = GroupCommit(gate, runner.prepare, waiting_max=2)
    first = group.submit("a")
    await gate.arrived(1)
    others = [group.submit("b"), group.submit("c")]

    with pytest.raises(Unavailable) as caught:
        group.submit("d")

    assert caught.value.retry_after_s == 1
    gate.open()
    assert await outcomes(first, *others) == ["A", "B", "C"]
    await group.close()


async def test_who_waits_too_long_is_refused_while_the_batch_still_hangs(
    gate: Gate, runner: Runner, database: Database
) -> None:
    # Long enough for a machine that is busy to begin the first one.
    group: Group = GroupCommit(gate, runner.prepare, age_max_s=0.05)
    first = group.submit("a")
    await gate.arrived(1)

    refused = await outcomes(group.submit("b"), group.submit("c"))

    assert [(type(one), one.retry_after_s) for one in refused] == [(Unavailable, 1)] * 2
    gate.open()
    assert await first == "A"
    await group.close()
    assert await kept(database) == ["a"]


async def test_closing_settles_what_was_accepted_then_refuses(
    gate: Gate, group: Group, database: Database
) -> None:
    waiting = [group.submit("a")]
    await gate.arrived(1)
    waiting += [group.submit("b"), group.submit("c")]
    closing = asyncio.create_task(group.close())
    await asyncio.sleep(0)

    with pytest.raises(Unavailable) as caught:
        group.submit("d")

    assert caught.value.retry_after_s == 1
    gate.open()
    assert await outcomes(*waiting) == ["A", "B", "C"]
    await closing
    assert await kept(database) == ["a", "b", "c"]


async def test_closing_an_unused_group_is_immediate(gate: Gate, runner: Runner) -> None:
    group: Group = GroupCommit(gate, runner.prepare)

    await group.close()

    with pytest.raises(Unavailable):
        group.submit("a")


@pytest.mark.parametrize("make", [Crash, asyncio.CancelledError])
async def test_a_dead_writer_leaves_nobody_waiting(
    gate: Gate, runner: Runner, make: Callable[[], BaseException]
) -> None:
    # The loop is told of the writer's end, and would log it.
    asyncio.get_running_loop().set_exception_handler(lambda _, report: None)
    group: Group = GroupCommit(gate, runner.prepare)
    runner.crash = make()
    waiting = [group.submit("a")]
    await gate.arrived(1)
    waiting += [group.submit("b"), group.submit("c")]
    gate.open()

    refused = await outcomes(*waiting)

    assert [type(one) for one in refused] == [Unavailable] * 3
    runner.crash = None
    # The next command starts another writer.
    assert await group.submit("d") == "D"
    await group.close()


async def test_an_error_that_is_no_refusal_reaches_its_caller(gate: Gate, group: Group) -> None:
    gate.open()

    (failed,) = await outcomes(group.submit("bug:x"))

    assert isinstance(failed, AttributeError)
    assert not isinstance(failed, DomainError)
