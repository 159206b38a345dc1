"""The authenticator's cache: what it knows, and for how long."""

import asyncio
from contextlib import suppress
from itertools import product

import pytest

from kernel.clock import HOUR_US, SECOND_US
from kernel.tenant import Tenant
from keys import token_format
from keys.account import set_operator
from keys.api_keys import api_key
from keys.authenticator import Authenticator, InvalidCredential
from keys.principal import CredentialEnded
from keys.tokens import access_token
from tests.support.gated_authenticator import GatedAuthenticator, queries_done


async def test_a_key_is_loaded_once_and_then_known(gated: GatedAuthenticator) -> None:
    key, secret = await gated.mint()

    assert gated.authenticator.authenticate_now(secret) is None
    loaded = await gated.authenticator.authenticate(secret)

    assert loaded.key_id == key.id
    assert gated.authenticator.authenticate_now(secret) is loaded
    assert await gated.authenticator.authenticate(secret) is loaded
    assert gated.gate.reads == 1


async def test_tokens_are_known_like_keys(gated: GatedAuthenticator) -> None:
    await gated.database.transaction(
        lambda tx: set_operator(tx, gated.account_id, is_operator=True)
    )
    _, secret = await gated.database.transaction(
        lambda tx: access_token.create(
            tx,
            kind="operator",
            account_id=gated.account_id,
            environment="live",
            name="ops",
            maker=None,
            now_us=gated.clock.now_us(),
        )
    )

    found = await gated.authenticator.authenticate(secret)

    assert (found.kind, found.environment) == ("operator_token", "live")


async def test_a_moved_sandbox_clock_ends_a_key_in_every_process_within_half_a_second(
    gated: GatedAuthenticator,
) -> None:
    now_us = gated.clock.now_us()
    root, root_secret = await gated.mint(expires_at=now_us + HOUR_US)
    by = await gated.authenticator.authenticate(root_secret)
    # Its own end is later than its parent's.
    _, child_secret = await gated.mint(by=by, expires_at=now_us + 2 * HOUR_US)
    other = Authenticator(gated.gate, gated.clock)
    secrets = (root_secret, child_secret)
    for process, secret in product((gated.authenticator, other), secrets):
        await process.authenticate(secret)

    await gated.advance(3_599)
    for process, secret in product((gated.authenticator, other), secrets):
        gated.clock.advance_s(0.1)
        found = await process.authenticate(secret)
        assert found.credential_id
    gated.clock.advance_s(0.5)
    # 0.9 s have passed: a tenth before its end the key is known to end then.
    ends = [
        (await process.authenticate(secret)).expires_at
        for process, secret in product((gated.authenticator, other), secrets)
    ]
    await gated.advance(1)
    gated.clock.advance_s(0.5)
    refused = []
    for process, secret in product((gated.authenticator, other), secrets):
        with pytest.raises(CredentialEnded) as ended:
            await process.authenticate(secret)
        refused.append((ended.value.reason, ended.value.extra["key_id"]))

    # By our time, which is an hour less a second behind its own.
    assert ends == [now_us + SECOND_US] * 4
    assert refused == [("expired", root.id)] * 4
    await other.close()


async def test_a_replaced_secret_ends_by_the_accounts_clock(gated: GatedAuthenticator) -> None:
    key, before = await gated.mint()
    await gated.advance(86_400)
    await gated.database.transaction(
        lambda tx: api_key.rotate(
            tx,
            Tenant(gated.account_id, "staging"),
            key.id,
            overlap_s=60,
            asker=None,
            now_us=gated.clock.now_us(),
        )
    )

    await gated.advance(59)
    assert (await gated.authenticator.authenticate(before)).key_id == key.id
    await gated.advance(1)
    gated.clock.advance_s(0.5)
    with pytest.raises(CredentialEnded):
        await gated.authenticator.authenticate(before)


@pytest.mark.one_database
@pytest.mark.parametrize(
    "text", ["", "ak_live_x", "ak_staging_" + "0" * 32, "\x00", "\ud800", "x" * 10_000_000]
)
async def test_what_cannot_be_a_token_is_refused_without_a_look_up(
    gated: GatedAuthenticator, text: str
) -> None:
    with pytest.raises(InvalidCredential):
        gated.authenticator.authenticate_now(text)
    with pytest.raises(InvalidCredential) as refused:
        await gated.authenticator.authenticate(text)

    assert gated.gate.reads == 0
    assert text == "" or text not in str(refused.value)


async def test_an_unknown_token_is_looked_up_once_in_a_while(gated: GatedAuthenticator) -> None:
    unknown = token_format.new_api_key("staging")

    for _ in range(3):
        with pytest.raises(InvalidCredential):
            await gated.authenticator.authenticate(unknown)
    assert gated.gate.reads == 1

    gated.clock.advance_s(0.5)
    with pytest.raises(InvalidCredential):
        await gated.authenticator.authenticate(unknown)
    assert gated.gate.reads == 2


async def test_a_fresh_key_works_at_once(gated: GatedAuthenticator) -> None:
    with suppress(InvalidCredential):
        await gated.authenticator.authenticate(token_format.new_api_key("staging"))

    _, secret = await gated.mint()

    await gated.authenticator.authenticate(secret)


async def test_an_entry_lives_half_a_second_to_the_microsecond(gated: GatedAuthenticator) -> None:
    _, secret = await gated.mint()
    await gated.authenticator.authenticate(secret)
    gated.gate.is_down = True

    gated.clock.advance_s(0.499999)
    assert gated.authenticator.authenticate_now(secret) is not None
    gated.clock.advance_s(0.000001)
    assert gated.authenticator.authenticate_now(secret) is None


async def test_an_entrys_life_counts_from_the_begin_of_its_read(gated: GatedAuthenticator) -> None:
    _, secret = await gated.mint()
    gated.gate.is_open.clear()
    waiting = asyncio.create_task(gated.authenticator.authenticate(secret))
    await gated.gate.has_read.wait()

    gated.clock.advance_s(0.3)
    gated.gate.is_open.set()
    await waiting

    gated.gate.is_down = True
    gated.clock.advance_s(0.199999)
    assert gated.authenticator.authenticate_now(secret) is not None
    gated.clock.advance_s(0.000001)
    assert gated.authenticator.authenticate_now(secret) is None


async def test_a_clock_set_back_makes_no_entry_live_longer(gated: GatedAuthenticator) -> None:
    _, secret = await gated.mint()
    await gated.authenticator.authenticate(secret)

    gated.clock.advance_s(-0.001)

    assert gated.authenticator.authenticate_now(secret) is None
    await gated.authenticator.authenticate(secret)


async def test_a_revoked_grandparent_stops_the_grandchild_within_the_cache_life(
    gated: GatedAuthenticator,
) -> None:
    root, root_secret = await gated.mint()
    _, child_secret = await gated.mint(by=await gated.authenticator.authenticate(root_secret))
    _, secret = await gated.mint(by=await gated.authenticator.authenticate(child_secret))
    await gated.authenticator.authenticate(secret)

    await gated.revoke(root.id)
    gated.clock.advance_s(0.5)

    for each in (secret, child_secret, root_secret):
        with pytest.raises(CredentialEnded) as ended:
            await gated.authenticator.authenticate(each)
        assert ended.value.reason == "revoked"
        # And from then on without a look-up.
        with pytest.raises(CredentialEnded):
            gated.authenticator.authenticate_now(each)


async def test_a_busy_key_is_stopped_as_soon_as_its_refresh_is_read(
    gated: GatedAuthenticator,
) -> None:
    key, secret = await gated.mint()
    await gated.authenticator.authenticate(secret)
    await gated.revoke(key.id)

    gated.clock.advance_s(0.3)
    assert gated.authenticator.authenticate_now(secret) is not None
    await queries_done(gated)

    with pytest.raises(CredentialEnded):
        gated.authenticator.authenticate_now(secret)


async def test_every_process_stops_a_revoked_key(gated: GatedAuthenticator) -> None:
    key, secret = await gated.mint()
    other = Authenticator(gated.database, gated.clock)
    await gated.authenticator.authenticate(secret)
    await other.authenticate(secret)

    await gated.revoke(key.id)
    gated.clock.advance_s(0.5)

    for process in (gated.authenticator, other):
        with pytest.raises(CredentialEnded):
            await process.authenticate(secret)
    await other.close()


async def test_a_known_end_is_kept_to_the_microsecond(gated: GatedAuthenticator) -> None:
    _, secret = await gated.mint(expires_at=gated.clock.now_us() + 200_000)
    await gated.authenticator.authenticate(secret)

    gated.clock.advance_s(0.199999)
    assert gated.authenticator.authenticate_now(secret) is not None
    gated.clock.advance_s(0.000001)
    with pytest.raises(CredentialEnded) as ended:
        gated.authenticator.authenticate_now(secret)
    assert ended.value.reason == "expired"


async def test_a_rotated_secret_ends_with_its_overlap(gated: GatedAuthenticator) -> None:
    key, old = await gated.mint()
    _, new = await gated.database.transaction(
        lambda tx: api_key.rotate(
            tx,
            Tenant(gated.account_id, "staging"),
            key.id,
            overlap_s=1,
            asker=None,
            now_us=gated.clock.now_us(),
        )
    )
    gated.clock.advance_s(0.9)
    await gated.authenticator.authenticate(old)

    gated.clock.advance_s(0.099999)
    assert gated.authenticator.authenticate_now(old) is not None
    gated.clock.advance_s(0.000001)
    with pytest.raises(CredentialEnded):
        gated.authenticator.authenticate_now(old)
    assert (await gated.authenticator.authenticate(new)).key_id == key.id


async def test_a_busy_key_never_waits_for_the_database(gated: GatedAuthenticator) -> None:
    _, secret = await gated.mint()
    await gated.authenticator.authenticate(secret)

    for _ in range(100):
        gated.clock.advance_s(0.05)
        assert gated.authenticator.authenticate_now(secret) is not None
        await queries_done(gated)

    # 5 seconds at one refresh every 0.3.
    assert 15 <= gated.gate.reads <= 18


async def test_many_busy_keys_are_refreshed_by_the_same_few_queries(
    gated: GatedAuthenticator,
) -> None:
    secrets = [(await gated.mint())[1] for _ in range(20)]
    for secret in secrets:
        # Loaded one by one, so that their ages differ.
        await gated.authenticator.authenticate(secret)
        gated.clock.advance_s(0.01)
    before = gated.gate.reads

    for _ in range(100):
        gated.clock.advance_s(0.05)
        for secret in secrets:
            assert gated.authenticator.authenticate_now(secret) is not None
        await queries_done(gated)

    # 5 seconds at one query every 0.15.
    assert gated.gate.reads - before <= 34


async def test_a_key_used_twice_within_its_life_never_waits_beside_others(
    gated: GatedAuthenticator,
) -> None:
    busy, steady = [(await gated.mint())[1] for _ in range(2)]
    for _ in range(2):
        await gated.authenticator.authenticate(busy)
        await gated.authenticator.authenticate(steady)

    for turn in range(1, 100):
        gated.clock.advance_s(0.05)
        assert gated.authenticator.authenticate_now(busy) is not None
        if turn % 8 == 0:
            # After 0.4 s: it is read in time, with the busy one.
            assert gated.authenticator.authenticate_now(steady) is not None
        await queries_done(gated)


async def test_a_key_used_seldom_is_read_when_it_is_used_alone(gated: GatedAuthenticator) -> None:
    busy, seldom = [(await gated.mint())[1] for _ in range(2)]
    await gated.authenticator.authenticate(busy)

    for turn in range(60):
        if turn % 20 == 0:
            await gated.authenticator.authenticate(seldom)
            used_at = gated.clock.now_us()
        gated.clock.advance_s(0.05)
        gated.authenticator.authenticate_now(busy)
        await queries_done(gated)

    assert gated.authenticator._entries[token_format.digest(seldom)].read_at == used_at
