"""Whatever a fulfilment answers, the worker lives, others' top-ups go on, and this one ends or is
asked about again.
"""

import asyncio
import itertools
import json
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
import pytest_asyncio

from billing.fulfilment.options import checked_options
from billing.fulfilment.protocol import (
    AskedAgain,
    Delivered,
    Options,
    Outcome,
    Refused,
    Registration,
    Request,
    Supplier,
    Tools,
    Unknown,
    Waiting,
)
from billing.fulfilment.registry import discover
from billing.fulfilment.suppliers import Suppliers
from billing.topups.topup import Deliverable, TopUp, load
from kernel.clock import FixedClock
from store.database import Database, Transaction
from tests.support.funded_account import FundedAccount, open_engine, open_funded_account
from tests.support.odd_answers import CREATES, HTTP_WORDS, SEARCHES, Reply, said
from tests.support.plain_http import http_client
from tests.support.suppliers import open_suppliers
from worker.fulfilment_runner import Breakers, SupplierCall
from worker.topups import ASKED_AT_ONCE_MAX, Fulfiller

SECRET = "whsec_" + "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="
AGAIN_S = 76
TRIES = 400


class _Server(ThreadingHTTPServer):
    request_queue_size = 128  # all that the worker asks at once, before a thread takes one


class Service:
    """On loopback; `word` says what to answer to a request's method, path and body."""

    def __init__(self, word: Callable[[str, str, bytes], Reply]) -> None:
        self.word = word
        self.asked: list[tuple[str, str]] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                outer.asked.append((self.command, self.path))
                status, answer = outer.word(self.command, self.path, body)
                self.send_response(status)
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def do_GET(self) -> None:
                self.do_POST()

            def log_message(self, *_: object) -> None:
                pass

        self.server = _Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"


@contextmanager
def serving(word: Callable[[str, str, bytes], Reply]) -> Iterator[Service]:
    service = Service(word)
    thread = Thread(target=service.server.serve_forever, args=(0.01,))
    thread.start()
    yield service
    service.server.shutdown()
    service.server.server_close()
    thread.join()


@pytest_asyncio.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    async with http_client() as opened:
        yield opened


class SuppliedAccount:
    """An account whose platforms are supplied as given, and the worker's loop over its top-ups."""

    def __init__(self, account: FundedAccount, suppliers: Suppliers, breakers: Breakers) -> None:
        rules = replace(account.rules, platforms=suppliers.book)
        self.account = replace(account, engine=open_engine(account.database, account.clock, rules))
        self.suppliers = suppliers
        self.asked: list[tuple[str, str]] = []
        self.fulfiller = Fulfiller(
            account.database,
            account.clock,
            self.account.engine,
            suppliers,
            self._note,
            breakers=breakers,
        )

    def _note(self, asked: SupplierCall) -> None:
        assert 0 <= asked.duration_s < 60
        self.asked.append((asked.topup.platform, asked.outcome))

    async def send(self, platform: str, **fields: Any) -> str:
        return (await self.account.send(1000, platform=platform, **fields)).topup.id

    async def now(self, *topup_ids: str) -> list[TopUp]:
        found = await self.account.database.read(lambda tx: load(tx, topup_ids))
        return [found[one] for one in topup_ids]

    async def step(self) -> int:
        return await self.fulfiller.step()

    async def close(self) -> None:
        await self.account.engine.close()


async def supplied(
    account: FundedAccount, ways: Mapping[str, Supplier], **kinds: AskedAgain
) -> SuppliedAccount:
    """Each way as the one supplier of a platform of its name; kinds: which ways are looked at, or
    left to a person, where they gave no word.
    """
    registrations = {
        name: Registration(
            name=name,
            text="",
            options=Options,
            make=partial(_given, way),
            sample=lambda _request: Deliverable("credit"),
            asked_again=kinds.get(name, "repeat"),
        )
        for name, way in ways.items()
    }
    suppliers = await open_suppliers(account, registrations)
    # What these tests are about is beside the breaker, which has tests of its own.
    return SuppliedAccount(account, suppliers, Breakers(failures_max=10**6))


def _given(way: Supplier, _options: Options, _tools: Tools) -> Supplier:
    return way


def made(client: httpx.AsyncClient, clock: FixedClock, kind: str, **options: Any) -> Supplier:
    registration = discover()[kind]
    tools = Tools(client, clock, None, None, "odd", "staging")  # type: ignore[arg-type]
    return registration.make(checked_options(registration, options), tools)


class Answers(Supplier):
    """A supplier that does for each ask what it is told; Delivered where nothing is left."""

    def __init__(self, *outcomes: Any) -> None:
        self.left = list(outcomes)

    async def fulfil(self, request: Request) -> Outcome:
        outcome = self.left.pop(0) if self.left else Delivered()
        if isinstance(outcome, BaseException):
            raise outcome
        return outcome


async def test_whatever_a_service_answers_ends_a_top_up_clearly_or_not_at_all(
    database: Database, clock: FixedClock, client: httpx.AsyncClient
) -> None:
    words: dict[str, Reply] = {}

    def word(_method: str, _path: str, body: bytes) -> Reply:
        return words.get(json.loads(body)["transaction_id"], said({"status": "delivered"}))

    with serving(word) as service:
        odd = made(client, clock, "http", url=service.url, secret=SECRET)
        known = await supplied(
            await open_funded_account(database, clock), {"odd": odd, "sound": Answers()}
        )
        ids = [await known.send("odd") for _ in HTTP_WORDS]
        words.update(zip(ids, (reply for reply, _ in HTTP_WORDS), strict=True))
        sound = await known.send("sound")

        assert await known.step() == len(HTTP_WORDS) + 1
        first = await known.now(*ids)
        words.clear()
        clock.advance_s(AGAIN_S)
        await known.step()
        later = await known.now(*ids)

    for topup, (reply, expected) in zip(first, HTTP_WORDS, strict=True):
        assert topup.status == expected, (reply[1][:80], topup.failure_reason)
        if expected == "pending":
            assert topup.next_check_at == clock.now_us() - 1_000_000  # 75 s after the first ask
        if expected == "failed":
            assert 1 <= len(topup.failure_reason or "") <= 200
    assert {one.status for one in later} == {"delivered", "failed"}
    assert [one.status for one in await known.now(sound)] == ["delivered"]
    assert known.asked.count(("sound", "delivered")) == 1
    assert {outcome for _, outcome in known.asked} == {
        "delivered",
        "refused",
        "unknown",
        "waiting",
    }
    assert await known.account.findings() == []
    await known.close()


async def test_whatever_new_api_answers_one_code_is_made_and_given(
    database: Database, clock: FixedClock, client: httpx.AsyncClient
) -> None:
    creates: dict[str, Reply] = {}
    searches: dict[str, Reply] = {}

    def word(method: str, path: str, body: bytes) -> Reply:
        if method == "GET":
            name = parse_qs(urlsplit(path).query)["keyword"][0]
            return searches.get(name, said({"success": True, "data": {"items": None}}))
        name = json.loads(body)["name"]
        return creates.pop(name, said({"success": True, "data": [f"code-of-{name}"]}))

    with serving(word) as service:
        options = {"base_url": service.url, "access_token": "token", "user_id": 1}
        odd = made(client, clock, "new_api", **options)
        known = await supplied(await open_funded_account(database, clock), {"odd": odd}, odd="look")
        ids = [await known.send("odd") for _ in CREATES]
        creates.update(zip(ids, (reply for reply, _ in CREATES), strict=True))
        await known.step()
        first = await known.now(*ids)

        open_ids = [one.id for one in first if one.status == "pending"]
        assert len(open_ids) > len(SEARCHES)
        searches.update(zip(open_ids, itertools.cycle(SEARCHES), strict=False))
        service.asked.clear()
        clock.advance_s(AGAIN_S)
        await known.step()
        second = await known.now(*open_ids)
        assert {method for method, _ in service.asked} == {"GET"}

        searches.clear()
        clock.advance_s(AGAIN_S * 2)
        await known.step()
        last = await known.now(*open_ids)

    for topup, (reply, expected) in zip(first, CREATES, strict=True):
        assert topup.status == expected, reply
    assert {one.status for one in second} == {"pending"}
    codes = known.account.rules.codes
    given = [codes.issued(one.id, one.fulfilment_code) for one in last]
    assert given == [f"code-of-{one.id}" for one in last]
    assert await known.account.findings() == []
    await known.close()


@pytest.mark.parametrize(
    "outcome",
    [
        TypeError("'int' object is not iterable"),
        RecursionError(),
        MemoryError(),
        asyncio.CancelledError(),
        None,
        5,
        "delivered",
        Delivered,
        Delivered(5),  # type: ignore[arg-type]
        Delivered(Deliverable("code", "c0\0de")),
        Delivered(Deliverable("code", "\ud800")),
        Delivered(Deliverable("code", "x" * 2_001)),
        Delivered(Deliverable("code")),
        Delivered(Deliverable("credit", "c0de")),
        Delivered(cost_cents=-1),
        Delivered(left="x" * 2_001),
        Refused(None),  # type: ignore[arg-type]
        Unknown("\ud800\0" * 9_999),
    ],
)
@pytest.mark.sampled(3)
async def test_a_way_that_breaks_its_promise_is_asked_again(
    database: Database, clock: FixedClock, outcome: Any
) -> None:
    known = await supplied(
        await open_funded_account(database, clock), {"odd": Answers(outcome), "sound": Answers()}
    )
    ids = [await known.send("odd"), await known.send("sound")]

    await known.step()
    first = [one.status for one in await known.now(*ids)]
    clock.advance_s(AGAIN_S)
    # A task that gave itself up waits a second by the machine's own clock.
    for _ in range(TRIES):
        await known.step()
        if (await known.now(ids[0]))[0].status == "delivered":
            break
        await asyncio.sleep(0.01)

    assert first == ["pending", "delivered"]
    assert [one.status for one in await known.now(*ids)] == ["delivered", "delivered"]
    await known.close()


class Silent(Supplier):
    """A supplier that never comes back."""

    def __init__(self) -> None:
        self.asked = 0

    async def fulfil(self, request: Request) -> Outcome:
        self.asked += 1
        await asyncio.Event().wait()
        raise AssertionError("nothing wakes it")


async def test_a_platform_that_never_answers_delays_its_own_top_ups_only(
    database: Database, clock: FixedClock
) -> None:
    silent = Silent()
    known = await supplied(
        await open_funded_account(database, clock), {"silent": silent, "sound": Answers()}
    )
    for _ in range(80):
        await known.send("silent")
    running = asyncio.create_task(known.fulfiller.run())
    for _ in range(TRIES):
        if silent.asked == ASKED_AT_ONCE_MAX:
            break
        await asyncio.sleep(0.01)

    sound = await known.send("sound")
    known.fulfiller.wake()

    for _ in range(TRIES):
        if (await known.now(sound))[0].status == "delivered":
            break
        await asyncio.sleep(0.01)
    assert (await known.now(sound))[0].status == "delivered"
    assert silent.asked == ASKED_AT_ONCE_MAX
    assert not running.done()
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    await known.close()


async def test_rows_that_nothing_can_be_done_with_keep_none_behind_them_waiting(
    database: Database, clock: FixedClock, caplog: pytest.LogCaptureFixture
) -> None:
    known = await supplied(await open_funded_account(database, clock), {"sound": Answers()})
    broken = [await known.send("sound") for _ in range(70)]

    async def spoil(tx: Transaction) -> None:
        await tx.execute("UPDATE topups SET metadata = '{' WHERE id IN :ids[text]", ids=broken)

    await database.transaction(spoil)
    clock.advance_s(1)
    behind = await known.send("sound")

    await known.step()

    assert (await known.now(behind))[0].status == "delivered"
    told = [one for one in caplog.records if one.message == "fulfilment.broke"]
    assert {one.__dict__["fields"]["transaction_id"] for one in told} == set(broken)
    await known.close()


@pytest.mark.parametrize("outcome", [Unknown("HTTP 502"), Waiting()])
async def test_what_nobody_ends_for_a_day_is_told_to_the_operator(
    database: Database, clock: FixedClock, caplog: pytest.LogCaptureFixture, outcome: Outcome
) -> None:
    known = await supplied(
        await open_funded_account(database, clock), {"odd": Answers(outcome, outcome)}
    )
    topup_id = await known.send("odd")
    await known.step()
    assert "fulfilment.overdue" not in [one.message for one in caplog.records]

    clock.advance_s(86_401)
    await known.step()

    overdue = [one for one in caplog.records if one.message == "fulfilment.overdue"]
    assert [one.levelname for one in overdue] == ["ERROR"]
    assert overdue[0].__dict__["fields"]["transaction_id"] == topup_id
    await known.close()
