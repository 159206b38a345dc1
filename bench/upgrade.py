"""What an upgrade under load loses: the release before serves, this tree migrates and takes over.

    python -m bench.upgrade FOLDER [--seed N]

FOLDER holds the release before, with a .venv of its own: `make old-code` leaves it in .old-code/. While this tree has
no migration since then, a made one that only adds stands for the next (tests/support/next_release.py). On a PostgreSQL of its own eight clients send without a pause of more than 20 ms while

    old       two gateways and a worker of the release before run on the schema that it made
    migrated  `topup migrate` of this tree runs; the old processes go on
    both      a gateway and a worker of this tree run beside them
    new       those of the release before were stopped
    back      those of the release before were started again, and this tree's stopped

Exit 1 where an acknowledged send has no row, its event did not come or came twice, a caller gave up, or
an audit finds anything, by this tree or by the release before.
"""

import argparse
import asyncio
import contextlib
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from bench.scene import merchant, show
from tests.support.installation import ROOT, Installation
from tests.support.next_release import make_next_release, newest_migration
from tests.support.postgres_server import OwnServer, create_database
from tests.support.receiver import Receiver
from tests.support.senders import Senders, tally

CLIENTS: Final = 8
PART_S: Final = 5.0
ANSWER_S_MAX: Final = 5.0
PATIENCE_S: Final = 40.0
DRAINED_S_MAX: Final = 60.0
PAUSE_S: Final = 0.2
HEADER: Final = ("while", "sends acknowledged", "longest wait")


class Upgrade:
    """Both releases on one database, and the clients between them."""

    def __init__(
        self, old: Installation, new: Installation, migration: Sequence[str], senders: Senders
    ) -> None:
        self._old = old
        self._new = new
        self._migration = migration
        self._senders = senders
        self.rows: list[tuple[str, int, str]] = []
        # How many sends and waits the parts before this one had.
        self._sends = self._waits = 0

    async def run(self) -> None:
        """Each part in turn; the clients never stop in between."""
        await self._part("old")
        began_s = time.perf_counter()
        await asyncio.to_thread(self._migrate)
        print(f"migrated in {time.perf_counter() - began_s:.1f} s to {await self._schema()}")
        await self._part("migrated")
        await asyncio.to_thread(self._new.start, with_redis=False)
        self._ask(self._old, self._new)
        await self._part("both")
        self._ask(self._new)
        await asyncio.to_thread(_stop, self._old)
        await self._part("new")
        await asyncio.to_thread(_start_again, self._old)
        self._ask(self._old)
        await asyncio.to_thread(_stop, self._new)
        await self._part("back")

    def _migrate(self) -> None:
        subprocess.run(self._migration, env=self._new.env, check=True, capture_output=True)

    async def _schema(self) -> str:
        [row] = await self._new.fetch("SELECT version_num FROM alembic_version")
        return str(row[0])

    def _ask(self, *installations: Installation) -> None:
        """Whom the clients send to from now on."""
        self._senders.urls = [one.url for each in installations for one in each.gateways]

    async def _part(self, name: str) -> None:
        """PART_S more; its row tells of all since the part before, the change itself included."""
        await asyncio.sleep(PART_S)
        waits = self._senders.waits[self._waits :]
        longest_s = max((ended_s - began_s for began_s, ended_s in waits), default=0)
        count = len(self._senders.acknowledged) - self._sends
        self.rows.append((name, count, f"{longest_s * 1000:.0f} ms"))
        self._sends, self._waits = self._sends + count, self._waits + len(waits)


def _stop(installation: Installation) -> None:
    """As an operator does: SIGTERM, and what is in flight ends."""
    for program in (*installation.gateways, *installation.workers):
        program.stop()


def _start_again(installation: Installation) -> None:
    programs = [*installation.gateways, *installation.workers]
    for program in programs:
        program.start()
    for program in programs:
        program.wait_ready()


async def judge(folder: Path, old_code: Path, seed: int) -> list[str]:
    """One upgrade, from nothing to what is wrong with it."""
    server = OwnServer(folder)
    with contextlib.ExitStack() as stack:
        stack.callback(server.close)
        await asyncio.to_thread(server.create)
        await asyncio.to_thread(server.start)
        url = create_database(server.url, "topup")
        new = stack.enter_context(Installation(folder / "new", url, platforms="[]"))
        old = stack.enter_context(Installation(folder / "old", url, platforms="[]"))
        old.topup = (str(old_code / ".venv/bin/python"), "-P", "-m", "cli")
        old.env["PYTHONPATH"] = str(old_code)
        new.env["TOPUP_REDIS_URL"] = old.env["TOPUP_REDIS_URL"]
        print((await asyncio.to_thread(old.run, "migrate")).stdout, flush=True)
        await asyncio.to_thread(old.start, gateways=2)
        async with Receiver() as receiver, merchant(old, receiver) as (key, _):
            senders = Senders(
                [gateway.url for gateway in old.gateways],
                key,
                seed=seed,
                pause_s=0.02,
                answer_s_max=ANSWER_S_MAX,
                patience_s=PATIENCE_S,
            )
            migration = (*new.topup, "migrate")
            if newest_migration(old_code) == newest_migration(ROOT):
                migration = (str(make_next_release(folder / "next")), "migrate")
            upgrade = Upgrade(old, new, migration, senders)
            async with senders.sending(CLIENTS, sends_max=1_000_000):
                await upgrade.run()
                senders.is_stopping = True
            show("Upgrade under load, and back", HEADER, upgrade.rows)
            return await _wrong(old, new, senders, receiver)


async def _wrong(
    old: Installation, new: Installation, senders: Senders, receiver: Receiver
) -> list[str]:
    ids = list(senders.acknowledged.values())
    kept = {row[0] for row in await new.fetch("SELECT id FROM topups WHERE status = 'delivered'")}
    found = {"without a delivered row": sum(id_ not in kept for id_ in ids)}
    for _ in range(round(DRAINED_S_MAX / PAUSE_S)):
        if not tally(ids, receiver.received).never_tried:
            break
        await asyncio.sleep(PAUSE_S)
    told = tally(ids, receiver.received)
    found |= {"whose event did not come": told.never_tried, "told twice": told.duplicated}
    found |= {"given up": senders.given_up, "rows of nobody": len(kept - set(ids))}
    print(f"\n{len(ids)} acknowledged: {found}; answers {dict(senders.statuses)}")
    for name, installation in (("this tree", new), ("the release before", old)):
        done = await asyncio.to_thread(installation.run, "audit")
        print(f"audit by {name}: {done.stdout.strip()} {done.stderr.strip()}")
        found[f"audit by {name}"] = done.returncode
    return [f"{name}: {count}" for name, count in found.items() if count]


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        prog="python -m bench.upgrade",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("folder", type=Path, help="the release before, with its .venv")
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args(arguments)
    # PostgreSQL's own user has to reach it.
    with tempfile.TemporaryDirectory(prefix="topup-upgrade-") as name:
        Path(name).chmod(0o755)
        wrong = asyncio.run(judge(Path(name), given.folder.resolve(), given.seed))
    print("; ".join(wrong) or "nothing was lost, nothing came twice")
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
