"""From consent to token to its end: codes, grants, tokens."""

import asyncio
import base64
import hashlib

import pytest

from kernel.clock import DAY_US, FixedClock
from kernel.errors import InvalidInput, NotFound
from keys.authenticator import Authenticator, CredentialEnded, InvalidCredential
from keys.lineage import Refusal
from keys.live import LiveNotOpen
from keys.oauth import grant as oauth_grant, token as oauth_token
from keys.oauth.code import CodeRefused
from keys.oauth.token import OAuthToken
from keys.principal import OAuthOrigin, Scope
from keys.token_format import new_oauth_token, parse
from store.database import Database, Row, Transaction
from store.open import open_database
from tests.keys.consenting import REDIRECT, Scene, account, manage, open_scene

VERIFIER = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
# RFC 7636, appendix B.
CHALLENGE = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"


@pytest.fixture
async def scene(database: Database, clock: FixedClock) -> Scene:
    return await open_scene(database, clock)


async def test_a_code_of_16_characters_becomes_a_token_of_90_days(scene: Scene) -> None:
    code = await scene.code()
    token, secret = await scene.exchange(code, redirect_uri=REDIRECT)

    assert len(code) == 16
    assert code.isalnum()
    parsed = parse(secret)
    assert parsed is not None
    assert (parsed.kind, parsed.environment) == ("oauth_token", None)
    assert secret.startswith("oat_")
    assert token.expires_at == scene.clock.now_us() + 90 * DAY_US
    assert (token.account_id, token.environment) == (scene.user_id, "live")


@pytest.mark.parametrize(
    ("scope", "held"),
    [
        ("general_api_access", {"general_api_access"}),
        ("advanced_access", {"general_api_access", "advanced_access"}),
        (
            "trusted_advanced_access",
            {
                "general_api_access",
                "advanced_access",
                "trusted_advanced_access",
                # Orders are of this step, so they are read from here on.
                "billing:read",
            },
        ),
    ],
)
async def test_a_token_holds_its_step_of_the_ladder_and_those_below(
    scene: Scene, scope: str, held: set[str]
) -> None:
    app, _ = await scene.register(scope=scope)

    token, secret = await scene.token(app=app)
    found = await scene.principal(secret)

    assert found.scopes == held
    assert (found.kind, found.credential_id, found.lineage) == ("oauth", token.id, ())
    assert (found.account_id, found.environment) == (scene.user_id, "live")
    assert found.account_email == "user@example.com"
    assert found.oauth == OAuthOrigin(app.id, scene.owner_id, token.grant_id, app.scope)


async def test_nothing_of_code_or_token_is_stored_but_digests(scene: Scene) -> None:
    code = await scene.code()
    _, secret = await scene.exchange(code)

    async def work(tx: Transaction) -> list[Row]:
        return [
            *await tx.fetch("SELECT * FROM oauth_codes"),
            *await tx.fetch("SELECT * FROM oauth_tokens"),
        ]

    text = str([tuple(row) for row in await scene.database.read(work)])

    assert code not in text
    assert secret[8:-4] not in text


async def test_a_code_works_once_whoever_comes_at_the_same_time(
    scene: Scene, database_url: str
) -> None:
    code = await scene.code()
    other = open_database(database_url)
    try:
        outcomes = await asyncio.gather(
            *(
                scene.exchange(code, database=database)
                for database in (scene.database, other)
                for _ in range(10)
            ),
            return_exceptions=True,
        )
    finally:
        await other.close()

    won = [one for one in outcomes if not isinstance(one, BaseException)]
    lost = [one for one in outcomes if isinstance(one, BaseException)]
    assert len(won) == 1
    assert all(isinstance(one, CodeRefused) for one in lost), lost
    # Who lost may have been the app, and who won a thief: nobody keeps what the code gave.
    assert await scene.look_up(won[0][1]) == Refusal("revoked")


async def test_a_code_is_dead_after_ten_minutes(scene: Scene) -> None:
    young, old = await scene.code(), await scene.code()

    scene.clock.advance_s(599.999999)
    await scene.exchange(young)
    scene.clock.advance_s(0.000001)

    with pytest.raises(CodeRefused):
        await scene.exchange(old)


async def test_a_code_is_its_own_apps_and_survives_anothers_try(scene: Scene) -> None:
    code = await scene.code()
    thief, _ = await scene.register(name="Thief")

    with pytest.raises(CodeRefused):
        await scene.exchange(code, app=thief)
    await scene.exchange(code)


async def test_a_code_is_bound_to_its_redirect_where_the_app_repeats_it(scene: Scene) -> None:
    code = await scene.code()

    with pytest.raises(CodeRefused):
        await scene.exchange(code, redirect_uri="https://app.example.com/other")
    await scene.exchange(code, redirect_uri=REDIRECT)


@pytest.mark.parametrize("code", ["", "x", "0" * 16, "é\x00\ud800", "x" * 10_000])
async def test_a_made_up_code_is_refused(scene: Scene, code: str) -> None:
    with pytest.raises(CodeRefused):
        await scene.exchange(code)


async def test_the_verifier_of_the_challenge_is_required(scene: Scene) -> None:
    code = await scene.code(challenge=CHALLENGE)
    plain = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest())
    assert plain.decode().rstrip("=") == CHALLENGE

    for wrong in (None, "", CHALLENGE, VERIFIER[:-1], VERIFIER + "k", "x" * 43):
        with pytest.raises(CodeRefused):
            await scene.exchange(code, verifier=wrong)
    await scene.exchange(code, verifier=VERIFIER)


async def test_a_verifier_without_a_challenge_is_refused(scene: Scene) -> None:
    # Somebody took the challenge away on the way to the consent page (RFC 9700, 4.8.2).
    code = await scene.code()

    with pytest.raises(CodeRefused):
        await scene.exchange(code, verifier=VERIFIER)


async def test_old_codes_make_room(scene: Scene) -> None:
    codes = []
    for _ in range(21):
        codes.append(await scene.code())
        scene.clock.advance_s(1)

    with pytest.raises(CodeRefused):
        await scene.exchange(codes[0])
    await scene.exchange(codes[1])

    async def count(tx: Transaction) -> int:
        row = await tx.fetch_one("SELECT COUNT(*) AS n FROM oauth_codes")
        assert row is not None
        return int(row["n"])

    assert await scene.database.read(count) == 20


async def test_a_sandbox_account_consents_to_nothing_live(scene: Scene) -> None:
    sandbox = await account(scene.database, scene.clock, is_sandbox=True)

    with pytest.raises(InvalidInput):
        await scene.code(user_id=sandbox)


async def test_who_has_no_live_consents_to_nothing_live(scene: Scene) -> None:
    newcomer = await account(scene.database, scene.clock, has_live=False)

    with pytest.raises(LiveNotOpen):
        await scene.code(user_id=newcomer)


# Grants


async def test_one_user_has_one_grant_for_an_app_whatever_is_consented_again(
    scene: Scene,
) -> None:
    first, _ = await scene.token()
    scene.clock.advance_s(60)
    second, _ = await scene.token()

    (grant,) = await scene.grants()

    assert first.grant_id == second.grant_id == grant.id
    assert grant.consented_at == scene.clock.now_us()
    assert (grant.app_name, grant.cap_micros, grant.cap_period) == ("Wiki bot", 10_000_000, "month")


async def test_a_grant_that_ends_takes_every_token_with_it(scene: Scene) -> None:
    token, secret = await scene.token()
    _, other = await scene.token()
    _, managing = await manage(scene, token.grant_id)

    ended = await scene.end_grant(token.grant_id)

    assert ended.revoked_at == scene.clock.now_us()
    for each in (secret, other, managing):
        assert await scene.look_up(each) == Refusal("revoked")


async def test_a_new_consent_revives_no_old_token(scene: Scene) -> None:
    token, secret = await scene.token()
    await scene.end_grant(token.grant_id)

    again, fresh = await scene.token()

    assert again.grant_id == token.grant_id
    assert await scene.look_up(secret) == Refusal("revoked")
    assert (await scene.principal(fresh)).account_id == scene.user_id


async def test_a_disabled_app_takes_every_users_tokens_with_it(scene: Scene) -> None:
    other = await account(scene.database, scene.clock)
    tokens = [(await scene.token())[1], (await scene.token(user_id=other))[1]]

    await scene.disable()

    for each in tokens:
        assert await scene.look_up(each) == Refusal("revoked")


@pytest.mark.parametrize("which", ["another account", "another environment", "the owner"])
async def test_nobody_else_ends_a_grant_or_a_token(scene: Scene, which: str) -> None:
    token, secret = await scene.token()
    stranger: Scope = {
        "another account": (await account(scene.database, scene.clock), "live"),
        "another environment": (scene.user_id, "staging"),
        "the owner": scene.app.owner,
    }[which]

    with pytest.raises(NotFound):
        await scene.end_grant(token.grant_id, user=stranger)
    with pytest.raises(NotFound):
        await revoke(scene, token.id, user=stranger)

    assert await scene.database.read(lambda tx: oauth_grant.list_grants(tx, stranger)) == []
    assert await live_tokens(scene, token.grant_id, user=stranger) == []
    await scene.principal(secret)


# Tokens


async def revoke(scene: Scene, token_id: str, *, user: Scope | None = None) -> OAuthToken:
    return await scene.database.transaction(
        lambda tx: oauth_token.revoke(tx, user or scene.user, token_id, now_us=scene.clock.now_us())
    )


async def live_tokens(scene: Scene, grant_id: str, *, user: Scope | None = None) -> list[str]:
    listed = await scene.database.read(
        lambda tx: oauth_token.list_live(
            tx, user or scene.user, grant_id, now_us=scene.clock.now_us()
        )
    )
    return [token.id for token in listed]


async def test_one_token_ends_alone(scene: Scene) -> None:
    token, secret = await scene.token()
    kept, other = await scene.token()

    assert await live_tokens(scene, token.grant_id) == [kept.id, token.id]
    first = await revoke(scene, token.id)
    scene.clock.advance_s(1)
    assert await revoke(scene, token.id) == first

    assert await live_tokens(scene, token.grant_id) == [kept.id]
    assert await scene.look_up(secret) == Refusal("revoked")
    await scene.principal(other)


async def test_a_token_ends_after_90_days(scene: Scene) -> None:
    _, secret = await scene.token()

    scene.clock.advance_s(90 * 86_400 - 0.000001)
    await scene.principal(secret)
    scene.clock.advance_s(0.000001)

    assert await scene.look_up(secret) == Refusal("expired")


async def test_a_grant_has_twenty_access_tokens_at_most(scene: Scene) -> None:
    token, first = await scene.token()
    _, second = await scene.token()
    _, managing = await manage(scene, token.grant_id)
    for _ in range(19):
        await scene.token()

    assert await scene.look_up(first) == Refusal("revoked")
    await scene.principal(second)
    await scene.principal(managing)


async def test_a_grant_has_one_management_token_which_rotates(scene: Scene) -> None:
    token, _ = await scene.token()
    first, old = await manage(scene, token.grant_id)

    second, fresh = await manage(scene, token.grant_id)

    assert await scene.look_up(old) == Refusal("revoked")
    assert (await scene.principal(fresh)).oauth == OAuthOrigin(
        scene.app.id, scene.owner_id, token.grant_id, "trusted_advanced_access"
    )
    found = await scene.database.read(
        lambda tx: oauth_token.find_management(tx, token.grant_id, now_us=scene.clock.now_us())
    )
    assert found == second
    assert first.id != second.id


async def test_an_unknown_token_is_unknown(scene: Scene) -> None:
    assert await scene.look_up(new_oauth_token()) is None


async def test_the_authenticator_knows_them_and_forgets_them_in_time(scene: Scene) -> None:
    authenticator = Authenticator(scene.database, scene.clock)
    token, secret = await scene.token()
    try:
        found = await authenticator.authenticate(secret)
        assert (found.kind, found.account_id) == ("oauth", scene.user_id)

        await revoke(scene, token.id)
        scene.clock.advance_s(0.5)
        with pytest.raises(CredentialEnded):
            await authenticator.authenticate(secret)
        with pytest.raises(InvalidCredential):
            await authenticator.authenticate(new_oauth_token())
        with pytest.raises(InvalidCredential):
            authenticator.authenticate_now(secret[:-1] + "!")
    finally:
        await authenticator.close()


async def test_the_minute_of_a_tokens_use_is_noted(scene: Scene) -> None:
    authenticator = Authenticator(scene.database, scene.clock)
    token, secret = await scene.token()
    scene.clock.advance_s(90)

    await authenticator.authenticate(secret)
    await authenticator.close()

    used = await scene.database.read(lambda tx: oauth_token.get(tx, scene.user, token.id))
    assert used.last_used_at == scene.clock.now_us() - 30_000_000


async def test_an_app_of_staging_makes_tokens_of_staging(
    database: Database, clock: FixedClock
) -> None:
    scene = await open_scene(database, clock, environment="staging")
    _, secret = await scene.token()

    assert (await scene.principal(secret)).environment == "staging"
