"""A code is worth one family of tokens, of which one refresh token works at a time."""

import asyncio
from typing import Any

import pytest

from kernel.clock import DAY_US, MINUTE_US, FixedClock
from kernel.errors import InvalidInput
from keys.account_access import close_live
from keys.api_keys import api_key
from keys.authorization.client import AuthorizationRefused
from keys.authorization.token import TokenMaker, TokenPair, scopes_of
from keys.principal import Principal, Refusal
from keys.sandbox_clock import advance
from keys.token_format import parse
from store.database import Database
from tests.support.mcp_client import REDIRECT, SignedIn, open_client


@pytest.fixture
async def desk(database: Database, clock: FixedClock) -> SignedIn:
    return await open_client(database, clock)


async def test_a_consent_makes_a_key_without_a_secret_and_a_token_stands_for_it(
    desk: SignedIn,
) -> None:
    code, grant, key = await desk.consent(per_day_cents=5000)
    pair = await desk.exchange(code)
    found = await desk.look_up(pair.access)

    assert (key.prefix, key.last4, key.parent_id, key.client_id) == ("", "", None, desk.client.id)
    assert pair.expires_in_s == 3600
    assert pair.scopes == ("topup:send", "topup:read", "webhooks:read", "billing:write")
    assert isinstance(found, Principal)
    assert (found.kind, found.credential_id, found.lineage) == ("mcp", key.id, (key.id,))
    assert found.scopes == set(pair.scopes)
    assert grant.key_id == key.id
    assert await desk.look_up(pair.refresh) is None


async def test_the_key_cannot_be_rotated_into_one_with_a_secret(desk: SignedIn) -> None:
    _, _, key = await desk.consent()

    with pytest.raises(InvalidInput, match="has no secret"):
        await desk.database.transaction(
            lambda tx: api_key.rotate(
                tx, desk.tenant, key.id, asker=None, now_us=desk.clock.now_us()
            )
        )


@pytest.mark.parametrize(
    ("other", "word"),
    [
        ({"client_id": "mcc_other"}, "invalid_grant"),
        ({"redirect_uri": REDIRECT + "/"}, "invalid_grant"),
        ({"redirect_uri": "http://127.0.0.1:3031/callback"}, "invalid_grant"),
        ({"verifier": "e" + "BjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"}, "invalid_grant"),
        ({"verifier": ""}, "invalid_grant"),
        ({"resource": "https://topup.example.com/"}, "invalid_target"),
    ],
)
async def test_a_code_is_for_its_client_address_verifier_and_resource(
    desk: SignedIn, other: dict[str, Any], word: str
) -> None:
    code, _, _ = await desk.consent()

    with pytest.raises(AuthorizationRefused) as refused:
        await desk.exchange(code, **other)

    assert refused.value.error == word
    # Who could not prove anything took nothing away from who can.
    assert await desk.works((await desk.exchange(code)).access)


async def test_a_code_lives_a_minute(desk: SignedIn) -> None:
    code, _, _ = await desk.consent()
    desk.clock.advance_s(60)

    with pytest.raises(AuthorizationRefused, match="too old"):
        await desk.exchange(code)


async def test_a_code_that_comes_twice_ends_what_it_gave(desk: SignedIn) -> None:
    code, _, key = await desk.consent()
    pair = await desk.exchange(code)

    with pytest.raises(AuthorizationRefused, match="used"):
        await desk.exchange(code)

    assert await desk.look_up(pair.access) == Refusal("revoked", key.id)
    with pytest.raises(AuthorizationRefused):
        await desk.refresh(pair.refresh)
    # The key stays: signing in again repairs it.
    assert (await desk.consent())[2].id == key.id


async def test_of_one_code_used_at_once_no_token_is_left(desk: SignedIn) -> None:
    code, _, _ = await desk.consent()

    found = await asyncio.gather(*(desk.exchange(code) for _ in range(5)), return_exceptions=True)

    won = [one for one in found if isinstance(one, TokenPair)]
    assert len(won) == 1
    assert not await desk.works(won[0].access)


async def test_a_refresh_gives_the_next_pair_and_the_old_access_token_runs_out(
    desk: SignedIn,
) -> None:
    first = await desk.signed_in()
    desk.clock.advance_s(1800)
    second = await desk.refresh(first.refresh)

    assert len({*first[:2], *second[:2]}) == 4
    assert await desk.works(first.access)
    desk.clock.advance_s(1800)
    assert not await desk.works(first.access)
    assert await desk.works(second.access)


async def test_a_refresh_whose_answer_was_lost_gives_the_same_pair(desk: SignedIn) -> None:
    first = await desk.signed_in()
    second = await desk.refresh(first.refresh)
    desk.clock.advance_s(29)

    again = await desk.refresh(first.refresh)

    assert again[:2] == second[:2]
    assert again.expires_in_s == 3571
    assert await desk.works((await desk.refresh(again.refresh)).access)


async def test_refreshes_at_one_moment_get_the_same_pair(desk: SignedIn) -> None:
    first = await desk.signed_in()

    found = await asyncio.gather(*(desk.refresh(first.refresh) for _ in range(5)))

    assert len({(one.access, one.refresh) for one in found}) == 1


@pytest.mark.parametrize("is_successor_used", [False, True])
async def test_a_refresh_token_that_comes_again_too_late_ends_the_family(
    desk: SignedIn, is_successor_used: bool
) -> None:
    first = await desk.signed_in()
    second = await desk.refresh(first.refresh)
    newest = second
    if is_successor_used:
        newest = await desk.refresh(second.refresh)
    else:
        desk.clock.advance_s(30)

    with pytest.raises(AuthorizationRefused):
        await desk.refresh(first.refresh)

    assert not await desk.works(newest.access)
    with pytest.raises(AuthorizationRefused):
        await desk.refresh(newest.refresh)


async def test_a_clock_that_went_back_revives_nothing(desk: SignedIn) -> None:
    first = await desk.signed_in()
    second = await desk.refresh(first.refresh)
    desk.clock.advance_s(-3600)

    with pytest.raises(AuthorizationRefused):
        await desk.refresh(first.refresh)

    assert not await desk.works(second.access)


async def test_a_refresh_may_ask_for_less_and_never_for_more(desk: SignedIn) -> None:
    first = await desk.signed_in(scopes=["topup:send", "topup:read"])

    with pytest.raises(AuthorizationRefused) as refused:
        await desk.refresh(first.refresh, scopes=["topup:send", "billing:write"])
    less = await desk.refresh(first.refresh, scopes=["topup:read"])

    assert refused.value.error == "invalid_scope"
    assert less.scopes == ("topup:read",)
    with pytest.raises(AuthorizationRefused):
        await desk.refresh(less.refresh, scopes=["topup:send"])


@pytest.mark.parametrize("other", [{"client_id": "mcc_other"}, {"resource": "https://x.example/"}])
async def test_a_refresh_token_is_for_its_client_and_resource(
    desk: SignedIn, other: dict[str, str]
) -> None:
    first = await desk.signed_in()

    with pytest.raises(AuthorizationRefused):
        await desk.refresh(first.refresh, **other)

    assert await desk.works((await desk.refresh(first.refresh)).access)


async def test_no_token_outlives_its_key(desk: SignedIn) -> None:
    ends_at = desk.clock.now_us() + 10 * MINUTE_US
    pair = await desk.signed_in(expires_at=ends_at)

    assert pair.expires_in_s == 600
    desk.clock.advance_s(600)
    assert not await desk.works(pair.access)
    with pytest.raises(AuthorizationRefused):
        await desk.refresh(pair.refresh)


async def test_a_key_that_ends_by_the_sandbox_clock_ends_its_tokens(desk: SignedIn) -> None:
    noon = desk.clock.now_us()

    async def advance_s(seconds: int) -> None:
        await desk.database.transaction(lambda tx: advance(tx, desk.tenant, advance_s=seconds))

    await advance_s(86_400)
    # A day later by its own clock than by ours, and ten minutes from its now.
    pair = await desk.signed_in(expires_at=noon + DAY_US + 10 * MINUTE_US)
    await advance_s(599)
    works = await desk.works(pair.access)
    await advance_s(1)

    assert (pair.expires_in_s, works, await desk.works(pair.access)) == (600, True, False)
    with pytest.raises(AuthorizationRefused, match="ended"):
        await desk.refresh(pair.refresh)


async def test_revoking_the_key_ends_all_and_a_new_consent_revives_nothing(desk: SignedIn) -> None:
    code, _, key = await desk.consent()
    pair = await desk.exchange(code)
    await desk.end_key(key.id)

    code, _, other = await desk.consent()

    assert other.id != key.id
    assert not await desk.works(pair.access)
    with pytest.raises(AuthorizationRefused, match="ended"):
        await desk.refresh(pair.refresh)
    assert await desk.works((await desk.exchange(code)).access)


async def test_consenting_again_changes_the_key_and_leaves_other_sign_ins_alone(
    desk: SignedIn,
) -> None:
    first = await desk.signed_in(scopes=["topup:read"], per_day_cents=100)
    code, _, key = await desk.consent(scopes=["topup:read", "billing:write"], per_day_cents=200)
    second = await desk.exchange(code)

    before, after = await desk.look_up(first.access), await desk.look_up(second.access)
    assert isinstance(before, Principal)
    assert isinstance(after, Principal)
    assert before.key_id == after.key_id == key.id
    assert key.per_day_cents == 200
    # What was consented to for the first is not widened by the second.
    assert before.scopes == {"topup:read"}
    assert after.scopes == {"topup:read", "billing:write"}


async def test_a_narrowed_key_narrows_its_tokens_at_once(desk: SignedIn) -> None:
    code, _, key = await desk.consent()
    pair = await desk.exchange(code)
    await desk.database.transaction(
        lambda tx: api_key.patch(
            tx,
            desk.tenant,
            key.id,
            changes={"scopes": ["topup:read"]},
            asker=None,
            now_us=desk.clock.now_us(),
        )
    )

    found = await desk.look_up(pair.access)

    assert isinstance(found, Principal)
    assert found.scopes == {"topup:read"}


async def test_signing_out_ends_one_sign_in_and_with_the_last_the_key(desk: SignedIn) -> None:
    first, second = await desk.signed_in(), await desk.signed_in()

    assert await desk.revoke(first.access, client_id="mcc_other") is None
    assert await desk.works(first.access)
    assert await desk.revoke(first.access) is None
    assert not await desk.works(first.access)
    assert await desk.works(second.access)
    ended = await desk.revoke(second.refresh)

    assert ended is not None
    assert ended.revoked_at is not None
    assert not await desk.works(second.access)
    assert await desk.revoke(second.refresh) is None
    assert await desk.revoke("mrt_nobody") is None


async def test_a_refresh_token_works_ninety_days_from_its_making(desk: SignedIn) -> None:
    first = await desk.signed_in()
    desk.clock.advance_s(90 * 86_400 - 1)
    second = await desk.refresh(first.refresh)
    desk.clock.advance_s(90 * 86_400)

    with pytest.raises(AuthorizationRefused):
        await desk.refresh(second.refresh)


def test_tokens_are_worked_out_and_look_like_what_they_are() -> None:
    maker, other = TokenMaker(bytes(32)), TokenMaker(bytes(31) + b"\x01")
    access, refresh = maker.pair_of("a")

    assert maker.pair_of("a") == (access, refresh)
    assert {access, refresh}.isdisjoint({*maker.pair_of("b"), *other.pair_of("a")})
    assert access[4:30] != refresh[4:30]
    parsed = parse(access)
    assert parsed is not None
    assert (parsed.kind, parsed.environment) == ("mcp_token", None)
    # It is exchanged, never presented.
    assert parse(refresh) is None


async def test_what_outlives_a_request_ends_with_live(desk: SignedIn) -> None:
    """As a token of the client does: a subscription of live is sent nothing once live is closed."""
    code, _, key = await desk.consent()
    pair = await desk.exchange(code)

    async def held() -> frozenset[str]:
        now_us = desk.clock.now_us()
        return await desk.database.read(lambda tx: scopes_of(tx, key.id, now_us=now_us))

    await desk.database.transaction(
        lambda tx: tx.execute("UPDATE api_keys SET environment = 'live' WHERE id = :id", id=key.id)
    )
    assert await held() == {*pair.scopes}
    await desk.database.transaction(lambda tx: close_live(tx, desk.account_id, now_us=2))
    assert await held() == frozenset()
