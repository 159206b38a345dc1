"""What a failover loses: the primary is killed and its standby promoted, under load.

    python -m bench.failover [--only synchronous|asynchronous] [--seed N]

Two gateways and a worker go by a URL of both servers. Tenants send while the primary gets kill -9 and the
standby is promoted; then the old primary starts again, as nobody had fenced it, and sends go on.

    synchronous   the standby has what was acknowledged: no acknowledged send may be without its row
    asynchronous  the standby's connection is cut two seconds before: what was acknowledged since is
                  lost, every process refuses to serve, and serves again once an operator accepts it

Exit 1 where a send is acknowledged without a row (synchronous), nobody refuses (asynchronous), or the
old primary acknowledges anything after the promotion (both).
"""

import argparse
import asyncio
import contextlib
import json
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import httpx

from bench.scene import HMAC_ALONE, merchant, show
from tests.support.installation import Installation
from tests.support.postgres_server import asked_on_server, create_database
from tests.support.receiver import Receiver
from tests.support.replication import ReplicatedServers
from tests.support.senders import Senders

KINDS: Final = ("synchronous", "asynchronous")
CLIENTS: Final = 8
BEFORE_S: Final = 2.0
LAG_S: Final = 2.0
AFTER_S: Final = 5.0
ANSWER_S_MAX: Final = 2.0
REFUSED_S_MAX: Final = 30.0
HEADER: Final = (
    "standby",
    "acknowledged",
    "without row",
    "found by the log",
    "refused",
    "until served again",
    "on the old one after",
    "",
)


@dataclass(frozen=True)
class Failover:
    """lost_known: how many `topup database lost` found. on_old: rows that the old primary got after the
    promotion. dark_s: from the kill, or the acceptance, to the next acknowledged send.
    """

    kind: str
    acknowledged: int
    without_row: int
    lost_known: int
    is_refused: bool
    dark_s: float
    on_old: int

    @property
    def is_kept(self) -> bool:
        if self.kind == "synchronous":
            return not (self.without_row or self.is_refused or self.on_old) and self.dark_s > 0
        return self.is_refused and self.lost_known == self.without_row and not self.on_old


async def judge(folder: Path, kind: str, seed: int) -> Failover:
    """One failover, from nothing to its verdict."""
    servers = ReplicatedServers(folder, is_synchronous=kind == "synchronous")
    with contextlib.ExitStack() as stack:
        stack.callback(servers.close)
        await asyncio.to_thread(servers.start)
        create_database(servers.old.url, "topup")
        installation = stack.enter_context(
            Installation(folder / "data", servers.old.url.replace("/postgres", "/topup"))
        )
        await asyncio.to_thread(installation.migrate)
        installation.env["TOPUP_DATABASE_URL"] = servers.url("topup")
        await asyncio.to_thread(installation.start, gateways=2, workers=1)
        async with _sending(installation, seed) as senders:
            return await _struck(servers, installation, senders, kind)


@contextlib.asynccontextmanager
async def _sending(installation: Installation, seed: int) -> AsyncIterator[Senders]:
    async with Receiver() as receiver, merchant(installation, receiver, **HMAC_ALONE) as (key, _):
        urls = [gateway.url for gateway in installation.gateways]
        senders = Senders(
            urls, key, seed=seed, pause_s=0.02, answer_s_max=ANSWER_S_MAX, patience_s=40
        )
        async with senders.sending(CLIENTS, sends_max=1_000_000):
            await asyncio.sleep(BEFORE_S)
            yield senders
            senders.is_stopping = True


async def _struck(
    servers: ReplicatedServers, installation: Installation, senders: Senders, kind: str
) -> Failover:
    is_refused = False
    if kind == "asynchronous":
        await asyncio.to_thread(servers.stall)
        await asyncio.sleep(LAG_S)
    killed_s = time.perf_counter()
    await asyncio.to_thread(servers.fail_over)
    # What this process reads itself is on the new one from here on.
    installation.database_url = servers.new.url.replace("/postgres", "/topup")
    without = await _without_row(installation, senders)
    lost_known = 0
    if kind == "asynchronous":
        is_refused = await _all_refuse(installation)
        lost_known = await _found_by_the_log(installation)
        killed_s = time.perf_counter()
        done = await asyncio.to_thread(
            installation.run, "database", "accept-loss", "--reason", "bench"
        )
        print(done.stdout, done.stderr, flush=True)
    dark_s = await _served_again(senders, killed_s)
    await asyncio.to_thread(servers.old.start)
    old_url = servers.old.url.replace("/postgres", "/topup")
    before = asked_on_server(old_url, "SELECT COUNT(*) FROM topups")
    await asyncio.sleep(AFTER_S)
    senders.is_stopping = True
    await asyncio.sleep(1)
    after = asked_on_server(old_url, "SELECT COUNT(*) FROM topups")
    missing = await _without_row(installation, senders)
    done = await asyncio.to_thread(installation.run, "doctor")
    print(done.stdout, flush=True)
    return Failover(
        kind,
        acknowledged=len(senders.acknowledged),
        without_row=max(missing, without),
        lost_known=lost_known,
        is_refused=is_refused,
        dark_s=dark_s,
        on_old=after - before,
    )


async def _without_row(installation: Installation, senders: Senders) -> int:
    acknowledged = dict(senders.acknowledged)
    kept = {row[0] for row in await installation.fetch("SELECT id FROM topups")}
    return sum(id_ not in kept for id_ in acknowledged.values())


async def _all_refuse(installation: Installation) -> bool:
    """Whether each gateway says in time that the database went back."""
    waiting = {gateway.url for gateway in installation.gateways}
    until_s = time.perf_counter() + REFUSED_S_MAX
    async with httpx.AsyncClient(trust_env=False, timeout=10) as http:
        while waiting and time.perf_counter() < until_s:
            for url in tuple(waiting):
                answer = await http.get(url + "/readyz")
                if answer.json()["checks"]["database"] == "went_back":
                    waiting.discard(url)
            await asyncio.sleep(0.2)
    return not waiting


async def _found_by_the_log(installation: Installation) -> int:
    """How many acknowledged sends `topup database lost` finds, against the new primary alone."""
    logs = [str(gateway.log_path) for gateway in installation.gateways]
    done = await asyncio.to_thread(
        installation.run,
        "database",
        "lost",
        "--json",
        *logs,
        database_url=installation.database_url,
        data_dir=str(installation.data_dir / "elsewhere"),
    )
    return len(json.loads(done.stdout)["items"])


async def _served_again(senders: Senders, since_s: float) -> float:
    """Seconds until the next send is acknowledged; 0: none in time."""
    count = len(senders.acknowledged)
    while time.perf_counter() - since_s < REFUSED_S_MAX:
        if len(senders.acknowledged) > count:
            return time.perf_counter() - since_s
        await asyncio.sleep(0.01)
    return 0.0


def run(kind: str, seed: int) -> Failover:
    """In a folder that PostgreSQL's user can reach, of which nothing is left."""
    with tempfile.TemporaryDirectory(prefix="topup-failover-") as name:
        Path(name).chmod(0o755)
        return asyncio.run(judge(Path(name), kind, seed))


def row_of(verdict: Failover) -> list[object]:
    """The verdict as a row of the table."""
    return [
        verdict.kind,
        verdict.acknowledged,
        verdict.without_row,
        verdict.lost_known if verdict.kind == "asynchronous" else "-",
        "yes" if verdict.is_refused else "no",
        f"{verdict.dark_s:.1f} s" if verdict.dark_s else "never",
        verdict.on_old,
        "kept" if verdict.is_kept else "BEYOND",
    ]


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        prog="python -m bench.failover",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--only", choices=KINDS)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args(arguments)
    verdicts = [run(kind, given.seed) for kind in KINDS if given.only in {None, kind}]
    show(
        "Primary killed, standby promoted, the old one started again",
        HEADER,
        list(map(row_of, verdicts)),
    )
    sys.exit(0 if all(verdict.is_kept for verdict in verdicts) else 1)


if __name__ == "__main__":
    main()
