"""What goes wrong while somebody else should be served: each a disaster of bench/crash.py.

Only processes of the trial's own installation and of its own PostgreSQL are killed or stopped.
"""

import asyncio
import contextlib
import os
import signal
import time
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any, Final

import asyncpg

from bench.trial import Trial
from tests.support.installation import Program
from tests.support.postgres_server import on_server

STOPPED_S: Final = 15.0
HELD_S: Final = 0.15
TRIES_MAX: Final = 200
SILENT_S: Final = 15.0
FULL_S: Final = 8.0
FILL_STEP_BYTES: Final = 1 << 20
FILL_PAUSE_S: Final = 0.2
RECOVERY_STEP_S: Final = 0.05
COMMIT_LOOKS_MAX: Final = 200
# The moment between a commit's record and its flush. Longer is not worse: then the next
# transaction, which could be given the same id after the crash, is late as well.
COMMIT_DELAY_US: Final = 20_000
_BACKENDS = """
SELECT pid, state = 'active' AND query ILIKE 'commit%' AS is_committing
FROM pg_stat_activity
WHERE datname = 'topup' AND backend_type = 'client backend' AND pid <> pg_backend_pid()
ORDER BY pid
"""
_HELD = """
SELECT count(*) FROM pg_stat_activity
WHERE datname = 'topup' AND state = 'idle in transaction'
    AND clock_timestamp() - state_change > make_interval(secs => $1)
"""


async def kill_backends(trial: Trial) -> None:
    """kill -9 of one backend in each round: PostgreSQL ends them all and recovers from its log.

    In the middle of a COMMIT, where one is seen: what it wrote to the log may not be flushed yet.
    """
    for _ in range(40 if trial.is_full else 4):
        await asyncio.sleep(trial.random.uniform(2, 3))
        pid, is_committing = await _victim(trial)
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
        trial.happened["backends killed"] += 1
        trial.happened["of them inside a COMMIT"] += is_committing


async def kill_backends_late_in_a_commit(trial: Trial) -> None:
    """As kill_backends, while a commit is written and not flushed for longer than usual."""
    assert trial.stage.server is not None
    url = trial.stage.server.url
    for setting in (f"commit_delay = {COMMIT_DELAY_US}", "commit_siblings = 0"):
        on_server(url, f"ALTER SYSTEM SET {setting}")
    on_server(url, "SELECT pg_reload_conf()")
    await kill_backends(trial)


async def stop_processes(trial: Trial) -> None:
    """A gateway and a worker are stopped for 15 s, and go on as if nothing had been.

    The gateway first at any moment, then inside a transaction; the others serve meanwhile.
    """
    gateway, worker = trial.stage.installation.gateways[0], trial.stage.installation.workers[0]
    if trial.is_full:
        await _stopped(trial, [gateway], "gateway stopped")
        await _stopped(trial, [worker], "worker stopped")
        await _stopped_holding(trial, worker, "worker stopped inside a transaction")
        await asyncio.sleep(trial.random.uniform(1, 3))
    await _stopped_holding(trial, gateway, "gateway stopped inside a transaction", [worker])


async def silence(trial: Trial) -> None:
    """All connections to the database swallow what they are told, and new ones work."""
    assert trial.network is not None
    for _ in range(3 if trial.is_full else 1):
        trial.network.swallow()
        trial.happened["connections swallowed"] = trial.network.swallowed
        await asyncio.sleep(SILENT_S)


async def fill_disk(trial: Trial) -> None:
    """The database's disk is full for a while, whatever is freed meanwhile; then it has room."""
    disk = trial.stage.disk
    assert disk is not None
    for _ in range(3 if trial.is_full else 1):
        async with trial.blackout():
            ballast = disk / "ballast"
            until_s = time.perf_counter() + FULL_S
            while time.perf_counter() < until_s:
                trial.happened["megabytes in the way"] = _fill(ballast)
                await asyncio.sleep(FILL_PAUSE_S)
            ballast.unlink()
            # PostgreSQL ends where it cannot write its log; an operator starts it again.
            if trial.stage.server is not None and not trial.stage.server.is_running:
                trial.happened["PostgreSQL started again"] += 1
                await asyncio.to_thread(trial.stage.server.start)
        trial.happened["disk filled"] += 1
        await asyncio.sleep(2)


def _fill(ballast: Path) -> int:
    """Takes what room there is; how many megabytes in all."""
    fd = os.open(ballast, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    try:
        step = FILL_STEP_BYTES
        while step >= 512:
            try:
                os.write(fd, bytes(step))
            except OSError:
                step //= 2
        return os.fstat(fd).st_size >> 20
    finally:
        os.close(fd)


async def _stopped(trial: Trial, programs: Sequence[Program], name: str) -> None:
    for program in programs:
        program.signal(signal.SIGSTOP)
    trial.happened[name] += 1
    try:
        await asyncio.sleep(STOPPED_S)
    finally:
        for program in programs:
            program.signal(signal.SIGCONT)
    await asyncio.sleep(1)


async def _stopped_holding(
    trial: Trial, program: Program, name: str, others: Sequence[Program] = ()
) -> None:
    """Stopped at a moment when a transaction stays open behind it."""
    async with _watching(trial) as connection:
        for _ in range(TRIES_MAX):
            await asyncio.sleep(trial.random.uniform(0.005, 0.05))
            program.signal(signal.SIGSTOP)
            await asyncio.sleep(HELD_S * 1.5)
            if await connection.fetchval(_HELD, HELD_S):
                await _stopped(trial, [program, *others], name)
                return
            program.signal(signal.SIGCONT)
    trial.happened[f"never {name}"] += 1


@contextlib.asynccontextmanager
async def _watching(trial: Trial) -> AsyncIterator[Any]:
    """A connection of our own to the database; asyncpg publishes no types."""
    connection = await asyncpg.connect(trial.stage.installation.database_url)
    try:
        yield connection
    finally:
        connection.terminate()


async def _victim(trial: Trial) -> tuple[int, bool]:
    """The process id of a backend, once PostgreSQL has recovered, and whether it commits."""
    while True:
        with contextlib.suppress(OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
            async with _watching(trial) as connection:
                for _ in range(COMMIT_LOOKS_MAX):
                    rows = await connection.fetch(_BACKENDS)
                    committing = [row["pid"] for row in rows if row["is_committing"]]
                    if committing:
                        return trial.random.choice(committing), True
                if rows:
                    return trial.random.choice([row["pid"] for row in rows]), False
        await asyncio.sleep(RECOVERY_STEP_S)
