"""An account with keys, and short ways to use them."""

from dataclasses import dataclass
from typing import Any

from kernel.clock import FixedClock
from kernel.tenant import Tenant
from keys import token_format
from keys.account import create_account, lock_tenants
from keys.api_keys import api_key, lookup as key_principal
from keys.api_keys.api_key import ApiKey, NewKey
from keys.principal import ACCOUNT_SCOPES, Environment, Principal, Refusal
from store.database import Database, Transaction

ALL = tuple(ACCOUNT_SCOPES)


@dataclass
class KeyOwner:
    """One account, and short ways to use its keys."""

    database: Database
    clock: FixedClock
    account_id: str
    environment: Environment = "staging"

    @property
    def tenant(self) -> Tenant:
        return Tenant(self.account_id, self.environment)

    async def mint(
        self, name: str = "key", *, by: Principal | None = None, **fields: Any
    ) -> tuple[ApiKey, str]:
        async def work(tx: Transaction) -> tuple[ApiKey, str]:
            await lock_tenants(tx, [self.tenant])
            return await api_key.mint(
                tx,
                account_id=self.account_id,
                environment=self.environment,
                parent=by,
                new=NewKey(name=name, **fields),
                now_us=self.clock.now_us(),
            )

        return await self.database.transaction(work)

    async def look_up(self, secret: str) -> Principal | Refusal | None:
        digest = token_format.digest(secret)
        found = await self.database.read(
            lambda tx: key_principal.load_principals(tx, [digest], now_us=self.clock.now_us())
        )
        return found.get(digest)

    async def principal(self, secret: str) -> Principal:
        found = await self.look_up(secret)
        assert isinstance(found, Principal)
        return found

    async def minted(
        self, name: str = "key", *, by: Principal | None = None, **fields: Any
    ) -> tuple[ApiKey, Principal]:
        key, secret = await self.mint(name, by=by, **fields)
        return key, await self.principal(secret)

    async def patch(self, key_id: str, *, by: Principal | None = None, **fields: Any) -> ApiKey:
        return await self.database.transaction(
            lambda tx: api_key.patch(
                tx,
                self.tenant,
                key_id,
                changes=fields,
                asker=by,
                now_us=self.clock.now_us(),
            )
        )

    async def rotate(
        self, key_id: str, *, by: Principal | None = None, overlap_s: int = 0
    ) -> tuple[ApiKey, str]:
        return await self.database.transaction(
            lambda tx: api_key.rotate(
                tx,
                self.tenant,
                key_id,
                overlap_s=overlap_s,
                asker=by,
                now_us=self.clock.now_us(),
            )
        )

    async def revoke(self, key_id: str, *, by: Principal | None = None) -> ApiKey:
        return await self.database.transaction(
            lambda tx: api_key.revoke(tx, self.tenant, key_id, asker=by, now_us=self.clock.now_us())
        )

    async def names(self, viewer: Principal | None = None) -> list[str]:
        keys = await self.database.read(
            lambda tx: api_key.list_keys(tx, self.tenant, viewer=viewer, limit=200)
        )
        return [key.name for key in keys]


async def open_key_owner(
    database: Database, clock: FixedClock, *, is_operator: bool = False, is_sandbox: bool = False
) -> KeyOwner:
    account_id = await database.transaction(
        lambda tx: create_account(
            tx,
            name="Shop",
            email=None if is_sandbox else f"{clock.now_us()}@example.com",
            is_operator=is_operator,
            is_sandbox=is_sandbox,
            now_us=clock.now_us(),
        )
    )
    return KeyOwner(database, clock, account_id)


def a_session(key_owner: KeyOwner, scopes: tuple[str, ...] = ALL) -> Principal:
    return Principal(
        account_id=key_owner.account_id,
        environment=key_owner.environment,
        kind="session",
        credential_id="ses_1",
        key_id=None,
        lineage=(),
        scopes=frozenset(scopes),
        ip_allow_lists=(),
        expires_at=None,
        is_sandbox=False,
        approval_threshold_cents=None,
        account_email=None,
    )


# Minting
