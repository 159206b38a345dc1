"""Check the servers of the database beside the work, and notify the other processes.

Two processes must not use two primaries. Each checks every server of its URL and shares the primary in Redis:
a process with connections to a server that was left behind ends them within LOOK_S. Redis is a hint: without
it each process sees for itself, and nothing in it makes a server the database.
"""

import asyncio
import contextlib
import logging
import re
import time
from collections.abc import AsyncIterator, Sequence
from typing import Final

from redis.asyncio import Redis

from runtime.metrics import Metrics
from runtime.redis_link import RedisAway, RedisLink
from store.database import Store
from store.faults import Fault
from store.servers import Position, SeenServer, ServerWatch

# A lone server can't be overtaken by another one of the same URL, but by one behind its address.
LOOK_S: Final = 3.0
LOOK_AT_ONE_S: Final = 15.0
_HINT_S: Final = 7 * 86_400
_SAID: Final = re.compile(rb"(\d{1,18}):(\d{1,10})").fullmatch
# Each is a value of the label `reason`.
REFUSALS: Final = (
    Fault.OLD_PRIMARY,
    Fault.TWO_PRIMARIES,
    Fault.WENT_BACK,
    Fault.FILE_REPLACED,
)

logger = logging.getLogger(__name__)


def hint_key(system: int) -> str:
    """Return the key of the position of this system's primary in Redis."""
    return f"topup:database:{system}"


@contextlib.asynccontextmanager
async def watching_servers(
    database: Store, link: RedisLink, metrics: Metrics
) -> AsyncIterator[None]:
    watching = asyncio.create_task(_keep_watching(database.servers, link, metrics))
    try:
        yield
    finally:
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)


async def _keep_watching(servers: ServerWatch, link: RedisLink, metrics: Metrics) -> None:
    seen: Sequence[SeenServer] = ()
    faults: dict[str, Fault | None] = {}
    while True:
        # After a failure, too, the next check is made.
        try:
            seen = await look(servers, link, metrics, faults)
        except Exception:
            logger.exception("database.look_broke")
        await asyncio.sleep(LOOK_S if len(seen) > 1 else LOOK_AT_ONE_S)


async def look(
    servers: ServerWatch, link: RedisLink, metrics: Metrics, faults: dict[str, Fault | None]
) -> Sequence[SeenServer]:
    """Check once, log and share it. faults: what was logged for each address before."""
    seen = await servers.look_around()
    _say(seen, faults)
    await _share(servers, link)
    _show(servers, seen, metrics)
    return seen


def _show(servers: ServerWatch, seen: Sequence[SeenServer], metrics: Metrics) -> None:
    # A file has no servers, and 0 would be an alarm.
    if seen:
        metrics.source_read.set(time.time(), "servers")
        metrics.database_primaries.set(sum(one.role == "primary" for one in seen))
    metrics.database_timeline.set(servers.position.timeline)
    for reason in REFUSALS:
        is_so = servers.fault is reason or any(one.fault is reason for one in seen)
        metrics.database_refused.set(int(is_so), reason.value)


def _say(seen: Sequence[SeenServer], faults: dict[str, Fault | None]) -> None:
    """Log each server whose state changed."""
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
    """Exchange with Redis the position of whichever is further."""
    system = servers.system
    if not system:
        return
    key = hint_key(system)

    async def ask(redis: Redis) -> object:
        return await redis.get(key)

    try:
        theirs = _position(await link.call(ask))
        if theirs is not None:
            servers.note(system, theirs)
        ours = servers.position
        if theirs is None or ours > theirs:
            text = f"{ours.accepted_at}:{ours.timeline}"

            async def tell(redis: Redis) -> object:
                return await redis.set(key, text, ex=_HINT_S)

            await link.call(tell)
    except RedisAway:
        return


def _position(said: object) -> Position | None:
    found = _SAID(said) if isinstance(said, bytes) else None
    return None if found is None else Position(int(found[1]), int(found[2]))
