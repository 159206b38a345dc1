"""An authenticator on a gated database."""

import asyncio
from typing import Any

from kernel.clock import FixedClock
from kernel.tenant import Tenant
from keys.api_keys import api_key
from keys.api_keys.api_key import ApiKey, NewKey
from keys.authenticator import Authenticator, Limits
from keys.principal import ACCOUNT_SCOPES, Principal
from keys.sandbox_clock import advance
from store.database import Database, T, Work
from store.errors import ConnectionLost


class Gate:
    """A database whose reads can be held back or made to fail, as an outage does."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.statements_run = 0
        self.is_open = asyncio.Event()
        self.is_open.set()
        self.has_read = asyncio.Event()
        self.is_down = False
        self.reads = 0

    async def read(self, work: Work[T], *, is_single: bool = False) -> T:
        self.reads += 1
        if self.is_down:
            raise ConnectionLost("down")
        value = await self._database.read(work, is_single=is_single)
        self.has_read.set()
        await self.is_open.wait()
        return value

    async def transaction(self, work: Work[T], **options: Any) -> T:
        if self.is_down:
            raise ConnectionLost("down")
        return await self._database.transaction(work, **options)

    async def autocommit(self, work: Work[T]) -> T:
        if self.is_down:
            raise ConnectionLost("down")
        return await self._database.autocommit(work)

    async def close(self) -> None:
        await self._database.close()


class GatedAuthenticator:
    """An account, an authenticator over the gate, and a clock that both stand on."""

    def __init__(self, database: Database, clock: FixedClock, account_id: str) -> None:
        self.database = database
        self.clock = clock
        self.account_id = account_id
        self.gate = Gate(database)
        self.authenticator = Authenticator(self.gate, clock)

    def limit(self, **limits: Any) -> None:
        """The same with other limits; to be called before anything is authenticated."""
        self.authenticator = Authenticator(self.gate, self.clock, Limits(**limits))

    async def mint(self, *, by: Principal | None = None, **fields: Any) -> tuple[ApiKey, str]:
        return await self.database.transaction(
            lambda tx: api_key.mint(
                tx,
                account_id=self.account_id,
                environment="staging",
                parent=by,
                new=NewKey(name="key", scopes=ACCOUNT_SCOPES, **fields),
                now_us=self.clock.now_us(),
            )
        )

    async def advance(self, seconds: int) -> None:
        """Moves the account's sandbox clock on."""
        await self.database.transaction(
            lambda tx: advance(tx, Tenant(self.account_id, "staging"), advance_s=seconds)
        )

    async def revoke(self, key_id: str) -> None:
        await self.database.transaction(
            lambda tx: api_key.revoke(
                tx,
                Tenant(self.account_id, "staging"),
                key_id,
                asker=None,
                now_us=self.clock.now_us(),
            )
        )

    async def last_used_at(self, key_id: str) -> int | None:
        key = await self.database.read(
            lambda tx: api_key.get(tx, Tenant(self.account_id, "staging"), key_id)
        )
        return key.last_used_at


async def settle() -> None:
    """Lets every task run as far as it can without the database."""
    for _ in range(20):
        await asyncio.sleep(0)


async def queries_done(gated: GatedAuthenticator) -> None:
    """Waits until no query of the authenticator is under way."""
    while gated.authenticator._query is not None and not gated.authenticator._query.done():
        await asyncio.wait([gated.authenticator._query])
