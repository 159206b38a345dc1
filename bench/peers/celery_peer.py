"""Celery with Redis and requests: one task for each delivery, a session for each process or thread.

    python -m bench.peers.celery_peer front PORT
    celery -A bench.peers.celery_peer worker -P prefork -c 8

Runs in the peers' own environment, so its libraries are not there when types are checked.
"""

import asyncio
import sys
import threading
import time

import psycopg  # type: ignore[import-not-found,unused-ignore]  # the peers' environment has it
import requests  # type: ignore[import-untyped,import-not-found,unused-ignore]  # the same
from celery import Celery  # type: ignore[import-not-found,import-untyped,unused-ignore]  # the same

from bench.peers.front import Enqueue, serve
from bench.peers.message import (
    DATABASE_URL,
    RECEIVER_URL,
    REDIS_SOCKET,
    TIMEOUT_S,
    signed_headers,
)

app = Celery("peer", broker=f"redis+socket://{REDIS_SOCKET}")
app.conf.task_ignore_result = True
app.conf.worker_hijack_root_logger = False
_local = threading.local()
_INSERT = "INSERT INTO attempts (event_id, status, duration_ms) VALUES (%s, %s, %s)"


def _deliver(event_id: str, body: str) -> None:
    if not hasattr(_local, "session"):
        _local.session = requests.Session()
        _local.session.trust_env = False
        _local.database = psycopg.connect(DATABASE_URL, autocommit=True)
    began_s = time.perf_counter()
    data = body.encode()
    headers = signed_headers(event_id, data)
    answer = _local.session.post(RECEIVER_URL, data=data, headers=headers, timeout=TIMEOUT_S)
    duration_ms = (time.perf_counter() - began_s) * 1000
    _local.database.execute(_INSERT, (event_id, answer.status_code, duration_ms))


deliver = app.task(name="deliver")(_deliver)


async def open_queue() -> Enqueue:
    async def enqueue(event_id: str, body: str) -> object:
        # Celery's producer blocks, so it stands in a thread, as its users have it in async fronts.
        return await asyncio.to_thread(deliver.delay, event_id, body)

    return enqueue


if __name__ == "__main__":
    serve(open_queue, int(sys.argv[2]))
