"""What `topup doctor` asks Redis beside its answer: may it be written, is there room, does its clock
agree. Hints and limits of rate are all that is kept there, so what is wrong slows and loses no money.
"""

import contextlib
from collections.abc import AsyncIterator
from typing import Any, Final

from redis.asyncio import Redis
from redis.exceptions import OutOfMemoryError, ReadOnlyError, RedisError, ResponseError

from cli.server.finding import Odd, Sick
from kernel.clock import SECOND_US, SystemClock
from runtime.installation import redis_url
from runtime.settings import Settings

ASK_S_MAX: Final = 5.0
FULL_PERCENT: Final = 90
OFF_S_MAX: Final = 2.0
_PROBE: Final = "topup:doctor"
_UNSEEN: Final = "cannot be looked at: see `redis` above"


async def redis_room(settings: Settings) -> str:
    """Whether a key can be written, and how full it is. Raises Sick and Odd."""
    async with _asked(settings) as client:
        try:
            await client.set(_PROBE, b"1", px=1000)
        except OutOfMemoryError:
            raise Sick(
                "is full and refuses writes: raise `maxmemory`, or set"
                " `maxmemory-policy volatile-lru`, since all that topup keeps there may be lost"
            ) from None
        except ReadOnlyError:
            raise Sick(
                "is a replica, which cannot be written: name the primary in TOPUP_REDIS_URL"
            ) from None
        except ResponseError as error:
            raise Sick(f"refuses to be written: {str(error)[:120]}") from None
        return _room(await client.info("memory"))


async def redis_clock(settings: Settings) -> str:
    """Whether it agrees with this machine's: limits of rate go by it. Raises Odd."""
    async with _asked(settings) as client:
        seconds, micros = await client.time()
    off_s = abs(seconds * SECOND_US + micros - SystemClock().now_us()) / SECOND_US
    if off_s > OFF_S_MAX:
        raise Odd(f"{off_s:.0f} s apart from this machine's: run a time daemon on both machines")
    return "agrees with this machine's"


def _room(memory: dict[str, Any]) -> str:
    used, most = int(memory.get("used_memory", 0)), int(memory.get("maxmemory", 0))
    policy = memory.get("maxmemory_policy", "noeviction")
    if not most:
        return f"is written, and uses {_mib(used)} MiB without a limit"
    percent = used * 100 // most
    detail = f"is written, and uses {_mib(used)} of {_mib(most)} MiB ({policy})"
    if percent >= FULL_PERCENT and policy == "noeviction":
        raise Odd(
            f"{detail}: when it is full it refuses writes. Raise `maxmemory`, or set"
            " `maxmemory-policy volatile-lru`"
        )
    return detail


def _mib(size: int) -> str:
    return f"{size / 1024 / 1024:.1f}"


@contextlib.asynccontextmanager
async def _asked(settings: Settings) -> AsyncIterator[Redis]:
    """Raises Odd where there is none, or it does not answer: the check named redis says why."""
    if not settings.redis_url.get_secret_value() and not settings.data_dir.is_dir():
        # Its socket's folder would be made where it is missing, and the data directory with it.
        raise Odd(_UNSEEN)
    client = Redis.from_url(redis_url(settings), socket_timeout=ASK_S_MAX)
    try:
        yield client
    except (RedisError, OSError):
        raise Odd(_UNSEEN) from None
    finally:
        await client.aclose()
