"""Everything is killed, in a random but repeatable order, each part at least once.

kill -9 of the gateway and the worker, FLUSHALL, kill and SIGSTOP of Redis, PostgreSQL restarted in
order and crashed, the receiver cut off. There is one process of each kind, so all wait for it.
"""

import asyncio
import signal
from collections.abc import Awaitable, Callable
from typing import Final

from bench.trial import Trial

AWAY_S: Final = (0.5, 2.5)
BETWEEN_S: Final = (0.3, 1.5)


async def kill_everything(trial: Trial, *, events: int) -> None:
    """Goes on until so many sends are acknowledged, and each part was killed."""
    kinds: list[tuple[str, Callable[[Trial], Awaitable[None]]]] = [
        ("gateway killed", _kill_gateway),
        ("worker killed", _kill_worker),
        ("Redis flushed", _flush_redis),
        ("Redis killed", _kill_redis),
        ("Redis hanging", _hang_redis),
        ("receiver cut", _cut_receiver),
    ]
    if trial.stage.server is not None:
        kinds.append(("PostgreSQL restarted", lambda trial: _stop_server(trial, "fast")))
        kinds.append(("PostgreSQL crashed", lambda trial: _stop_server(trial, "immediate")))
    while True:
        trial.random.shuffle(kinds)
        # The worker first: the claims it leaves run out while the others are killed.
        kinds.sort(key=lambda kind: kind[0] != "worker killed")
        for name, strike in kinds:
            if len(trial.acknowledged) >= events and all(trial.happened[one] for one, _ in kinds):
                return
            await asyncio.sleep(trial.random.uniform(*BETWEEN_S))
            await strike(trial)
            trial.happened[name] += 1


async def _away(trial: Trial) -> None:
    await asyncio.sleep(trial.random.uniform(*AWAY_S))


async def _kill_gateway(trial: Trial) -> None:
    (gateway,) = trial.stage.installation.gateways
    gateway.kill()
    await asyncio.to_thread(gateway.restart)


async def _kill_worker(trial: Trial) -> None:
    (worker,) = trial.stage.installation.workers
    worker.kill()
    ((count,),) = await trial.stage.installation.fetch(
        "SELECT COUNT(*) FROM deliveries WHERE status = 'sending'"
    )
    trial.happened["deliveries in flight when their worker was killed"] += count
    await asyncio.to_thread(worker.restart)


async def _flush_redis(trial: Trial) -> None:
    await asyncio.to_thread(trial.stage.installation.redis.say, b"FLUSHALL\r\n")


async def _kill_redis(trial: Trial) -> None:
    redis = trial.stage.installation.redis
    redis.kill()
    await _away(trial)
    await asyncio.to_thread(redis.start)


async def _hang_redis(trial: Trial) -> None:
    redis = trial.stage.installation.redis
    redis.signal(signal.SIGSTOP)
    await _away(trial)
    redis.signal(signal.SIGCONT)


async def _cut_receiver(trial: Trial) -> None:
    await trial.receiver.cut()
    await _away(trial)
    await trial.receiver.open()


async def _stop_server(trial: Trial, mode: str) -> None:
    server = trial.stage.server
    assert server is not None
    await asyncio.to_thread(server.stop, mode=mode)
    await _away(trial)
    await asyncio.to_thread(server.start)
