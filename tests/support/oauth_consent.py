"""An app, its owner and a user who consents to it."""

from dataclasses import dataclass
from typing import Any

from kernel.clock import FixedClock
from kernel.tenant import Tenant
from keys.account import create_account, lock_tenants
from keys.oauth import app as oauth_app, grant as oauth_grant, token as oauth_token
from keys.oauth.app import NewApp, OAuthApp
from keys.oauth.grant import CodeReused, Grant
from keys.oauth.token import OAuthToken
from keys.principal import Environment, Principal, Refusal
from keys.token_format import digest
from store.database import Database, Transaction
from tests.support.sign_ins import begin_sign_in

REDIRECT = "https://app.example.com/cb"


@dataclass
class OAuthConsent:
    """Short ways through consent and exchange; everything in the app's environment."""

    database: Database
    clock: FixedClock
    owner_id: str
    user_id: str
    app: OAuthApp
    secret: str

    @property
    def user(self) -> Tenant:
        return Tenant(self.user_id, self.app.environment)

    async def register(self, **fields: Any) -> tuple[OAuthApp, str]:
        return await register(self.database, self.clock, self.app.owner, **fields)

    async def code(
        self,
        *,
        app: OAuthApp | None = None,
        redirect_uri: str = REDIRECT,
        challenge: str | None = None,
        user_id: str | None = None,
    ) -> str:
        used, account_id = app or self.app, user_id or self.user_id

        async def work(tx: Transaction) -> str:
            await lock_tenants(tx, [Tenant(account_id, used.environment)])
            session_id = await begin_sign_in(tx, account_id, now_us=self.clock.now_us())
            return await oauth_grant.issue_code(
                tx,
                used,
                account_id,
                redirect_uri=redirect_uri,
                challenge=challenge,
                session_id=session_id,
                now_us=self.clock.now_us(),
            )

        return await self.database.transaction(work)

    async def exchange(
        self,
        code: str,
        *,
        app: OAuthApp | None = None,
        redirect_uri: str | None = None,
        verifier: str | None = None,
        database: Database | None = None,
    ) -> tuple[OAuthToken, str]:
        issued = await (database or self.database).transaction(
            lambda tx: oauth_token.exchange(
                tx,
                app or self.app,
                code,
                redirect_uri=redirect_uri,
                verifier=verifier,
                now_us=self.clock.now_us(),
            )
        )
        if isinstance(issued, CodeReused):
            raise issued
        return issued

    async def token(
        self, *, app: OAuthApp | None = None, user_id: str | None = None
    ) -> tuple[OAuthToken, str]:
        return await self.exchange(await self.code(app=app, user_id=user_id), app=app)

    async def look_up(self, secret: str) -> Principal | Refusal | None:
        wanted = digest(secret)
        found = await self.database.read(
            lambda tx: oauth_token.load_principals(tx, [wanted], now_us=self.clock.now_us())
        )
        return found.get(wanted)

    async def principal(self, secret: str) -> Principal:
        found = await self.look_up(secret)
        assert isinstance(found, Principal), found
        return found

    async def grants(self) -> list[Grant]:
        return await self.database.read(lambda tx: oauth_grant.list_grants(tx, self.user))

    async def end_grant(self, grant_id: str, *, user: Tenant | None = None) -> Grant:
        async def work(tx: Transaction) -> Grant:
            await lock_tenants(tx, [user or self.user])
            return await oauth_token.end_grant(
                tx, user or self.user, grant_id, now_us=self.clock.now_us()
            )

        return await self.database.transaction(work)

    async def disable(self) -> OAuthApp:
        return await self.database.transaction(
            lambda tx: oauth_app.disable(
                tx, self.app.owner, self.app.id, now_us=self.clock.now_us()
            )
        )


async def register(
    database: Database, clock: FixedClock, owner: Tenant, **given: Any
) -> tuple[OAuthApp, str]:
    new = NewApp(
        **{
            "name": "Wiki bot",
            "redirect_host": "app.example.com",
            "scope": "trusted_advanced_access",
            **given,
        }
    )
    return await database.transaction(
        lambda tx: oauth_app.create(tx, owner, new, now_us=clock.now_us())
    )


async def account(database: Database, clock: FixedClock, **fields: Any) -> str:
    return await database.transaction(
        lambda tx: create_account(
            tx, **{"name": "User", "email": None, **fields}, now_us=clock.now_us()
        )
    )


async def open_consent(
    database: Database, clock: FixedClock, *, environment: Environment = "live", **app: Any
) -> OAuthConsent:
    owner_id = await account(database, clock, name="Owner")
    user_id = await account(database, clock, email="user@example.com")
    made, secret = await register(database, clock, Tenant(owner_id, environment), **app)
    return OAuthConsent(database, clock, owner_id, user_id, made, secret)


async def manage(consent: OAuthConsent, grant_id: str) -> tuple[OAuthToken, str]:
    async def work(tx: Transaction) -> tuple[OAuthToken, str]:
        grant = await oauth_grant.get(tx, consent.user, grant_id)
        return await oauth_token.rotate_management(tx, grant, now_us=consent.clock.now_us())

    return await consent.database.transaction(work)
