"""From consent to token to its end: codes, grants, tokens."""

import asyncio
import base64
import hashlib

import pytest

from kernel.clock import DAY_US, FixedClock
from kernel.errors import InvalidInput, NotFound
from kernel.tenant import Tenant
from keys.account_access import LiveNotOpen
from keys.authenticator import Authenticator, InvalidCredential
from keys.oauth import grant as oauth_grant, token as oauth_token
from keys.oauth.grant import CodeRefused
from keys.oauth.token import OAuthToken
from keys.principal import CredentialEnded, OAuthOrigin, Refusal
from keys.token_format import new_oauth_token, parse
from store.database import Database, Row, Transaction
from store.open import open_database
from tests.support.oauth_consent import REDIRECT, OAuthConsent, account, manage, open_consent

VERIFIER = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
# RFC 7636, appendix B.
CHALLENGE = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"


@pytest.fixture
async def consent(database: Database, clock: FixedClock) -> OAuthConsent:
    return await open_consent(database, clock)


async def test_a_code_of_16_characters_becomes_a_token_of_90_days(consent: OAuthConsent) -> None:
    code = await consent.code()
    token, secret = await consent.exchange(code, redirect_uri=REDIRECT)

    assert len(code) == 16
    assert code.isalnum()
    parsed = parse(secret)
    assert parsed is not None
    assert (parsed.kind, parsed.environment) == ("oauth_token", None)
    assert secret.startswith("oat_")
    assert token.expires_at == consent.clock.now_us() + 90 * DAY_US
    assert (token.account_id, token.environment) == (consent.user_id, "live")


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
    consent: OAuthConsent, scope: str, held: set[str]
) -> None:
    app, _ = await consent.register(scope=scope)

    token, secret = await consent.token(app=app)
    found = await consent.principal(secret)

    assert found.scopes == held
    assert (found.kind, found.credential_id, found.lineage) == ("oauth", token.id, ())
    assert (found.account_id, found.environment) == (consent.user_id, "live")
    assert found.account_email == "user@example.com"
    assert found.oauth == OAuthOrigin(app.id, consent.owner_id, token.grant_id, app.scope)


async def test_nothing_of_code_or_token_is_stored_but_digests(consent: OAuthConsent) -> None:
    code = await consent.code()
    _, secret = await consent.exchange(code)

    async def work(tx: Transaction) -> list[Row]:
        return [
            *await tx.fetch("SELECT * FROM oauth_codes"),
            *await tx.fetch("SELECT * FROM oauth_tokens"),
        ]

    text = str([tuple(row) for row in await consent.database.read(work)])

    assert code not in text
    assert secret[8:-4] not in text


async def test_a_code_works_once_whoever_comes_at_the_same_time(
    consent: OAuthConsent, database_url: str
) -> None:
    code = await consent.code()
    other = open_database(database_url)
    try:
        outcomes = await asyncio.gather(
            *(
                consent.exchange(code, database=database)
                for database in (consent.database, other)
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
    assert await consent.look_up(won[0][1]) == Refusal("revoked")


async def test_a_code_is_dead_after_ten_minutes(consent: OAuthConsent) -> None:
    young, old = await consent.code(), await consent.code()

    consent.clock.advance_s(599.999999)
    await consent.exchange(young)
    consent.clock.advance_s(0.000001)

    with pytest.raises(CodeRefused):
        await consent.exchange(old)


async def test_a_code_is_its_own_apps_and_survives_anothers_try(consent: OAuthConsent) -> None:
    code = await consent.code()
    thief, _ = await consent.register(name="Thief")

    with pytest.raises(CodeRefused):
        await consent.exchange(code, app=thief)
    await consent.exchange(code)


async def test_a_code_is_bound_to_its_redirect_where_the_app_repeats_it(
    consent: OAuthConsent,
) -> None:
    code = await consent.code()

    with pytest.raises(CodeRefused):
        await consent.exchange(code, redirect_uri="https://app.example.com/other")
    await consent.exchange(code, redirect_uri=REDIRECT)


@pytest.mark.parametrize("code", ["", "x", "0" * 16, "é\x00\ud800", "x" * 10_000])
async def test_a_made_up_code_is_refused(consent: OAuthConsent, code: str) -> None:
    with pytest.raises(CodeRefused):
        await consent.exchange(code)


async def test_the_verifier_of_the_challenge_is_required(consent: OAuthConsent) -> None:
    code = await consent.code(challenge=CHALLENGE)
    plain = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest())
    assert plain.decode().rstrip("=") == CHALLENGE

    for wrong in (None, "", CHALLENGE, VERIFIER[:-1], VERIFIER + "k", "x" * 43):
        with pytest.raises(CodeRefused):
            await consent.exchange(code, verifier=wrong)
    await consent.exchange(code, verifier=VERIFIER)


async def test_a_verifier_without_a_challenge_is_refused(consent: OAuthConsent) -> None:
    # Somebody took the challenge away on the way to the consent page (RFC 9700, 4.8.2).
    code = await consent.code()

    with pytest.raises(CodeRefused):
        await consent.exchange(code, verifier=VERIFIER)


async def test_old_codes_make_room(consent: OAuthConsent) -> None:
    codes = []
    for _ in range(21):
        codes.append(await consent.code())
        consent.clock.advance_s(1)

    with pytest.raises(CodeRefused):
        await consent.exchange(codes[0])
    await consent.exchange(codes[1])

    async def count(tx: Transaction) -> int:
        row = await tx.fetch_one("SELECT COUNT(*) AS n FROM oauth_codes")
        assert row is not None
        return int(row["n"])

    assert await consent.database.read(count) == 20


async def test_a_sandbox_account_consents_to_nothing_live(consent: OAuthConsent) -> None:
    sandbox = await account(consent.database, consent.clock, is_sandbox=True)

    with pytest.raises(InvalidInput):
        await consent.code(user_id=sandbox)


async def test_who_has_no_live_consents_to_nothing_live(consent: OAuthConsent) -> None:
    newcomer = await account(consent.database, consent.clock, has_live=False)

    with pytest.raises(LiveNotOpen):
        await consent.code(user_id=newcomer)


# Grants


async def test_one_user_has_one_grant_for_an_app_whatever_is_consented_again(
    consent: OAuthConsent,
) -> None:
    first, _ = await consent.token()
    consent.clock.advance_s(60)
    second, _ = await consent.token()

    (grant,) = await consent.grants()

    assert first.grant_id == second.grant_id == grant.id
    assert grant.consented_at == consent.clock.now_us()
    assert (grant.app_name, grant.cap_micros, grant.cap_period) == ("Wiki bot", 10_000_000, "month")


async def test_a_grant_that_ends_takes_every_token_with_it(consent: OAuthConsent) -> None:
    token, secret = await consent.token()
    _, other = await consent.token()
    _, managing = await manage(consent, token.grant_id)

    ended = await consent.end_grant(token.grant_id)

    assert ended.revoked_at == consent.clock.now_us()
    for each in (secret, other, managing):
        assert await consent.look_up(each) == Refusal("revoked")


async def test_a_new_consent_revives_no_old_token(consent: OAuthConsent) -> None:
    token, secret = await consent.token()
    await consent.end_grant(token.grant_id)

    again, fresh = await consent.token()

    assert again.grant_id == token.grant_id
    assert await consent.look_up(secret) == Refusal("revoked")
    assert (await consent.principal(fresh)).account_id == consent.user_id


async def test_a_disabled_app_takes_every_users_tokens_with_it(consent: OAuthConsent) -> None:
    other = await account(consent.database, consent.clock)
    tokens = [(await consent.token())[1], (await consent.token(user_id=other))[1]]

    await consent.disable()

    for each in tokens:
        assert await consent.look_up(each) == Refusal("revoked")


@pytest.mark.parametrize("which", ["another account", "another environment", "the owner"])
async def test_nobody_else_ends_a_grant_or_a_token(consent: OAuthConsent, which: str) -> None:
    token, secret = await consent.token()
    stranger: Tenant = {
        "another account": Tenant(await account(consent.database, consent.clock), "live"),
        "another environment": Tenant(consent.user_id, "staging"),
        "the owner": consent.app.owner,
    }[which]

    with pytest.raises(NotFound):
        await consent.end_grant(token.grant_id, user=stranger)
    with pytest.raises(NotFound):
        await revoke(consent, token.id, user=stranger)

    assert await consent.database.read(lambda tx: oauth_grant.list_grants(tx, stranger)) == []
    assert await live_tokens(consent, token.grant_id, user=stranger) == []
    await consent.principal(secret)


# Tokens


async def revoke(consent: OAuthConsent, token_id: str, *, user: Tenant | None = None) -> OAuthToken:
    return await consent.database.transaction(
        lambda tx: oauth_token.revoke(
            tx, user or consent.user, token_id, now_us=consent.clock.now_us()
        )
    )


async def live_tokens(
    consent: OAuthConsent, grant_id: str, *, user: Tenant | None = None
) -> list[str]:
    listed = await consent.database.read(
        lambda tx: oauth_token.list_live(
            tx, user or consent.user, grant_id, now_us=consent.clock.now_us()
        )
    )
    return [token.id for token in listed]


async def test_one_token_ends_alone(consent: OAuthConsent) -> None:
    token, secret = await consent.token()
    kept, other = await consent.token()

    assert await live_tokens(consent, token.grant_id) == [kept.id, token.id]
    first = await revoke(consent, token.id)
    consent.clock.advance_s(1)
    assert await revoke(consent, token.id) == first

    assert await live_tokens(consent, token.grant_id) == [kept.id]
    assert await consent.look_up(secret) == Refusal("revoked")
    await consent.principal(other)


async def test_a_token_ends_after_90_days(consent: OAuthConsent) -> None:
    _, secret = await consent.token()

    consent.clock.advance_s(90 * 86_400 - 0.000001)
    await consent.principal(secret)
    consent.clock.advance_s(0.000001)

    assert await consent.look_up(secret) == Refusal("expired")


async def test_a_grant_has_twenty_access_tokens_at_most(consent: OAuthConsent) -> None:
    token, first = await consent.token()
    _, second = await consent.token()
    _, managing = await manage(consent, token.grant_id)
    for _ in range(19):
        await consent.token()

    assert await consent.look_up(first) == Refusal("revoked")
    await consent.principal(second)
    await consent.principal(managing)


async def test_a_grant_has_one_management_token_which_rotates(consent: OAuthConsent) -> None:
    token, _ = await consent.token()
    first, old = await manage(consent, token.grant_id)

    second, fresh = await manage(consent, token.grant_id)

    assert await consent.look_up(old) == Refusal("revoked")
    assert (await consent.principal(fresh)).oauth == OAuthOrigin(
        consent.app.id, consent.owner_id, token.grant_id, "trusted_advanced_access"
    )
    found = await consent.database.read(
        lambda tx: oauth_token.find_management(tx, token.grant_id, now_us=consent.clock.now_us())
    )
    assert found == second
    assert first.id != second.id


async def test_an_unknown_token_is_unknown(consent: OAuthConsent) -> None:
    assert await consent.look_up(new_oauth_token()) is None


async def test_the_authenticator_knows_them_and_forgets_them_in_time(consent: OAuthConsent) -> None:
    authenticator = Authenticator(consent.database, consent.clock)
    token, secret = await consent.token()
    try:
        found = await authenticator.authenticate(secret)
        assert (found.kind, found.account_id) == ("oauth", consent.user_id)

        await revoke(consent, token.id)
        consent.clock.advance_s(0.5)
        with pytest.raises(CredentialEnded):
            await authenticator.authenticate(secret)
        with pytest.raises(InvalidCredential):
            await authenticator.authenticate(new_oauth_token())
        with pytest.raises(InvalidCredential):
            authenticator.authenticate_now(secret[:-1] + "!")
    finally:
        await authenticator.close()


async def test_the_minute_of_a_tokens_use_is_noted(consent: OAuthConsent) -> None:
    authenticator = Authenticator(consent.database, consent.clock)
    token, secret = await consent.token()
    consent.clock.advance_s(90)

    await authenticator.authenticate(secret)
    await authenticator.close()

    used = await consent.database.read(lambda tx: oauth_token.get(tx, consent.user, token.id))
    assert used.last_used_at == consent.clock.now_us() - 30_000_000


async def test_an_app_of_staging_makes_tokens_of_staging(
    database: Database, clock: FixedClock
) -> None:
    consent = await open_consent(database, clock, environment="staging")
    _, secret = await consent.token()

    assert (await consent.principal(secret)).environment == "staging"
