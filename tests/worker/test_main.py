import asyncio
import contextlib
import os
import signal
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from pydantic import SecretStr

from kernel.clock import FixedClock, SystemClock
from kernel.tenant import Tenant
from runtime.context import Context, open_context
from runtime.processes.presence import list_workers
from runtime.settings import load_settings
from runtime.wake_pipe import open_wake_pipe
from store.database import Database, Row, Transaction
from tests.support.recording_receiver import receiver
from tests.support.webhook_rows import given_account, given_endpoint, given_events
from worker.chores import Chore, do_chores, pruning_chores
from worker.endpoints import probers_of
from worker.main import run_worker

CLOCK = SystemClock()
NOBODY = "unix:///nonexistent/redis.sock"


@pytest.fixture
def context_of(
    database_url: str, tmp_path: Path
) -> contextlib.AbstractAsyncContextManager[Context]:
    """A worker's context whose Redis is away."""
    return open_context(
        load_settings(
            database_url=SecretStr(database_url),
            redis_url=SecretStr(NOBODY),
            data_dir=tmp_path,
            # The 32 bytes of tests/support/webhook_rows.py.
            secret_key=SecretStr((b"k" * 32).hex()),
            webhook_allow_private=True,
        )
    )


@contextlib.asynccontextmanager
async def working(
    context: Context, *, redis_url: str | None = None, wake_fd: int | None = None
) -> AsyncIterator["asyncio.Task[None]"]:
    ready = asyncio.Event()
    task = asyncio.create_task(
        run_worker(context, redis_url=redis_url, wake_fd=wake_fd, on_ready=ready.set)
    )
    try:
        async with asyncio.timeout(20):
            await ready.wait()
        yield task
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_a_worker_delivers_while_redis_is_away_and_stops_on_sigterm(
    context_of: contextlib.AbstractAsyncContextManager[Context],
) -> None:
    async with receiver() as hook, context_of as context:
        tenant = Tenant(await given_account(context.database, CLOCK), "staging")
        await given_endpoint(context.database, CLOCK, tenant, url=hook.url)
        async with working(context, redis_url=NOBODY) as task:
            await given_events(context.database, CLOCK, tenant)
            await hook.wait_for(1)
            async with asyncio.timeout(20):
                while True:
                    if there := await context.database.read(list_workers):
                        break
                    await asyncio.sleep(0.02)
            os.kill(os.getpid(), signal.SIGTERM)
            async with asyncio.timeout(20):
                await task

        async def read(tx: Transaction) -> list[Row]:
            return list(await tx.fetch("SELECT status FROM deliveries"))

        [row] = await context.database.read(read)
        assert row["status"] == "delivered"
        assert [one.process_id for one in there] == [os.getpid()]
        assert await context.database.read(list_workers) == []
        counted = context.metrics.render().decode().splitlines()
        assert 'topup_deliveries_total{environment="staging",status="delivered"} 1.0' in counted


async def test_a_byte_through_the_pipe_wakes_a_worker_without_redis(
    context_of: contextlib.AbstractAsyncContextManager[Context],
) -> None:
    read_fd, write_fd = open_wake_pipe()
    try:
        async with receiver() as hook, context_of as context:
            tenant = Tenant(await given_account(context.database, CLOCK), "staging")
            await given_endpoint(context.database, CLOCK, tenant, url=hook.url)
            async with working(context, wake_fd=read_fd):
                await given_events(context.database, CLOCK, tenant)
                os.write(write_fd, b"w")
                await hook.wait_for(1)
    finally:
        os.close(read_fd)
        os.close(write_fd)


async def test_commits_of_a_gateway_wake_the_worker_through_redis(
    database_url: str, redis_url: str, tmp_path: Path
) -> None:
    settings = load_settings(
        database_url=SecretStr(database_url),
        redis_url=SecretStr(redis_url),
        data_dir=tmp_path,
        secret_key=SecretStr((b"k" * 32).hex()),
        webhook_allow_private=True,
    )
    async with (
        receiver() as hook,
        open_context(settings) as gateway,
        open_context(settings) as context,
    ):
        tenant = Tenant(await given_account(gateway.database, CLOCK), "staging")
        await given_endpoint(gateway.database, CLOCK, tenant, url=hook.url)
        async with working(context, redis_url=redis_url):
            # The worker's first look, and its subscription.
            await given_events(gateway.database, CLOCK, tenant)
            await hook.wait_for(1)
            started_s = time.monotonic()
            for count in range(2, 22):
                await given_events(gateway.database, CLOCK, tenant)
                await hook.wait_for(count)
            took_s = time.monotonic() - started_s

    # By the dispatcher's beat alone, each of the twenty would take one or two seconds.
    assert took_s < 15


async def test_chores_end_what_is_over(database: Database, clock: FixedClock) -> None:
    tenant = Tenant(await given_account(database, clock), "staging")
    await given_endpoint(database, clock, tenant)
    await given_events(database, clock, tenant, count=3)

    async def disable(tx: Transaction) -> None:
        await tx.execute(
            "UPDATE endpoints SET status = 'disabled', disabled_at = :at", at=clock.now_us()
        )

    await database.transaction(disable)
    clock.advance_s(8 * 86_400)

    for chore in pruning_chores(database, clock):
        await chore.run()

    async def read(tx: Transaction) -> list[Row]:
        return list(await tx.fetch("SELECT DISTINCT status FROM deliveries"))

    assert [row["status"] for row in await database.read(read)] == ["failed"]


async def test_a_chore_is_done_again_and_again() -> None:
    runs: list[int] = []
    enough = asyncio.Event()

    async def run() -> None:
        runs.append(1)
        if len(runs) == 3:
            enough.set()

    task = asyncio.create_task(do_chores([Chore("count", 0.01, run)]))
    async with asyncio.timeout(20):
        await enough.wait()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)

    assert len(runs) >= 3


async def test_a_chore_with_a_first_wait_leaves_the_start_to_the_others() -> None:
    runs: list[str] = []
    enough = asyncio.Event()

    async def soon() -> None:
        runs.append("soon")
        enough.set()

    async def later() -> None:
        runs.append("later")

    chores = [Chore("later", 0.01, later, first_s=60), Chore("soon", 60, soon)]
    task = asyncio.create_task(do_chores(chores))
    async with asyncio.timeout(20):
        await enough.wait()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)

    assert runs == ["soon"]


@pytest.mark.one_database
async def test_probes_are_sent_unless_the_operator_switched_them_off(
    context_of: contextlib.AbstractAsyncContextManager[Context],
) -> None:
    async with context_of as context:
        off = context.settings.model_copy(update={"webhook_probe": False})

        assert [one.name for one in probers_of(context)] == ["probes"]
        assert list(probers_of(replace(context, settings=off))) == []
