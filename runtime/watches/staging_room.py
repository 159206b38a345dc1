"""Watch the space for staging: the free disk beside the database's file, or the size of a server's database.

Each process checks every few seconds, so no send does. Live never stops for it: below the reserve only
staging is refused, until a quarter of the reserve more is free again.
"""

import asyncio
import contextlib
import logging
import shutil
from collections.abc import AsyncIterator
from typing import Final

from keys.staging_quota import StagingRoom
from runtime.metrics import Metrics
from runtime.settings import Settings
from store.database import Database, Transaction
from store.errors import StoreError
from store.open import file_of

# The disk costs a system call; a server checks the size of each of its files.
DISK_S: Final = 5.0
SERVER_S: Final = 30.0
_MIB: Final = 1024 * 1024
# Staging opens again at this multiple of what closes it.
OPEN_AGAIN: Final = 1.25
_SIZE: Final = "SELECT [[PG_DATABASE_SIZE(CURRENT_DATABASE()) | 0]] AS size"

logger = logging.getLogger(__name__)


async def read_size(tx: Transaction) -> int:
    row = await tx.fetch_one(_SIZE)
    return 0 if row is None else int(row["size"])


async def staging_left(settings: Settings, database: Database) -> int | None:
    """Return the bytes that staging may still use, below 0 if it is refused; None without such a limit.

    Raises StoreError and OSError.
    """
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
    """Yield whether staging has room, updated for as long as it is open."""
    room = StagingRoom()
    is_file = file_of(settings.database_address) is not None
    limit_mb = settings.staging_reserve_mb if is_file else settings.staging_database_max_mb
    if not limit_mb:
        metrics.staging_closed.set(0)
        yield room
        return
    margin = round(limit_mb * _MIB * (OPEN_AGAIN - 1)) if is_file else limit_mb * _MIB // 20
    pause_s = every_s if every_s is not None else DISK_S if is_file else SERVER_S
    await _look(settings, database, metrics, room, margin)
    looking = asyncio.create_task(_keep_looking(settings, database, metrics, room, margin, pause_s))
    try:
        yield room
    finally:
        looking.cancel()
        await asyncio.gather(looking, return_exceptions=True)


async def _keep_looking(
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
            await _look(settings, database, metrics, room, margin)
        except Exception:
            logger.exception("staging.room_broke")


async def _look(
    settings: Settings, database: Database, metrics: Metrics, room: StagingRoom, margin: int
) -> None:
    try:
        left = await staging_left(settings, database)
    except (StoreError, OSError) as error:
        # The last result stays: a database that is away stores nothing anyway.
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
