"""OAuth apps: registered, authenticated, rotated, disabled."""

from typing import Any

import pytest

from kernel.clock import FixedClock
from kernel.errors import InvalidInput, NotFound
from kernel.tenant import Tenant
from keys.api_keys.grantable import KeyLimitReached
from keys.oauth import app as oauth_app
from keys.oauth.app import ClientRefused, OAuthApp
from store.database import Database, Row, Transaction
from tests.support.oauth_consent import OAuthConsent, open_consent


@pytest.fixture
async def consent(database: Database, clock: FixedClock) -> OAuthConsent:
    return await open_consent(database, clock)


async def authenticate(consent: OAuthConsent, app_id: str, secret: str) -> OAuthApp:
    return await consent.database.read(lambda tx: oauth_app.authenticate(tx, app_id, secret))


async def test_an_app_has_its_owners_environment_and_a_cap_of_ten_dollars_a_month(
    consent: OAuthConsent,
) -> None:
    app = consent.app

    assert (app.account_id, app.environment) == (consent.owner_id, "live")
    assert (app.cap_micros, app.cap_period) == (10_000_000, "month")
    assert (app.redirect_host, app.scope) == ("app.example.com", "trusted_advanced_access")
    assert app.secret_last4 == consent.secret[-4:]


async def test_the_secret_is_stored_as_its_digest_only(consent: OAuthConsent) -> None:
    async def work(tx: Transaction) -> Row | None:
        return await tx.fetch_one("SELECT * FROM oauth_apps WHERE id = :id", id=consent.app.id)

    row = await consent.database.read(work)

    assert row is not None
    # 43 characters of 62 are 256 bits.
    assert consent.secret.startswith("oas_")
    assert len(consent.secret) == 47
    assert consent.secret[4:-4] not in str(tuple(row))


async def test_id_and_secret_authenticate_the_app(consent: OAuthConsent) -> None:
    assert await authenticate(consent, consent.app.id, consent.secret) == consent.app


async def test_another_secret_another_id_and_a_disabled_app_look_the_same(
    consent: OAuthConsent,
) -> None:
    other, other_secret = await consent.register(name="Other")
    said = set()
    for app_id, secret in (
        (consent.app.id, other_secret),
        (other.id, consent.secret),
        ("app_0000000000000000", consent.secret),
        (consent.app.id, ""),
        (consent.app.id, consent.secret[:-1]),
    ):
        with pytest.raises(ClientRefused) as refused:
            await authenticate(consent, app_id, secret)
        said.add(str(refused.value))
    await consent.disable()
    with pytest.raises(ClientRefused) as refused:
        await authenticate(consent, consent.app.id, consent.secret)

    assert said == {str(refused.value)}


async def test_a_rotated_secret_replaces_the_old_one_at_once(consent: OAuthConsent) -> None:
    app, fresh = await consent.database.transaction(
        lambda tx: oauth_app.rotate(
            tx, consent.app.owner, consent.app.id, now_us=consent.clock.now_us()
        )
    )

    assert (app.rotated_at, app.secret_last4) == (consent.clock.now_us(), fresh[-4:])
    assert (await authenticate(consent, app.id, fresh)).id == app.id
    with pytest.raises(ClientRefused):
        await authenticate(consent, app.id, consent.secret)


async def test_rotating_keeps_the_users_tokens(consent: OAuthConsent) -> None:
    _, token = await consent.token()

    await consent.database.transaction(
        lambda tx: oauth_app.rotate(tx, consent.app.owner, consent.app.id, now_us=1)
    )

    assert (await consent.principal(token)).account_id == consent.user_id


@pytest.mark.parametrize("which", ["another account", "another environment"])
async def test_strangers_find_no_app(consent: OAuthConsent, which: str) -> None:
    stranger = (
        Tenant(consent.user_id, "live")
        if which == "another account"
        else Tenant(consent.owner_id, "staging")
    )
    with pytest.raises(NotFound):
        await consent.database.transaction(
            lambda tx: oauth_app.rotate(tx, stranger, consent.app.id, now_us=1)
        )
    with pytest.raises(NotFound):
        await consent.database.transaction(
            lambda tx: oauth_app.disable(tx, stranger, consent.app.id, now_us=1)
        )

    assert await consent.database.read(lambda tx: oauth_app.list_apps(tx, stranger)) == []


async def test_a_disabled_app_cannot_come_back(consent: OAuthConsent) -> None:
    first = await consent.disable()
    consent.clock.advance_s(60)
    second = await consent.disable()

    assert first.disabled_at == second.disabled_at is not None
    with pytest.raises(NotFound):
        await consent.database.transaction(
            lambda tx: oauth_app.rotate(tx, consent.app.owner, consent.app.id, now_us=1)
        )


async def test_apps_are_listed_newest_first_by_page(consent: OAuthConsent) -> None:
    second, _ = await consent.register(name="Second")

    listed = await consent.database.read(
        lambda tx: oauth_app.list_apps(tx, consent.app.owner, limit=1)
    )
    older = await consent.database.read(
        lambda tx: oauth_app.list_apps(tx, consent.app.owner, before_id=second.id)
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
async def test_what_makes_no_sense_is_no_app(consent: OAuthConsent, fields: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput):
        await consent.register(**fields)


async def test_an_account_has_a_hundred_apps_at_most(consent: OAuthConsent) -> None:
    for _ in range(99):
        await consent.register()

    with pytest.raises(KeyLimitReached):
        await consent.register()
    await consent.disable()
    await consent.register()
