"""The authenticator under load and outage: shared queries, bounds, lazily noted use."""

import asyncio

import pytest

from kernel.errors import Unavailable
from keys import token_format
from keys.account import get_account
from keys.authenticator import InvalidCredential
from keys.principal import CredentialEnded
from store.errors import StoreError
from tests.support.gated_authenticator import GatedAuthenticator, queries_done, settle

pytestmark = pytest.mark.long


async def test_requests_at_once_share_one_query(gated: GatedAuthenticator) -> None:
    secrets = [(await gated.mint())[1] for _ in range(10)]

    found = await asyncio.gather(
        *(gated.authenticator.authenticate(secret) for secret in secrets * 20)
    )

    assert len({principal.key_id for principal in found}) == 10
    assert gated.gate.reads == 1


async def test_requests_during_a_query_gather_for_the_next(gated: GatedAuthenticator) -> None:
    _, first = await gated.mint()
    others = [(await gated.mint())[1] for _ in range(5)]
    gated.gate.is_open.clear()
    leading = asyncio.create_task(gated.authenticator.authenticate(first))
    await gated.gate.has_read.wait()

    following = [
        asyncio.create_task(gated.authenticator.authenticate(secret))
        for secret in [first, *others] * 3
    ]
    await settle()
    assert gated.gate.reads == 1
    gated.gate.is_open.set()
    await asyncio.gather(leading, *following)

    assert gated.gate.reads == 2


async def test_an_answer_older_than_the_cache_life_serves_no_later_request(
    gated: GatedAuthenticator,
) -> None:
    key, secret = await gated.mint()
    gated.gate.is_open.clear()
    early = asyncio.create_task(gated.authenticator.authenticate(secret))
    # The read is done but its answer is on the way: the snapshot is from before the revocation.
    await gated.gate.has_read.wait()

    await gated.revoke(key.id)
    late = asyncio.create_task(gated.authenticator.authenticate(secret))
    await settle()
    gated.clock.advance_s(0.5)
    gated.gate.is_open.set()

    assert (await early).key_id == key.id
    with pytest.raises(CredentialEnded):
        await late


async def test_a_request_that_goes_away_does_not_stop_the_others(gated: GatedAuthenticator) -> None:
    _, secret = await gated.mint()
    gated.gate.is_open.clear()
    leaving = asyncio.create_task(gated.authenticator.authenticate(secret))
    staying = asyncio.create_task(gated.authenticator.authenticate(secret))
    await settle()

    leaving.cancel()
    await settle()
    gated.gate.is_open.set()

    assert (await staying).environment == "staging"
    with pytest.raises(asyncio.CancelledError):
        await leaving


async def test_an_outage_closes_the_door_and_its_end_opens_it(gated: GatedAuthenticator) -> None:
    _, secret = await gated.mint()
    await gated.authenticator.authenticate(secret)

    gated.gate.is_down = True
    gated.clock.advance_s(0.4)
    # Still fresh: answered, while the refresh that it asked for fails unseen.
    assert gated.authenticator.authenticate_now(secret) is not None
    await queries_done(gated)
    gated.clock.advance_s(0.1)
    for _ in range(2):
        with pytest.raises(StoreError):
            await gated.authenticator.authenticate(secret)

    gated.gate.is_down = False
    await gated.authenticator.authenticate(secret)


async def test_made_up_tokens_push_no_real_key_out(gated: GatedAuthenticator) -> None:
    gated.limit(unknown_max=3, entries_max=2)
    _, secret = await gated.mint()
    await gated.authenticator.authenticate(secret)

    for _ in range(10):
        with pytest.raises(InvalidCredential):
            await gated.authenticator.authenticate(token_format.new_api_key("staging"))

    assert gated.authenticator.authenticate_now(secret) is not None
    assert len(gated.authenticator._unknown) == 3
    for _ in range(3):
        await gated.authenticator.authenticate((await gated.mint())[1])
    assert len(gated.authenticator._entries) == 2
    assert gated.authenticator.authenticate_now(secret) is None


async def test_too_many_waiting_are_turned_away(gated: GatedAuthenticator) -> None:
    gated.limit(waiting_max=2)
    gated.gate.is_open.clear()
    tasks = []
    for _ in range(4):
        secret = (await gated.mint())[1]
        tasks.append(asyncio.create_task(gated.authenticator.authenticate(secret)))
        await settle()

    # One is in the query, two wait for the next, and one found no room.
    with pytest.raises(Unavailable):
        await tasks[3]
    gated.gate.is_open.set()
    await asyncio.gather(*tasks[:3])


async def test_a_fresh_key_works_while_the_queue_is_full(gated: GatedAuthenticator) -> None:
    gated.limit(waiting_max=1)
    _, secret = await gated.mint()
    others = [(await gated.mint())[1] for _ in range(2)]
    await gated.authenticator.authenticate(secret)
    gated.gate.is_open.clear()
    tasks = []
    for other in others:
        tasks.append(asyncio.create_task(gated.authenticator.authenticate(other)))
        await settle()

    gated.clock.advance_s(0.4)

    assert gated.authenticator.authenticate_now(secret) is not None
    gated.gate.is_open.set()
    await asyncio.gather(*tasks)


async def test_a_cache_without_room_still_answers(gated: GatedAuthenticator) -> None:
    gated.limit(entries_max=0)
    _, secret = await gated.mint()

    await gated.authenticator.authenticate(secret)

    assert gated.authenticator.authenticate_now(secret) is None


async def test_a_query_that_hangs_is_waited_for_so_long_and_serves_who_comes_later(
    gated: GatedAuthenticator,
) -> None:
    gated.limit(answer_s=0.2)
    _, secret = await gated.mint()
    gated.gate.is_open.clear()

    with pytest.raises(Unavailable, match="Nothing was done") as refused:
        await gated.authenticator.authenticate(secret)
    gated.gate.is_open.set()
    await queries_done(gated)

    assert refused.value.retry_after_s == 1
    assert (await gated.authenticator.authenticate(secret)).key_id is not None
    assert gated.gate.reads == 1


async def test_closing_tells_those_who_wait(gated: GatedAuthenticator) -> None:
    secrets = [(await gated.mint())[1] for _ in range(2)]
    gated.gate.is_open.clear()
    tasks = []
    for secret in secrets:
        tasks.append(asyncio.create_task(gated.authenticator.authenticate(secret)))
        await settle()

    await gated.authenticator.close()

    for task in tasks:
        with pytest.raises(Unavailable):
            await task


async def test_use_is_written_later_and_by_the_minute(gated: GatedAuthenticator) -> None:
    key, secret = await gated.mint()
    noon = gated.clock.now_us()
    await gated.authenticator.authenticate(secret)
    assert await gated.last_used_at(key.id) is None

    gated.clock.advance_s(0.2)
    gated.authenticator.authenticate_now(secret)
    await gated.authenticator.close()
    assert await gated.last_used_at(key.id) == noon

    # The next minute is noted from the cache, without a look-up.
    gated.clock.advance_s(59.6)
    await gated.authenticator.authenticate(secret)
    await gated.authenticator.close()
    gated.clock.advance_s(0.2)
    gated.authenticator.authenticate_now(secret)
    await gated.authenticator.close()
    assert await gated.last_used_at(key.id) == noon + 60_000_000

    gated.clock.advance_s(86_340)
    await gated.authenticator.authenticate(secret)
    await gated.authenticator.close()
    assert await gated.last_used_at(key.id) == noon + 86_400_000_000
    account = await gated.database.read(lambda tx: get_account(tx, gated.account_id))
    assert account.last_active_at == gated.clock.now_us()


async def test_use_is_written_by_itself_in_the_background(gated: GatedAuthenticator) -> None:
    gated.limit(write_uses_after_s=0.0)
    key, secret = await gated.mint()

    await gated.authenticator.authenticate(secret)
    assert gated.authenticator._write is not None
    await asyncio.wait([gated.authenticator._write])

    assert await gated.last_used_at(key.id) == gated.clock.now_us()


async def test_use_that_cannot_be_written_stops_nothing(gated: GatedAuthenticator) -> None:
    _, secret = await gated.mint()
    await gated.authenticator.authenticate(secret)
    gated.gate.is_down = True

    await gated.authenticator.close()

    gated.gate.is_down = False
    await gated.authenticator.authenticate(secret)
