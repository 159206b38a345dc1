"""The Redis checks of `topup doctor`: is it writable, has it room, does its clock agree, do workers listen.

Redis holds only hints and rate limits, so a fault slows things down and loses no money.
"""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from typing import Any, Final

from redis.asyncio import Redis
from redis.exceptions import RedisError

from cli.server.finding import CheckWarning, Finding
from kernel.clock import SECOND_US, SystemClock
from runtime.installation import open_store, redis_url
from runtime.processes.presence import list_workers
from runtime.redis_link import QUEUE_NAME, WORDS, check_usable, fault_of, wake_channel
from runtime.setting_forms.redis_url import close_pool, connection_pool
from runtime.settings import Settings
from store.errors import StoreError
from store.version import SchemaOutOfRange

ASK_S_MAX: Final = 5.0
FULL_PERCENT: Final = 90
OFF_S_MAX: Final = 2.0
_UNSEEN: Final = "cannot be looked at: see `redis` above"
_MISSING: Final = "TOPUP_REDIS_URL is empty and no embedded Redis runs"


async def redis(settings: Settings) -> Finding:
    if not _is_named(settings):
        return Finding("redis", None, _MISSING)
    try:
        async with _client(settings) as client:
            await client.ping()
            started_s = time.perf_counter()
            await check_usable(client)
            took_ms = (time.perf_counter() - started_s) * 1000
    except (RedisError, OSError) as error:
        if settings.redis_url.get_secret_value():
            return Finding("redis", False, WORDS[fault_of(error)])
        # Without it sends continue, but not wake-ups and shared limits.
        return Finding("redis", None, _MISSING)
    return Finding("redis", True, f"answers in {took_ms:.1f} ms, and takes what is written")


async def redis_room(settings: Settings) -> str:
    async with _asked(settings) as client:
        return _room(await client.info("memory"))


async def redis_clock(settings: Settings) -> str:
    """Say whether its clock agrees with this machine's: rate limits go by it."""
    async with _asked(settings) as client:
        seconds, micros = await client.time()
    off_s = abs(seconds * SECOND_US + micros - SystemClock().now_us()) / SECOND_US
    if off_s > OFF_S_MAX:
        raise CheckWarning(
            f"{off_s:.0f} s apart from this machine's: run a time daemon on both machines"
        )
    return "agrees with this machine's"


async def workers(settings: Settings) -> Finding:
    """Count who listens for hints; a stopped worker counts until its connection ends. Without Redis the
    workers' rows count.
    """
    try:
        async with _asked(settings) as client:
            [(_, listening)] = await client.pubsub_numsub(wake_channel(QUEUE_NAME))
    except CheckWarning:
        return await _noted_workers(settings)
    if not listening:
        return Finding("workers", None, "none listens on Redis: does `topup worker` run?")
    return Finding("workers", True, f"{listening} listen on Redis")


async def _noted_workers(settings: Settings) -> Finding:
    """Count workers that recorded themselves in the database, as each does every 20 seconds."""
    now_us = SystemClock().now_us()
    try:
        async with asyncio.timeout(ASK_S_MAX), open_store(settings) as database:
            noted = await database.read(list_workers)
    except (StoreError, SchemaOutOfRange, TimeoutError, OSError):
        return Finding("workers", None, "cannot be counted without Redis and the database")
    alive = sum(one.is_alive(now_us) for one in noted)
    if not alive:
        return Finding(
            "workers", None, "none has said in 90 s that it is there: does `topup worker` run?"
        )
    return Finding("workers", True, f"{alive} say in the database that they are there")


def _room(memory: dict[str, Any]) -> str:
    used, most = int(memory.get("used_memory", 0)), int(memory.get("maxmemory", 0))
    policy = memory.get("maxmemory_policy", "noeviction")
    if not most:
        return f"{_mib(used)} MiB are used, without a limit"
    percent = used * 100 // most
    detail = f"{_mib(used)} of {_mib(most)} MiB are used ({policy})"
    if percent >= FULL_PERCENT and policy == "noeviction":
        raise CheckWarning(
            f"{detail}: when it is full it refuses writes. Raise `maxmemory`, or set"
            " `maxmemory-policy volatile-lru`"
        )
    return detail


def _mib(size: int) -> str:
    return f"{size / 1024 / 1024:.1f}"


def _is_named(settings: Settings) -> bool:
    """Return whether there is a Redis to check, without making the embedded one's folder."""
    return bool(settings.redis_url.get_secret_value()) or settings.data_dir.is_dir()


@contextlib.asynccontextmanager
async def _asked(settings: Settings) -> AsyncIterator[Redis]:
    """Raise CheckWarning without a response: the check named redis says why."""
    if not _is_named(settings):
        raise CheckWarning(_UNSEEN)
    try:
        async with _client(settings) as client:
            yield client
    except (RedisError, OSError):
        raise CheckWarning(_UNSEEN) from None


@contextlib.asynccontextmanager
async def _client(settings: Settings) -> AsyncIterator[Redis]:
    """Yield a client for one check; raise TimeoutError if it takes too long."""
    client = Redis(connection_pool=connection_pool(redis_url(settings)))
    try:
        async with asyncio.timeout(ASK_S_MAX):
            yield client
    finally:
        await close_pool(client.connection_pool)
