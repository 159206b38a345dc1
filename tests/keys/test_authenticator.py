"""The authenticator's cache: what it knows, and for how long."""

import asyncio
from contextlib import suppress

import pytest

from keys import token_format
from keys.api_keys import api_key
from keys.authenticator import Authenticator, CredentialEnded, InvalidCredential
from keys.tokens import access_token
from tests.keys.bench import Bench, queries_done


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


@pytest.mark.one_database
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
