"""An app that charges a user at the engine; in staging both wallets begin with $10,000.00."""

import asyncio
from dataclasses import dataclass
from typing import Any

from billing.credits.opening import open_account
from billing.engine.engine import Engine
from billing.usage.oauth_charge import Charge, TakeCharge
from kernel.clock import FixedClock
from keys.principal import Environment, OAuthOrigin, Principal
from store.database import Database
from tests.billing.desk import Desk, open_desk
from tests.keys.consenting import Scene, register


@dataclass
class Counter:
    """The desk of the user, the scene of its consent, and the app's principal."""

    desk: Desk
    scene: Scene
    principal: Principal

    @property
    def origin(self) -> OAuthOrigin:
        assert self.principal.oauth is not None
        return self.principal.oauth

    async def charge(
        self,
        micros: int,
        order_no: str = "order-1",
        *,
        remark: str = "",
        engine: Engine | None = None,
        principal: Principal | None = None,
    ) -> Charge:
        caller = principal or self.principal
        assert caller.oauth is not None
        command = TakeCharge(caller.scope, caller.oauth, order_no, micros, remark)
        return await (engine or self.desk.engine).submit(command)

    async def together(self, *charges: Any) -> tuple[list[Charge], list[BaseException]]:
        """The charges that were taken, and the refusals."""
        outcomes = await asyncio.gather(*charges, return_exceptions=True)
        taken = [one for one in outcomes if isinstance(one, Charge)]
        return taken, [one for one in outcomes if isinstance(one, BaseException)]

    async def user_cents(self) -> int:
        return int((await self.desk.balance(self.principal))["balance_cents"])

    async def owner_cents(self) -> int:
        found = await self.desk.balance(self.in_the_owners_place())
        return int(found["balance_cents"])

    def in_the_owners_place(self) -> Principal:
        return Principal(
            account_id=self.scene.owner_id,
            environment=self.principal.environment,
            kind="session",
            credential_id="ses_1",
            key_id=None,
            lineage=(),
            scopes=frozenset(),
            ip_allow_lists=(),
            expires_at=None,
            is_sandbox=False,
            approval_threshold_cents=None,
            account_email=None,
        )

    async def agree(self, **app: Any) -> Principal:
        """The principal of another app of the owner, which the user consents to as well."""
        made, _ = await self.scene.register(**app)
        _, secret = await self.scene.token(app=made)
        return await self.scene.principal(secret)

    async def mirrored(self) -> Principal:
        """An app of the user's that the owner consents to."""
        app, _ = await register(
            self.desk.database, self.desk.clock, self.scene.user, scope="advanced_access"
        )
        _, secret = await self.scene.token(app=app, user_id=self.scene.owner_id)
        return await self.scene.principal(secret)


async def open_counter(
    database: Database,
    clock: FixedClock,
    *,
    environment: Environment = "staging",
    is_own_app: bool = False,
    **app: Any,
) -> Counter:
    desk = await open_desk(database, clock)
    owner_id = desk.account_id
    if not is_own_app:
        owner_id = await database.transaction(
            lambda tx: open_account(tx, name="Owner", email=None, now_us=clock.now_us())
        )
    made, secret = await register(
        database, clock, (owner_id, environment), **{"scope": "advanced_access", **app}
    )
    scene = Scene(database, clock, owner_id, desk.account_id, made, secret)
    _, token = await scene.token()
    return Counter(desk, scene, await scene.principal(token))
