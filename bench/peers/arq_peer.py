"""ARQ as its docs show it: one job for each delivery, an httpx client in the worker's context.

    python -m bench.peers.arq_peer front PORT
    python -m bench.peers.arq_peer worker

The worker has ARQ's defaults (10 jobs, a poll each half second) unless PEER_MAX_JOBS and
PEER_POLL_S say otherwise.
"""

import os
import sys
import time
from typing import Any, cast

import asyncpg
import httpx
from arq import create_pool
from arq.connections import RedisSettings
from arq.worker import run_worker

from bench.peers.front import Enqueue, serve
from bench.peers.message import (
    CONNECTIONS,
    DATABASE_URL,
    INSERT_ATTEMPT,
    RECEIVER_URL,
    REDIS_SOCKET,
    TIMEOUT_S,
    signed_headers,
)

SETTINGS = RedisSettings(unix_socket_path=REDIS_SOCKET)


async def deliver(ctx: dict[str, Any], event_id: str, body: str) -> int:
    began_s = time.perf_counter()
    data = body.encode()
    answer = await ctx["session"].post(
        RECEIVER_URL, content=data, headers=signed_headers(event_id, data)
    )
    duration_ms = (time.perf_counter() - began_s) * 1000
    await ctx["pool"].execute(INSERT_ATTEMPT, event_id, answer.status_code, duration_ms)
    return int(answer.status_code)


async def startup(ctx: dict[str, Any]) -> None:
    ctx["session"] = httpx.AsyncClient(timeout=TIMEOUT_S, trust_env=False)
    ctx["pool"] = await asyncpg.create_pool(DATABASE_URL, min_size=1, max_size=CONNECTIONS)


async def shutdown(ctx: dict[str, Any]) -> None:
    await ctx["session"].aclose()
    await ctx["pool"].close()


class WorkerSettings:
    functions = (deliver,)
    on_startup = startup
    on_shutdown = shutdown
    redis_settings = SETTINGS


async def open_queue() -> Enqueue:
    redis = await create_pool(SETTINGS)

    async def enqueue(event_id: str, body: str) -> object:
        return await redis.enqueue_job("deliver", event_id, body)

    return enqueue


def main() -> None:
    if sys.argv[1] == "front":
        serve(open_queue, int(sys.argv[2]))
        return
    tuned: dict[str, Any] = {}
    if "PEER_MAX_JOBS" in os.environ:
        tuned["max_jobs"] = int(os.environ["PEER_MAX_JOBS"])
    if "PEER_POLL_S" in os.environ:
        tuned["poll_delay"] = float(os.environ["PEER_POLL_S"])
    run_worker(cast(Any, WorkerSettings), **tuned)


if __name__ == "__main__":
    main()
