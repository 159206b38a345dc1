"""OAuth apps: registered, authenticated, rotated, disabled."""

from typing import Any

import pytest

from kernel.clock import FixedClock
from kernel.errors import InvalidInput, NotFound
from keys.api_keys.grantable import KeyLimitReached
from keys.oauth import app as oauth_app
from keys.oauth.app import ClientRefused, OAuthApp
from store.database import Database, Row, Transaction
from tests.keys.consenting import Scene, open_scene


@pytest.fixture
async def scene(database: Database, clock: FixedClock) -> Scene:
    return await open_scene(database, clock)


async def authenticate(scene: Scene, app_id: str, secret: str) -> OAuthApp:
    return await scene.database.read(lambda tx: oauth_app.authenticate(tx, app_id, secret))


async def test_an_app_has_its_owners_environment_and_a_cap_of_ten_dollars_a_month(
    scene: Scene,
) -> None:
    app = scene.app

    assert (app.account_id, app.environment) == (scene.owner_id, "live")
    assert (app.cap_micros, app.cap_period) == (10_000_000, "month")
    assert (app.redirect_host, app.scope) == ("app.example.com", "trusted_advanced_access")
    assert app.secret_last4 == scene.secret[-4:]


async def test_the_secret_is_stored_as_its_digest_only(scene: Scene) -> None:
    async def work(tx: Transaction) -> Row | None:
        return await tx.fetch_one("SELECT * FROM oauth_apps WHERE id = :id", id=scene.app.id)

    row = await scene.database.read(work)

    assert row is not None
    # 43 characters of 62 are 256 bits.
    assert scene.secret.startswith("oas_")
    assert len(scene.secret) == 47
    assert scene.secret[4:-4] not in str(tuple(row))


async def test_id_and_secret_authenticate_the_app(scene: Scene) -> None:
    assert await authenticate(scene, scene.app.id, scene.secret) == scene.app


async def test_another_secret_another_id_and_a_disabled_app_look_the_same(scene: Scene) -> None:
    other, other_secret = await scene.register(name="Other")
    said = set()
    for app_id, secret in (
        (scene.app.id, other_secret),
        (other.id, scene.secret),
        ("app_0000000000000000", scene.secret),
        (scene.app.id, ""),
        (scene.app.id, scene.secret[:-1]),
    ):
        with pytest.raises(ClientRefused) as refused:
            await authenticate(scene, app_id, secret)
        said.add(str(refused.value))
    await scene.disable()
    with pytest.raises(ClientRefused) as refused:
        await authenticate(scene, scene.app.id, scene.secret)

    assert said == {str(refused.value)}


async def test_a_rotated_secret_replaces_the_old_one_at_once(scene: Scene) -> None:
    app, fresh = await scene.database.transaction(
        lambda tx: oauth_app.rotate(tx, scene.app.owner, scene.app.id, now_us=scene.clock.now_us())
    )

    assert (app.rotated_at, app.secret_last4) == (scene.clock.now_us(), fresh[-4:])
    assert (await authenticate(scene, app.id, fresh)).id == app.id
    with pytest.raises(ClientRefused):
        await authenticate(scene, app.id, scene.secret)


async def test_rotating_keeps_the_users_tokens(scene: Scene) -> None:
    _, token = await scene.token()

    await scene.database.transaction(
        lambda tx: oauth_app.rotate(tx, scene.app.owner, scene.app.id, now_us=1)
    )

    assert (await scene.principal(token)).account_id == scene.user_id


@pytest.mark.parametrize("which", ["another account", "another environment"])
async def test_strangers_find_no_app(scene: Scene, which: str) -> None:
    stranger = (
        (scene.user_id, "live") if which == "another account" else (scene.owner_id, "staging")
    )
    with pytest.raises(NotFound):
        await scene.database.transaction(
            lambda tx: oauth_app.rotate(tx, stranger, scene.app.id, now_us=1)
        )
    with pytest.raises(NotFound):
        await scene.database.transaction(
            lambda tx: oauth_app.disable(tx, stranger, scene.app.id, now_us=1)
        )

    assert await scene.database.read(lambda tx: oauth_app.list_apps(tx, stranger)) == []


async def test_a_disabled_app_cannot_come_back(scene: Scene) -> None:
    first = await scene.disable()
    scene.clock.advance_s(60)
    second = await scene.disable()

    assert first.disabled_at == second.disabled_at is not None
    with pytest.raises(NotFound):
        await scene.database.transaction(
            lambda tx: oauth_app.rotate(tx, scene.app.owner, scene.app.id, now_us=1)
        )


async def test_apps_are_listed_newest_first_by_page(scene: Scene) -> None:
    second, _ = await scene.register(name="Second")

    listed = await scene.database.read(lambda tx: oauth_app.list_apps(tx, scene.app.owner, limit=1))
    older = await scene.database.read(
        lambda tx: oauth_app.list_apps(tx, scene.app.owner, before_id=second.id)
    )

    assert [app.name for app in listed] == ["Second"]
    assert [app.name for app in older] == ["Wiki bot"]


@pytest.mark.one_database
@pytest.mark.parametrize(
    "fields",
    [
        {"scope": "admin"},
        {"scope": ""},
        {"name": ""},
        {"name": "a\x00b"},
        {"name": "\u202egnp.exe"},
        {"redirect_host": "https://app.example.com"},
        {"cap_micros": -1},
        {"cap_micros": 2**62},
        {"cap_period": "year"},
    ],
)
async def test_what_makes_no_sense_is_no_app(scene: Scene, fields: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput):
        await scene.register(**fields)


async def test_an_account_has_a_hundred_apps_at_most(scene: Scene) -> None:
    for _ in range(99):
        await scene.register()

    with pytest.raises(KeyLimitReached):
        await scene.register()
    await scene.disable()
    await scene.register()
