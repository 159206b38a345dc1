"""Watch stalled database sessions, free file descriptors, the database's servers, and the space for staging.

- Every process ends stalled sessions that hold locks.
- All processes must use the same primary. Each process checks every server in its URL, and shares the result
  through Redis.
- Staging is refused while little space is free. Live is never refused.
"""

import asyncio
import contextlib
import logging
import os
import re
import resource
import shutil
import time
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Final

from redis.asyncio import Redis

from keys.staging_quota import StagingRoom
from runtime.metrics import Metrics
from runtime.redis_link import RedisAway, RedisLink
from runtime.settings import Settings
from store.database import Database, Store, Transaction
from store.errors import Fault, StoreError
from store.open import file_of
from store.servers import Position, SeenServer, ServerWatch

STALLED_LOOK_S: Final = 2.0

logger = logging.getLogger(__name__)
FILES_LOOK_S: Final = 0.25
# While more than half of the descriptors are free, the interval between checks is this many times longer.
ROOMY: Final = 4
SAID_EVERY_S: Final = 10.0
_LISTED: Final = Path("/proc/self/fd" if Path("/proc/self/fd").exists() else "/dev/fd")
# Even a single server is checked, because another one may take over its address.
SERVERS_LOOK_S: Final = 3.0
LOOK_AT_ONE_S: Final = 15.0
_HINT_S: Final = 7 * 86_400
_SAID: Final = re.compile(rb"(\d{1,18}):(\d{1,10})").fullmatch
# Each of these is a value of the label `reason`.
REFUSALS: Final = (
    Fault.OLD_PRIMARY,
    Fault.TWO_PRIMARIES,
    Fault.WENT_BACK,
    Fault.FILE_REPLACED,
)
# Checking a disk takes one system call. A database server has to check the size of each of its files.
DISK_S: Final = 5.0
SERVER_S: Final = 30.0
_MIB: Final = 1024 * 1024
# Staging opens again when the free space is this many times the reserve.
OPEN_AGAIN: Final = 1.25
_SIZE: Final = "SELECT [[PG_DATABASE_SIZE(CURRENT_DATABASE()) | 0]] AS size"


@contextlib.asynccontextmanager
async def ending_stalled(
    database: Store, *, every_s: float = STALLED_LOOK_S
) -> AsyncIterator[None]:
    looking = asyncio.create_task(_watch_transactions(database, every_s))
    try:
        yield
    finally:
        looking.cancel()
        await asyncio.gather(looking, return_exceptions=True)


async def _watch_transactions(database: Store, every_s: float) -> None:
    has_failed = False
    while True:
        await asyncio.sleep(every_s)
        try:
            ended = await database.end_stalled()
        except Exception as error:
            # Log only an outage's first failure, because other parts of the process also log the outage.
            if not has_failed:
                logger.warning("database.stalled_unknown", extra={"error": str(error)})
            has_failed = True
            continue
        has_failed = False
        if ended:
            logger.warning("database.stalled_ended", extra={"count": ended})


@contextlib.asynccontextmanager
async def watching_open_files(
    metrics: Metrics, *, every_s: float = FILES_LOOK_S
) -> AsyncIterator[None]:
    metrics.open_files.set_function(count_open)
    metrics.open_files_max.set_function(open_files_max)
    looking = asyncio.create_task(_watch_files(metrics, every_s))
    try:
        yield
    finally:
        looking.cancel()
        await asyncio.gather(looking, return_exceptions=True)


def count_open() -> int:
    try:
        return sum(1 for _ in _LISTED.iterdir()) - 1
    except OSError:
        return open_files_max()


def open_files_max() -> int:
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return 2**31 if soft == resource.RLIM_INFINITY else soft


def next_descriptor() -> int | None:
    """Return the smallest free file descriptor, or None if no more files can be opened."""
    try:
        descriptor = os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
    os.close(descriptor)
    return descriptor


async def _watch_files(metrics: Metrics, every_s: float) -> None:
    said_s = float("-inf")
    since_s: float | None = None
    while True:
        now_s = time.monotonic()
        free = next_descriptor()
        if free is None:
            metrics.files_exhausted.add()
            if since_s is None and now_s - said_s >= SAID_EVERY_S:
                said_s = now_s
                fields = {"open": count_open(), "open_max": open_files_max()}
                logger.error("files.exhausted", extra=fields)
            since_s = now_s if since_s is None else since_s
        elif since_s is not None:
            if said_s >= since_s:
                logger.info("files.free", extra={"exhausted_s": round(now_s - since_s, 1)})
            since_s = None
        is_roomy = free is not None and 2 * free < open_files_max()
        await asyncio.sleep(ROOMY * every_s if is_roomy else every_s)


def hint_key(system: int) -> str:
    return f"topup:database:{system}"


@contextlib.asynccontextmanager
async def watching_servers(
    database: Store, link: RedisLink, metrics: Metrics
) -> AsyncIterator[None]:
    watching = asyncio.create_task(_watch_servers(database.servers, link, metrics))
    try:
        yield
    finally:
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)


async def _watch_servers(servers: ServerWatch, link: RedisLink, metrics: Metrics) -> None:
    seen: Sequence[SeenServer] = ()
    faults: dict[str, Fault | None] = {}
    while True:
        try:
            seen = await check_servers(servers, link, metrics, faults)
        except Exception:
            logger.exception("database.look_broke")
        await asyncio.sleep(SERVERS_LOOK_S if len(seen) > 1 else LOOK_AT_ONE_S)


async def check_servers(
    servers: ServerWatch, link: RedisLink, metrics: Metrics, faults: dict[str, Fault | None]
) -> Sequence[SeenServer]:
    """Check the servers once, log the result and share it. `faults` maps each address to its last logged fault."""
    seen = await servers.check_all()
    _say(seen, faults)
    await _share(servers, link)
    _show(servers, seen, metrics)
    return seen


def _show(servers: ServerWatch, seen: Sequence[SeenServer], metrics: Metrics) -> None:
    # An SQLite file has no servers, and a metric of 0 would trigger an alert.
    if seen:
        metrics.source_read.set(time.time(), "servers")
        metrics.database_primaries.set(sum(one.role == "primary" for one in seen))
    metrics.database_timeline.set(servers.position.timeline)
    for reason in REFUSALS:
        is_so = servers.fault is reason or any(one.fault is reason for one in seen)
        metrics.database_refused.set(int(is_so), reason.value)


def _say(seen: Sequence[SeenServer], faults: dict[str, Fault | None]) -> None:
    for one in seen:
        before = faults.get(one.address)
        faults[one.address] = one.fault
        if one.fault is before or one.fault not in REFUSALS:
            continue
        timeline = one.position.timeline if one.position is not None else None
        logger.error(
            "database.server_refused",
            extra={
                "server": one.address,
                "reason": one.fault.value,
                "timeline": timeline,
                "missing": one.missing,
            },
        )


async def _share(servers: ServerWatch, link: RedisLink) -> None:
    system = servers.system
    if not system:
        return
    key = hint_key(system)

    async def read(redis: Redis) -> object:
        return await redis.get(key)

    try:
        theirs = _position(await link.call(read))
        if theirs is not None:
            servers.note(system, theirs)
        ours = servers.position
        if theirs is None or ours > theirs:
            text = f"{ours.accepted_at}:{ours.timeline}"

            async def write(redis: Redis) -> object:
                return await redis.set(key, text, ex=_HINT_S)

            await link.call(write)
    except RedisAway:
        return


def _position(said: object) -> Position | None:
    found = _SAID(said) if isinstance(said, bytes) else None
    return None if found is None else Position(int(found[1]), int(found[2]))


async def read_size(tx: Transaction) -> int:
    row = await tx.fetch_one(_SIZE)
    return 0 if row is None else int(row["size"])


async def staging_left(settings: Settings, database: Database) -> int | None:
    """Return how many bytes staging may still use, or None if there is no limit. At 0 or below, staging is refused."""
    file = file_of(settings.database_address)
    if file is not None:
        reserve = settings.staging_reserve_mb * _MIB
        return shutil.disk_usage(file.parent).free - reserve if reserve else None
    most = settings.staging_database_max_mb * _MIB
    return most - await database.read(read_size) if most else None


@contextlib.asynccontextmanager
async def watching_staging_room(
    settings: Settings, database: Database, metrics: Metrics, *, every_s: float | None = None
) -> AsyncIterator[StagingRoom]:
    room = StagingRoom()
    is_file = file_of(settings.database_address) is not None
    limit_mb = settings.staging_reserve_mb if is_file else settings.staging_database_max_mb
    if not limit_mb:
        metrics.staging_closed.set(0)
        yield room
        return
    margin = round(limit_mb * _MIB * (OPEN_AGAIN - 1)) if is_file else limit_mb * _MIB // 20
    pause_s = every_s if every_s is not None else DISK_S if is_file else SERVER_S
    await _check_room(settings, database, metrics, room, margin)
    looking = asyncio.create_task(_watch_room(settings, database, metrics, room, margin, pause_s))
    try:
        yield room
    finally:
        looking.cancel()
        await asyncio.gather(looking, return_exceptions=True)


async def _watch_room(
    settings: Settings,
    database: Database,
    metrics: Metrics,
    room: StagingRoom,
    margin: int,
    pause_s: float,
) -> None:
    while True:
        await asyncio.sleep(pause_s)
        try:
            await _check_room(settings, database, metrics, room, margin)
        except Exception:
            logger.exception("staging.room_broke")


async def _check_room(
    settings: Settings, database: Database, metrics: Metrics, room: StagingRoom, margin: int
) -> None:
    try:
        left = await staging_left(settings, database)
    except (StoreError, OSError) as error:
        # The last result still applies, because nothing is stored while the database is unreachable.
        logger.warning("staging.room_unknown", extra={"error": str(error)})
        return
    if left is None:
        return
    is_short = left < (margin if room.is_short else 0)
    if is_short != room.is_short:
        told = logger.error if is_short else logger.info
        told("staging.closed" if is_short else "staging.open", extra={"left_mb": left // _MIB})
    room.is_short = is_short
    metrics.staging_closed.set(int(is_short))
    metrics.staging_room_bytes.set(left)
