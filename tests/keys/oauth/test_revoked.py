"""Access that was taken away stays away: codes of before, codes used twice, public apps' proof."""

import asyncio

import pytest

from kernel.clock import FixedClock
from kernel.errors import InvalidInput
from keys.oauth.grant import CodeRefused
from keys.principal import Refusal
from store.database import Database
from store.open import open_database
from tests.support.oauth_consent import REDIRECT, OAuthConsent, account, manage, open_consent

VERIFIER = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
# RFC 7636, appendix B.
CHALLENGE = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"


@pytest.fixture
async def consent(database: Database, clock: FixedClock) -> OAuthConsent:
    return await open_consent(database, clock)


async def test_a_code_of_before_the_revocation_never_gives_a_token(consent: OAuthConsent) -> None:
    token, _ = await consent.token()
    code = await consent.code()
    await consent.end_grant(token.grant_id)

    for _ in range(2):
        with pytest.raises(CodeRefused):
            await consent.exchange(code)

    (grant,) = await consent.grants()
    assert grant.revoked_at is not None
    # A new consent is a new code, and the old one stays dead beside it.
    _, secret = await consent.token()
    with pytest.raises(CodeRefused):
        await consent.exchange(code)
    await consent.principal(secret)


async def test_a_revocation_ends_codes_of_a_consent_that_came_after_an_earlier_one(
    consent: OAuthConsent,
) -> None:
    token, _ = await consent.token()
    await consent.end_grant(token.grant_id)
    code = await consent.code()

    await consent.end_grant(token.grant_id)

    with pytest.raises(CodeRefused):
        await consent.exchange(code)


async def test_a_revocation_leaves_the_codes_of_other_apps_and_users(consent: OAuthConsent) -> None:
    token, _ = await consent.token()
    other_app, _ = await consent.register(name="Other")
    other_user = await account(consent.database, consent.clock)
    theirs = [
        (await consent.code(app=other_app), other_app),
        (await consent.code(user_id=other_user), consent.app),
    ]

    await consent.end_grant(token.grant_id)

    for code, app in theirs:
        await consent.exchange(code, app=app)


async def test_of_thirty_exchanges_beside_a_revocation_none_outlives_it(
    consent: OAuthConsent, database_url: str
) -> None:
    token, first = await consent.token()
    codes = []
    for _ in range(15):
        codes.append(await consent.code())
        consent.clock.advance_s(1)
    other = open_database(database_url)
    databases = (consent.database, other)
    try:
        outcomes = await asyncio.gather(
            *(consent.exchange(code, database=databases[n % 2]) for n, code in enumerate(codes)),
            consent.end_grant(token.grant_id),
            *(consent.exchange(code, database=databases[n % 2]) for n, code in enumerate(codes)),
            return_exceptions=True,
        )
    finally:
        await other.close()

    issued = [one for one in outcomes if isinstance(one, tuple)]
    refused = [one for one in outcomes if isinstance(one, BaseException)]
    assert len(issued) <= 15
    assert len(issued) + len(refused) == 30
    assert all(isinstance(one, CodeRefused) for one in refused), refused
    for secret in (first, *(secret for _, secret in issued)):
        assert await consent.look_up(secret) == Refusal("revoked")
    (grant,) = await consent.grants()
    assert grant.revoked_at is not None


async def test_a_second_use_of_a_code_ends_what_the_first_gave(consent: OAuthConsent) -> None:
    code = await consent.code()
    token, secret = await consent.exchange(code)
    _, managing = await manage(consent, token.grant_id)
    waiting = await consent.code()

    with pytest.raises(CodeRefused):
        await consent.exchange(code)

    for each in (secret, managing):
        assert await consent.look_up(each) == Refusal("revoked")
    with pytest.raises(CodeRefused):
        await consent.exchange(waiting)
    # The user consents again, and a third use of the old code ends nothing of that.
    _, fresh = await consent.token()
    with pytest.raises(CodeRefused):
        await consent.exchange(code)
    await consent.principal(fresh)


async def test_another_app_ends_nothing_with_a_used_code(consent: OAuthConsent) -> None:
    code = await consent.code()
    _, secret = await consent.exchange(code)
    thief, _ = await consent.register(name="Thief")

    with pytest.raises(CodeRefused):
        await consent.exchange(code, app=thief)

    await consent.principal(secret)


async def test_a_used_code_is_known_for_a_day(consent: OAuthConsent) -> None:
    code = await consent.code()
    _, secret = await consent.exchange(code)
    consent.clock.advance_s(86_000)
    await consent.code()

    with pytest.raises(CodeRefused):
        await consent.exchange(code)

    assert await consent.look_up(secret) == Refusal("revoked")


async def test_a_public_app_proves_itself_by_the_verifier_alone(consent: OAuthConsent) -> None:
    app, secret = await consent.register(redirect_host="", redirect_uris=[REDIRECT], is_public=True)

    with pytest.raises(InvalidInput):
        await consent.code(app=app)
    code = await consent.code(app=app, challenge=CHALLENGE)
    for wrong in (None, "x" * 43):
        with pytest.raises(CodeRefused):
            await consent.exchange(code, app=app, verifier=wrong)
    await consent.exchange(code, app=app, verifier=VERIFIER)

    assert secret == ""
