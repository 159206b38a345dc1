"""Looks at the servers of the database beside the work, and tells the other processes what it saw.

Promise: two processes do not go on with two primaries. Each looks at every server that its URL names,
and what one of them saw as the database stands in Redis for the others: whoever still has connections
to a server that was left behind ends them within LOOK_S. Redis is a hint: without it each process sees
for itself, and nothing that stands there makes a server the database.
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

# One server alone cannot be overtaken by another one of the same URL, but by one behind its address.
LOOK_S: Final = 3.0
LOOK_AT_ONE_S: Final = 15.0
_HINT_S: Final = 7 * 86_400
_SAID: Final = re.compile(rb"(\d{1,18}):(\d{1,10})").fullmatch
# Each of them is a value of the label `reason`.
REFUSALS: Final = (
    Fault.OLD_PRIMARY,
    Fault.TWO_PRIMARIES,
    Fault.WENT_BACK,
    Fault.FILE_REPLACED,
)

logger = logging.getLogger(__name__)


def hint_key(system: int) -> str:
    """Under which the position of this system's primary stands in Redis."""
    return f"topup:database:{system}"


@contextlib.asynccontextmanager
async def watching_servers(
    database: Store, link: RedisLink, metrics: Metrics
) -> AsyncIterator[None]:
    """Looks as long as it is open."""
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
        # One that failed is looked at again like the others: the next look is always made.
        try:
            seen = await look(servers, link, metrics, faults)
        except Exception:
            logger.exception("database.look_broke")
        await asyncio.sleep(LOOK_S if len(seen) > 1 else LOOK_AT_ONE_S)


async def look(
    servers: ServerWatch, link: RedisLink, metrics: Metrics, faults: dict[str, Fault | None]
) -> Sequence[SeenServer]:
    """One look, said and shared. faults: what was said of each address before."""
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
    """A line for each server of which something else is to be said than before."""
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
    """The further one of what we know and what the others know, on both sides."""
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
    """None: nothing stands there, or nonsense."""
    found = _SAID(said) if isinstance(said, bytes) else None
    return None if found is None else Position(int(found[1]), int(found[2]))
