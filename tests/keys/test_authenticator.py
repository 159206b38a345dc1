"""The cache in front of the database: prompt, coalesced, and closed when in doubt."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any

import pytest

from kernel.clock import FixedClock
from kernel.errors import Unavailable
from keys import access_token, api_key, token_format
from keys.account import create_account, get_account
from keys.api_key import ApiKey, NewKey
from keys.authenticator import Authenticator, CredentialEnded, InvalidCredential, Limits
from keys.principal import ACCOUNT_SCOPES, Principal
from store.db import Database, T, Work
from store.errors import ConnectionLost, StoreError


class Gate:
    """A database whose reads can be held back or made to fail, as an outage does."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.statements_run = 0
        self.is_open = asyncio.Event()
        self.is_open.set()
        self.has_read = asyncio.Event()
        self.is_down = False
        self.reads = 0

    async def read(self, work: Work[T]) -> T:
        self.reads += 1
        if self.is_down:
            raise ConnectionLost("down")
        value = await self._database.read(work)
        self.has_read.set()
        await self.is_open.wait()
        return value

    async def transaction(self, work: Work[T], *, durable: bool = True) -> T:
        if self.is_down:
            raise ConnectionLost("down")
        return await self._database.transaction(work, durable=durable)

    async def close(self) -> None:
        await self._database.close()


class Bench:
    """An account, an authenticator over the gate, and a clock that both stand on."""

    def __init__(self, database: Database, clock: FixedClock, account_id: str) -> None:
        self.database = database
        self.clock = clock
        self.account_id = account_id
        self.gate = Gate(database)
        self.authenticator = Authenticator(self.gate, clock)

    def limit(self, **limits: Any) -> None:
        """The same with other limits; to be called before anything is authenticated."""
        self.authenticator = Authenticator(self.gate, self.clock, Limits(**limits))

    async def mint(self, *, by: Principal | None = None, **fields: Any) -> tuple[ApiKey, str]:
        return await self.database.transaction(
            lambda tx: api_key.mint(
                tx,
                account_id=self.account_id,
                environment="staging",
                parent=by,
                new=NewKey(name="key", scopes=ACCOUNT_SCOPES, **fields),
                now_us=self.clock.now_us(),
            )
        )

    async def revoke(self, key_id: str) -> None:
        await self.database.transaction(
            lambda tx: api_key.revoke(
                tx, (self.account_id, "staging"), key_id, asker=None, now_us=self.clock.now_us()
            )
        )

    async def last_used_at(self, key_id: str) -> int | None:
        key = await self.database.read(
            lambda tx: api_key.get(tx, (self.account_id, "staging"), key_id)
        )
        return key.last_used_at


@pytest.fixture
async def bench(database: Database, clock: FixedClock) -> AsyncIterator[Bench]:
    account_id = await database.transaction(
        lambda tx: create_account(tx, name="Shop", email=None, now_us=clock.now_us())
    )
    bench = Bench(database, clock, account_id)
    yield bench
    bench.gate.is_down = False
    bench.gate.is_open.set()
    await bench.authenticator.close()


async def settle() -> None:
    """Lets every task run as far as it can without the database."""
    for _ in range(20):
        await asyncio.sleep(0)


async def queries_done(bench: Bench) -> None:
    """Waits until no query of the authenticator is under way."""
    while bench.authenticator._query is not None and not bench.authenticator._query.done():
        await asyncio.wait([bench.authenticator._query])


async def test_a_key_is_loaded_once_and_then_known(bench: Bench) -> None:
    key, secret = await bench.mint()

    assert bench.authenticator.authenticate_now(secret) is None
    loaded = await bench.authenticator.authenticate(secret)

    assert loaded.key_id == key.id
    assert bench.authenticator.authenticate_now(secret) is loaded
    assert await bench.authenticator.authenticate(secret) is loaded
    assert bench.gate.reads == 1


async def test_tokens_are_known_like_keys(bench: Bench) -> None:
    _, secret = await bench.database.transaction(
        lambda tx: access_token.create(
            tx,
            kind="operator",
            account_id=bench.account_id,
            environment="live",
            name="ops",
            maker=None,
            now_us=bench.clock.now_us(),
        )
    )

    found = await bench.authenticator.authenticate(secret)

    assert (found.kind, found.environment) == ("operator_token", "live")


@pytest.mark.parametrize(
    "text", ["", "ak_live_x", "ak_staging_" + "0" * 32, "\x00", "\ud800", "x" * 10_000_000]
)
async def test_what_cannot_be_a_token_is_refused_without_a_look_up(bench: Bench, text: str) -> None:
    with pytest.raises(InvalidCredential):
        bench.authenticator.authenticate_now(text)
    with pytest.raises(InvalidCredential) as refused:
        await bench.authenticator.authenticate(text)

    assert bench.gate.reads == 0
    assert text == "" or text not in str(refused.value)


async def test_an_unknown_token_is_looked_up_once_in_a_while(bench: Bench) -> None:
    unknown = token_format.new_api_key("staging")

    for _ in range(3):
        with pytest.raises(InvalidCredential):
            await bench.authenticator.authenticate(unknown)
    assert bench.gate.reads == 1

    bench.clock.advance_s(0.5)
    with pytest.raises(InvalidCredential):
        await bench.authenticator.authenticate(unknown)
    assert bench.gate.reads == 2


async def test_a_fresh_key_works_at_once(bench: Bench) -> None:
    with suppress(InvalidCredential):
        await bench.authenticator.authenticate(token_format.new_api_key("staging"))

    _, secret = await bench.mint()

    await bench.authenticator.authenticate(secret)


async def test_an_entry_lives_half_a_second_to_the_microsecond(bench: Bench) -> None:
    _, secret = await bench.mint()
    await bench.authenticator.authenticate(secret)
    bench.gate.is_down = True

    bench.clock.advance_s(0.499999)
    assert bench.authenticator.authenticate_now(secret) is not None
    bench.clock.advance_s(0.000001)
    assert bench.authenticator.authenticate_now(secret) is None


async def test_an_entrys_life_counts_from_the_begin_of_its_read(bench: Bench) -> None:
    _, secret = await bench.mint()
    bench.gate.is_open.clear()
    waiting = asyncio.create_task(bench.authenticator.authenticate(secret))
    await bench.gate.has_read.wait()

    bench.clock.advance_s(0.3)
    bench.gate.is_open.set()
    await waiting

    bench.gate.is_down = True
    bench.clock.advance_s(0.199999)
    assert bench.authenticator.authenticate_now(secret) is not None
    bench.clock.advance_s(0.000001)
    assert bench.authenticator.authenticate_now(secret) is None


async def test_a_clock_set_back_makes_no_entry_live_longer(bench: Bench) -> None:
    _, secret = await bench.mint()
    await bench.authenticator.authenticate(secret)

    bench.clock.advance_s(-0.001)

    assert bench.authenticator.authenticate_now(secret) is None
    await bench.authenticator.authenticate(secret)


async def test_a_revoked_grandparent_stops_the_grandchild_within_the_cache_life(
    bench: Bench,
) -> None:
    root, root_secret = await bench.mint()
    _, child_secret = await bench.mint(by=await bench.authenticator.authenticate(root_secret))
    _, secret = await bench.mint(by=await bench.authenticator.authenticate(child_secret))
    await bench.authenticator.authenticate(secret)

    await bench.revoke(root.id)
    bench.clock.advance_s(0.5)

    for each in (secret, child_secret, root_secret):
        with pytest.raises(CredentialEnded) as ended:
            await bench.authenticator.authenticate(each)
        assert ended.value.reason == "revoked"
        # And from then on without a look-up.
        with pytest.raises(CredentialEnded):
            bench.authenticator.authenticate_now(each)


async def test_a_busy_key_is_stopped_as_soon_as_its_refresh_is_read(bench: Bench) -> None:
    key, secret = await bench.mint()
    await bench.authenticator.authenticate(secret)
    await bench.revoke(key.id)

    bench.clock.advance_s(0.3)
    assert bench.authenticator.authenticate_now(secret) is not None
    await queries_done(bench)

    with pytest.raises(CredentialEnded):
        bench.authenticator.authenticate_now(secret)


async def test_every_process_stops_a_revoked_key(bench: Bench) -> None:
    key, secret = await bench.mint()
    other = Authenticator(bench.database, bench.clock)
    await bench.authenticator.authenticate(secret)
    await other.authenticate(secret)

    await bench.revoke(key.id)
    bench.clock.advance_s(0.5)

    for process in (bench.authenticator, other):
        with pytest.raises(CredentialEnded):
            await process.authenticate(secret)
    await other.close()


async def test_a_known_end_is_kept_to_the_microsecond(bench: Bench) -> None:
    _, secret = await bench.mint(expires_at=bench.clock.now_us() + 200_000)
    await bench.authenticator.authenticate(secret)

    bench.clock.advance_s(0.199999)
    assert bench.authenticator.authenticate_now(secret) is not None
    bench.clock.advance_s(0.000001)
    with pytest.raises(CredentialEnded) as ended:
        bench.authenticator.authenticate_now(secret)
    assert ended.value.reason == "expired"


async def test_a_rotated_secret_ends_with_its_overlap(bench: Bench) -> None:
    key, old = await bench.mint()
    _, new = await bench.database.transaction(
        lambda tx: api_key.rotate(
            tx,
            (bench.account_id, "staging"),
            key.id,
            overlap_s=1,
            asker=None,
            now_us=bench.clock.now_us(),
        )
    )
    bench.clock.advance_s(0.9)
    await bench.authenticator.authenticate(old)

    bench.clock.advance_s(0.099999)
    assert bench.authenticator.authenticate_now(old) is not None
    bench.clock.advance_s(0.000001)
    with pytest.raises(CredentialEnded):
        bench.authenticator.authenticate_now(old)
    assert (await bench.authenticator.authenticate(new)).key_id == key.id


async def test_a_busy_key_never_waits_for_the_database(bench: Bench) -> None:
    _, secret = await bench.mint()
    await bench.authenticator.authenticate(secret)

    for _ in range(100):
        bench.clock.advance_s(0.05)
        assert bench.authenticator.authenticate_now(secret) is not None
        await queries_done(bench)

    # 5 seconds at one refresh every 0.3.
    assert 15 <= bench.gate.reads <= 18


async def test_many_busy_keys_are_refreshed_by_the_same_few_queries(bench: Bench) -> None:
    secrets = [(await bench.mint())[1] for _ in range(20)]
    for secret in secrets:
        # Loaded one by one, so that their ages differ.
        await bench.authenticator.authenticate(secret)
        bench.clock.advance_s(0.01)
    before = bench.gate.reads

    for _ in range(100):
        bench.clock.advance_s(0.05)
        for secret in secrets:
            assert bench.authenticator.authenticate_now(secret) is not None
        await queries_done(bench)

    assert bench.gate.reads - before <= 30


async def test_requests_at_once_share_one_query(bench: Bench) -> None:
    secrets = [(await bench.mint())[1] for _ in range(10)]

    found = await asyncio.gather(
        *(bench.authenticator.authenticate(secret) for secret in secrets * 20)
    )

    assert len({principal.key_id for principal in found}) == 10
    assert bench.gate.reads == 1


async def test_requests_during_a_query_gather_for_the_next(bench: Bench) -> None:
    _, first = await bench.mint()
    others = [(await bench.mint())[1] for _ in range(5)]
    bench.gate.is_open.clear()
    leading = asyncio.create_task(bench.authenticator.authenticate(first))
    await bench.gate.has_read.wait()

    following = [
        asyncio.create_task(bench.authenticator.authenticate(secret))
        for secret in [first, *others] * 3
    ]
    await settle()
    assert bench.gate.reads == 1
    bench.gate.is_open.set()
    await asyncio.gather(leading, *following)

    assert bench.gate.reads == 2


async def test_an_answer_older_than_the_cache_life_serves_no_later_request(bench: Bench) -> None:
    key, secret = await bench.mint()
    bench.gate.is_open.clear()
    early = asyncio.create_task(bench.authenticator.authenticate(secret))
    # The read is done but its answer is on the way: the snapshot is from before the revocation.
    await bench.gate.has_read.wait()

    await bench.revoke(key.id)
    late = asyncio.create_task(bench.authenticator.authenticate(secret))
    await settle()
    bench.clock.advance_s(0.5)
    bench.gate.is_open.set()

    assert (await early).key_id == key.id
    with pytest.raises(CredentialEnded):
        await late


async def test_a_request_that_goes_away_does_not_stop_the_others(bench: Bench) -> None:
    _, secret = await bench.mint()
    bench.gate.is_open.clear()
    leaving = asyncio.create_task(bench.authenticator.authenticate(secret))
    staying = asyncio.create_task(bench.authenticator.authenticate(secret))
    await settle()

    leaving.cancel()
    await settle()
    bench.gate.is_open.set()

    assert (await staying).environment == "staging"
    with pytest.raises(asyncio.CancelledError):
        await leaving


async def test_an_outage_closes_the_door_and_its_end_opens_it(bench: Bench) -> None:
    _, secret = await bench.mint()
    await bench.authenticator.authenticate(secret)

    bench.gate.is_down = True
    bench.clock.advance_s(0.4)
    # Still fresh: answered, while the refresh that it asked for fails unseen.
    assert bench.authenticator.authenticate_now(secret) is not None
    await queries_done(bench)
    bench.clock.advance_s(0.1)
    for _ in range(2):
        with pytest.raises(StoreError):
            await bench.authenticator.authenticate(secret)

    bench.gate.is_down = False
    await bench.authenticator.authenticate(secret)


async def test_made_up_tokens_push_no_real_key_out(bench: Bench) -> None:
    bench.limit(unknown_max=3, entries_max=2)
    _, secret = await bench.mint()
    await bench.authenticator.authenticate(secret)

    for _ in range(10):
        with pytest.raises(InvalidCredential):
            await bench.authenticator.authenticate(token_format.new_api_key("staging"))

    assert bench.authenticator.authenticate_now(secret) is not None
    assert len(bench.authenticator._unknown) == 3
    for _ in range(3):
        await bench.authenticator.authenticate((await bench.mint())[1])
    assert len(bench.authenticator._entries) == 2
    assert bench.authenticator.authenticate_now(secret) is None


async def test_too_many_waiting_are_turned_away(bench: Bench) -> None:
    bench.limit(waiting_max=2)
    bench.gate.is_open.clear()
    tasks = []
    for _ in range(4):
        secret = (await bench.mint())[1]
        tasks.append(asyncio.create_task(bench.authenticator.authenticate(secret)))
        await settle()

    # One is in the query, two wait for the next, and one found no room.
    with pytest.raises(Unavailable):
        await tasks[3]
    bench.gate.is_open.set()
    await asyncio.gather(*tasks[:3])


async def test_a_fresh_key_works_while_the_queue_is_full(bench: Bench) -> None:
    bench.limit(waiting_max=1)
    _, secret = await bench.mint()
    others = [(await bench.mint())[1] for _ in range(2)]
    await bench.authenticator.authenticate(secret)
    bench.gate.is_open.clear()
    tasks = []
    for other in others:
        tasks.append(asyncio.create_task(bench.authenticator.authenticate(other)))
        await settle()

    bench.clock.advance_s(0.4)

    assert bench.authenticator.authenticate_now(secret) is not None
    bench.gate.is_open.set()
    await asyncio.gather(*tasks)


async def test_a_cache_without_room_still_answers(bench: Bench) -> None:
    bench.limit(entries_max=0)
    _, secret = await bench.mint()

    await bench.authenticator.authenticate(secret)

    assert bench.authenticator.authenticate_now(secret) is None


async def test_closing_tells_those_who_wait(bench: Bench) -> None:
    secrets = [(await bench.mint())[1] for _ in range(2)]
    bench.gate.is_open.clear()
    tasks = []
    for secret in secrets:
        tasks.append(asyncio.create_task(bench.authenticator.authenticate(secret)))
        await settle()

    await bench.authenticator.close()

    for task in tasks:
        with pytest.raises(Unavailable):
            await task


async def test_use_is_written_later_and_by_the_minute(bench: Bench) -> None:
    key, secret = await bench.mint()
    noon = bench.clock.now_us()
    await bench.authenticator.authenticate(secret)
    assert await bench.last_used_at(key.id) is None

    bench.clock.advance_s(0.2)
    bench.authenticator.authenticate_now(secret)
    await bench.authenticator.close()
    assert await bench.last_used_at(key.id) == noon

    # The next minute is noted from the cache, without a look-up.
    bench.clock.advance_s(59.6)
    await bench.authenticator.authenticate(secret)
    await bench.authenticator.close()
    bench.clock.advance_s(0.2)
    bench.authenticator.authenticate_now(secret)
    await bench.authenticator.close()
    assert await bench.last_used_at(key.id) == noon + 60_000_000

    bench.clock.advance_s(86_340)
    await bench.authenticator.authenticate(secret)
    await bench.authenticator.close()
    assert await bench.last_used_at(key.id) == noon + 86_400_000_000
    account = await bench.database.read(lambda tx: get_account(tx, bench.account_id))
    assert account.last_active_at == bench.clock.now_us()


async def test_use_is_written_by_itself_in_the_background(bench: Bench) -> None:
    bench.limit(write_uses_after_s=0.0)
    key, secret = await bench.mint()

    await bench.authenticator.authenticate(secret)
    assert bench.authenticator._write is not None
    await asyncio.wait([bench.authenticator._write])

    assert await bench.last_used_at(key.id) == bench.clock.now_us()


async def test_use_that_cannot_be_written_stops_nothing(bench: Bench) -> None:
    _, secret = await bench.mint()
    await bench.authenticator.authenticate(secret)
    bench.gate.is_down = True

    await bench.authenticator.close()

    bench.gate.is_down = False
    await bench.authenticator.authenticate(secret)
