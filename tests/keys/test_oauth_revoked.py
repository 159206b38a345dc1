"""Access that was taken away stays away: codes of before, codes used twice, public apps' proof."""

import asyncio

import pytest

from kernel.clock import FixedClock
from kernel.errors import InvalidInput
from keys.lineage import Refusal
from keys.oauth.code import CodeRefused
from store.database import Database
from store.open import open_database
from tests.keys.consenting import REDIRECT, Scene, account, manage, open_scene

VERIFIER = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
# RFC 7636, appendix B.
CHALLENGE = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"


@pytest.fixture
async def scene(database: Database, clock: FixedClock) -> Scene:
    return await open_scene(database, clock)


async def test_a_code_of_before_the_revocation_never_gives_a_token(scene: Scene) -> None:
    token, _ = await scene.token()
    code = await scene.code()
    await scene.end_grant(token.grant_id)

    for _ in range(2):
        with pytest.raises(CodeRefused):
            await scene.exchange(code)

    (grant,) = await scene.grants()
    assert grant.revoked_at is not None
    # A new consent is a new code, and the old one stays dead beside it.
    _, secret = await scene.token()
    with pytest.raises(CodeRefused):
        await scene.exchange(code)
    await scene.principal(secret)


async def test_a_revocation_ends_codes_of_a_consent_that_came_after_an_earlier_one(
    scene: Scene,
) -> None:
    token, _ = await scene.token()
    await scene.end_grant(token.grant_id)
    code = await scene.code()

    await scene.end_grant(token.grant_id)

    with pytest.raises(CodeRefused):
        await scene.exchange(code)


async def test_a_revocation_leaves_the_codes_of_other_apps_and_users(scene: Scene) -> None:
    token, _ = await scene.token()
    other_app, _ = await scene.register(name="Other")
    other_user = await account(scene.database, scene.clock)
    theirs = [
        (await scene.code(app=other_app), other_app),
        (await scene.code(user_id=other_user), scene.app),
    ]

    await scene.end_grant(token.grant_id)

    for code, app in theirs:
        await scene.exchange(code, app=app)


async def test_of_thirty_exchanges_beside_a_revocation_none_outlives_it(
    scene: Scene, database_url: str
) -> None:
    token, first = await scene.token()
    codes = []
    for _ in range(15):
        codes.append(await scene.code())
        scene.clock.advance_s(1)
    other = open_database(database_url)
    databases = (scene.database, other)
    try:
        outcomes = await asyncio.gather(
            *(scene.exchange(code, database=databases[n % 2]) for n, code in enumerate(codes)),
            scene.end_grant(token.grant_id),
            *(scene.exchange(code, database=databases[n % 2]) for n, code in enumerate(codes)),
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
        assert await scene.look_up(secret) == Refusal("revoked")
    (grant,) = await scene.grants()
    assert grant.revoked_at is not None


async def test_a_second_use_of_a_code_ends_what_the_first_gave(scene: Scene) -> None:
    code = await scene.code()
    token, secret = await scene.exchange(code)
    _, managing = await manage(scene, token.grant_id)
    waiting = await scene.code()

    with pytest.raises(CodeRefused):
        await scene.exchange(code)

    for each in (secret, managing):
        assert await scene.look_up(each) == Refusal("revoked")
    with pytest.raises(CodeRefused):
        await scene.exchange(waiting)
    # The user consents again, and a third use of the old code ends nothing of that.
    _, fresh = await scene.token()
    with pytest.raises(CodeRefused):
        await scene.exchange(code)
    await scene.principal(fresh)


async def test_another_app_ends_nothing_with_a_used_code(scene: Scene) -> None:
    code = await scene.code()
    _, secret = await scene.exchange(code)
    thief, _ = await scene.register(name="Thief")

    with pytest.raises(CodeRefused):
        await scene.exchange(code, app=thief)

    await scene.principal(secret)


async def test_a_used_code_is_known_for_a_day(scene: Scene) -> None:
    code = await scene.code()
    _, secret = await scene.exchange(code)
    scene.clock.advance_s(86_000)
    await scene.code()

    with pytest.raises(CodeRefused):
        await scene.exchange(code)

    assert await scene.look_up(secret) == Refusal("revoked")


async def test_a_public_app_proves_itself_by_the_verifier_alone(scene: Scene) -> None:
    app, secret = await scene.register(redirect_host="", redirect_uris=[REDIRECT], is_public=True)

    with pytest.raises(InvalidInput):
        await scene.code(app=app)
    code = await scene.code(app=app, challenge=CHALLENGE)
    for wrong in (None, "x" * 43):
        with pytest.raises(CodeRefused):
            await scene.exchange(code, app=app, verifier=wrong)
    await scene.exchange(code, app=app, verifier=VERIFIER)

    assert secret == ""
