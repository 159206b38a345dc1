"""A database is one server at a time: an old primary is not used again, and one that lacks what was
acknowledged is refused until somebody accepts it.
"""

import asyncio
import contextlib
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from store.database import Store, Transaction
from store.errors import CannotOpen, Fault
from store.kept import commits
from store.kept.commits import AcknowledgedCommits
from store.migrate import migrate
from store.open import open_database
from store.postgresql.servers import Place, places_of
from store.servers import Position
from tests.support.postgres_server import create_database
from tests.support.programs import NO_SERVER, missing
from tests.support.replication import ReplicatedServers

on_postgresql = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)


async def put(tx: Transaction) -> None:
    await tx.insert(
        "sealed_keys", ("name", "sealed", "created_at"), [("a", b"", 0)], "ON CONFLICT DO NOTHING"
    )
    await tx.execute("UPDATE sealed_keys SET created_at = created_at + 1")


async def go_back(tx: Transaction) -> None:
    """As a server that never got what this process was answered."""
    await tx.execute("DELETE FROM commit_tokens")


async def accept(tx: Transaction) -> None:
    await commits.accept_loss(tx, now_us=1, lost_from_at=None, lost_until_at=None, reason="tried")


@contextlib.asynccontextmanager
async def opened(url: str, kept: AcknowledgedCommits | None = None) -> AsyncIterator[Store]:
    database = open_database(url, kept=kept)
    try:
        yield database
    finally:
        await database.close()


async def refusal(database: Store) -> Fault | None:
    """Why nothing can be written; None: it can."""
    try:
        await database.transaction(put)
    except CannotOpen as error:
        return error.fault
    return None


@on_postgresql
async def test_a_database_without_what_was_acknowledged_is_refused_until_it_is_accepted(
    database_url: str, tmp_path: Path
) -> None:
    async with opened(database_url, AcknowledgedCommits.open(tmp_path)) as database:
        await database.transaction(put)
    async with opened(database_url) as operator:
        await operator.transaction(go_back)

        async with opened(database_url, AcknowledgedCommits.open(tmp_path)) as after:
            before = await refusal(after)
            fault = after.servers.fault
            await operator.transaction(accept)

            assert (before, fault) == (Fault.WENT_BACK, Fault.WENT_BACK)
            assert await refusal(after) is None
            assert after.servers.fault is None

    # Also for whoever did not see the acceptance.
    async with opened(database_url, AcknowledgedCommits.open(tmp_path)) as later:
        assert await refusal(later) is None


@on_postgresql
async def test_who_heard_of_a_promotion_does_not_go_on_with_the_server_of_before(
    database_url: str,
) -> None:
    async with opened(database_url) as database:
        await database.transaction(put)
        servers = database.servers

        servers.note(servers.system, Position(0, servers.position.timeline + 1))

        assert await refusal(database) is Fault.OLD_PRIMARY


@on_postgresql
async def test_what_another_system_says_is_not_believed(database_url: str) -> None:
    async with opened(database_url) as database:
        await database.transaction(put)

        database.servers.note(database.servers.system + 1, Position(0, 1_000_000))

        assert await refusal(database) is None


@pytest.mark.parametrize(
    ("url", "places"),
    [
        ("postgresql://topup@db/topup", [Place()]),
        ("postgresql://a,b:5433/topup", [Place("a", 0), Place("b", 5433)]),
        ("postgresql://u:p%40@[::1]:1,[::2]/x?port=7", [Place("::1", 1), Place("::2", 7)]),
        ("postgresql:///topup?host=a,b&port=1,2", [Place("a", 1), Place("b", 2)]),
        ("postgresql://a:x,b/topup", [Place()]),
        ("postgresql://a,/topup", [Place()]),
    ],
)
def test_each_server_of_a_url_is_asked_by_itself(url: str, places: list[Place]) -> None:
    assert places_of(url) == places


@pytest.fixture
def pair() -> Iterator[ReplicatedServers]:
    # The user that the servers run as has to reach it, which a folder of pytest's does not let it.
    folder = Path(tempfile.mkdtemp(prefix="topup-failover-"))
    folder.chmod(0o755)
    try:
        servers = ReplicatedServers(folder, is_synchronous=False)
    except (FileNotFoundError, KeyError):
        shutil.rmtree(folder)
        missing(NO_SERVER)
    try:
        servers.start()
        yield servers
    finally:
        servers.close()
        shutil.rmtree(folder)


@pytest.mark.long
async def test_after_a_promotion_the_old_primary_is_not_written_to_again(
    pair: ReplicatedServers, tmp_path: Path
) -> None:
    await asyncio.to_thread(lambda: migrate(create_database(pair.old.url, "topup")))
    url = pair.url("topup")
    async with (
        opened(url, AcknowledgedCommits.open(tmp_path)) as database,
        opened(url) as unknowing,
    ):
        await database.transaction(put)
        await unknowing.transaction(put)
        await asyncio.to_thread(pair.stall)
        await database.transaction(put)
        # The old one lives on, as where only the network was lost.
        await asyncio.to_thread(pair.promote)

        # The new one lacks the second write, and the old one is of before the promotion.
        seen = await database.servers.check_all()
        refused = await refusal(database)
        await unknowing.servers.check_all()
        await unknowing.transaction(accept)

        assert refused is Fault.WENT_BACK
        assert [one.fault for one in sorted(seen, key=lambda one: one.position or (0, 0))] == [
            Fault.OLD_PRIMARY,
            Fault.WENT_BACK,
        ]
        assert await refusal(database) is None
    async with opened(
        pair.old.url.replace("/postgres", "/topup"), AcknowledgedCommits.open(tmp_path)
    ) as late:
        assert await refusal(late) is Fault.OLD_PRIMARY
