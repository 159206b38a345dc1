"""The authenticator under load and outage: shared queries, bounds, lazily noted use."""

import asyncio

import pytest

from kernel.errors import Unavailable
from keys import token_format
from keys.account import get_account
from keys.authenticator import CredentialEnded, InvalidCredential
from store.errors import StoreError
from tests.keys.bench import Bench, queries_done, settle

pytestmark = pytest.mark.long


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
