"""The connection dies around COMMIT: the send is answered truthfully, and money moves once.

A small proxy stands before PostgreSQL and decides what becomes of one COMMIT.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import asyncpg
import pytest
import pytest_asyncio

from billing.till import Till
from kernel.clock import FixedClock
from store.db import Database, Transaction
from store.errors import CommitUnknown
from store.open import open_database
from tests.billing.desk import Desk, open_desk

pytestmark = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)

COMMIT = b"COMMIT\0"


@dataclass(slots=True)
class Link:
    """One client's connection to the server; nobody else reads its answers once it has a fate."""

    client: asyncio.StreamWriter
    server: asyncio.StreamWriter
    answers: asyncio.StreamReader

    def close(self) -> None:
        self.client.close()
        self.server.close()


Fate = Callable[[Link, bytes], Awaitable[None]]


@dataclass(slots=True)
class Proxy:
    """Passes everything on, but hands the next COMMIT to `fate`."""

    server_host: str
    server_port: int
    fate: Fate | None = None
    refusals: int = 0  # of the next connections
    commits: int = 0
    links: list[Link] = field(default_factory=list)
    tasks: set["asyncio.Task[None]"] = field(default_factory=set)

    async def accept(self, requests: asyncio.StreamReader, client: asyncio.StreamWriter) -> None:
        if self.refusals > 0:
            self.refusals -= 1
            client.close()
            return
        answers, server = await asyncio.open_connection(self.server_host, self.server_port)
        link = Link(client, server, answers)
        self.links.append(link)
        back = asyncio.create_task(self._answer(link))
        self.tasks.add(back)
        with contextlib.suppress(ConnectionError):
            while data := await requests.read(65_536):
                if COMMIT in data:
                    self.commits += 1
                    if self.fate is not None:
                        fate, self.fate = self.fate, None
                        back.cancel()
                        await asyncio.wait([back])
                        await fate(link, data)
                        return
                server.write(data)
        link.close()

    async def _answer(self, link: Link) -> None:
        with contextlib.suppress(ConnectionError):
            while data := await link.answers.read(65_536):
                link.client.write(data)
        link.close()


@pytest_asyncio.fixture
async def proxy(database_url: str) -> AsyncIterator[Proxy]:
    server = urlsplit(database_url)
    assert server.hostname is not None
    assert server.port is not None
    opened = Proxy(server.hostname, server.port)
    yield opened
    for link in opened.links:
        link.close()
    if opened.tasks:
        await asyncio.wait(opened.tasks)


@pytest_asyncio.fixture
async def behind(proxy: Proxy, database_url: str) -> AsyncIterator[Database]:
    """The database as it is seen through the proxy."""
    listening = await asyncio.start_server(proxy.accept, "127.0.0.1", 0)
    server = urlsplit(database_url)
    port = listening.sockets[0].getsockname()[1]
    opened = open_database(server._replace(netloc=f"{server.username}@127.0.0.1:{port}").geturl())
    yield opened
    await opened.close()
    listening.close()


@pytest_asyncio.fixture
async def desk(database: Database, behind: Database, clock: FixedClock) -> Desk:
    """An account with $10,000.00, whose till stands behind the proxy."""
    opened = await open_desk(database, clock)
    opened.till = Till(behind, clock, opened.till.rules)
    return opened


async def cut_before(link: Link, data: bytes) -> None:
    """COMMIT never reaches the server."""
    link.close()


async def cut_after(link: Link, data: bytes) -> None:
    """The server commits; its answer never reaches the client."""
    link.server.write(data)
    assert await link.answers.read(65_536)
    link.close()


async def check_that_one_send_happened(desk: Desk) -> None:
    balance = await desk.balance()
    assert balance["balance_cents"] == 1_000_000 - 1000
    assert await desk.events() == ["topup.delivered"]
    assert await desk.findings() == []
    first = desk.kept[-1]
    assert first.is_replay is False

    await desk.send(1000, key="order-1")

    again = desk.kept[-1]
    assert again.is_replay is True
    assert (again.status, again.body) == (first.status, first.body)
    assert (await desk.balance())["balance_cents"] == 1_000_000 - 1000


@pytest.mark.parametrize(("fate", "commits"), [(cut_before, 3), (cut_after, 2)])
async def test_a_cut_connection_moves_the_money_once(
    desk: Desk, proxy: Proxy, fate: Fate, commits: int
) -> None:
    proxy.fate = fate

    await desk.send(1000, key="order-1")

    # The lost one, that of the look at what became of it, and where nothing was kept the second try.
    assert proxy.commits == commits
    await check_that_one_send_happened(desk)
    await desk.till.close()


@pytest.mark.parametrize("fate", [cut_before, cut_after])
async def test_an_outage_around_commit_is_waited_out(desk: Desk, proxy: Proxy, fate: Fate) -> None:
    async def outage(link: Link, data: bytes) -> None:
        proxy.refusals = 4
        await fate(link, data)

    proxy.fate = outage

    await desk.send(1000, key="order-1")

    assert proxy.refusals == 0
    await check_that_one_send_happened(desk)
    await desk.till.close()


async def somebody_asks_what_became_of_it(url: str) -> None:
    connection = await asyncpg.connect(url, server_settings={"statement_timeout": "10s"})
    try:
        await connection.execute(
            """DO $$ BEGIN
                   WHILE NOT EXISTS (
                       SELECT FROM pg_stat_activity
                       WHERE datname = current_database() AND query LIKE '%commit_tokens%RETURNING token%'
                         AND wait_event_type = 'Lock' AND pid <> pg_backend_pid())
                   LOOP
                       PERFORM pg_stat_clear_snapshot(), pg_sleep(0.002);
                   END LOOP;
               END $$"""
        )
    finally:
        await connection.close()


@pytest.mark.parametrize("is_kept", [True, False])
async def test_a_transaction_that_is_still_open_on_the_server_is_waited_for(
    desk: Desk, proxy: Proxy, database_url: str, is_kept: bool
) -> None:
    async def late(link: Link, data: bytes) -> None:
        # The client is cut at once; the server learns the end only once it was asked about it.
        link.client.close()
        await somebody_asks_what_became_of_it(database_url)
        if is_kept:
            link.server.write(data)
            assert await link.answers.read(65_536)
        link.server.close()

    proxy.fate = late

    await desk.send(1000, key="order-1")

    await check_that_one_send_happened(desk)
    await desk.till.close()


async def test_a_whole_batch_is_resolved_by_one_look(desk: Desk, proxy: Proxy) -> None:
    await desk.send(100, key="warm")
    proxy.fate = cut_after

    await asyncio.gather(*(desk.send(1000, key=f"order-{number}") for number in range(5)))

    assert (await desk.balance())["balance_cents"] == 1_000_000 - 100 - 5000
    assert [answer.is_replay for answer in desk.kept] == [False] * 6
    assert await desk.findings() == []
    await desk.till.close()


@pytest.mark.parametrize("fate", [cut_before, cut_after])
async def test_a_batch_of_updates_alone_is_kept_or_run_again(
    desk: Desk, proxy: Proxy, fate: Fate
) -> None:
    sent = await desk.send(1000, platform="slow")
    proxy.fate = fate

    ended = await desk.hand_over(sent.topup.id, seen=0)

    row = await desk.database.read(
        lambda tx: tx.fetch_one("SELECT handed_over_at, checks_made FROM topups")
    )
    assert row is not None
    assert ended.is_mine
    assert row["handed_over_at"] is not None
    assert row["checks_made"] == 1


@pytest.mark.parametrize("fate", [cut_before, cut_after])
async def test_an_approval_whose_answer_was_lost_is_there(
    desk: Desk, proxy: Proxy, fate: Fate
) -> None:
    sent = await desk.send(1000, to="approval@sandbox.test", platform="slow")
    assert sent.approval is not None
    proxy.fate = fate

    await desk.decide(sent.topup.id, sent.approval.id, "approved")

    row = await desk.database.read(lambda tx: tx.fetch_one("SELECT status FROM approvals"))
    assert row is not None
    assert row["status"] == "approved"


async def test_a_lost_answer_to_any_commit_is_found_out(
    desk: Desk, proxy: Proxy, behind: Database
) -> None:
    proxy.fate = cut_after
    runs = 0

    async def work(tx: Transaction) -> int:
        nonlocal runs
        runs += 1
        return await tx.execute("UPDATE accounts SET name = :name", name="Changed")

    assert await behind.transaction(work) == 1
    assert runs == 1


async def test_what_is_not_durable_is_not_found_out(behind: Database, proxy: Proxy) -> None:
    proxy.fate = cut_after
    runs = 0

    async def work(tx: Transaction) -> int:
        nonlocal runs
        runs += 1
        return await tx.execute("UPDATE accounts SET name = :name", name="Changed")

    with pytest.raises(CommitUnknown):
        await behind.transaction(work, durable=False)

    assert runs == 1
