"""An app that charges a user at the engine; in staging both wallets begin with $10,000.00."""

import asyncio
from dataclasses import dataclass
from typing import Any

from billing.credits.opening import open_account
from billing.engine.engine import Engine
from billing.usage.oauth_charge import Charge, TakeCharge
from kernel.clock import FixedClock
from kernel.tenant import Tenant
from keys.principal import Environment, OAuthOrigin, Principal
from store.database import Database
from tests.support.funded_account import FundedAccount, open_funded_account
from tests.support.oauth_consent import OAuthConsent, register


@dataclass
class ChargingApp:
    """The user's account, its consent, and the principal of the app."""

    account: FundedAccount
    consent: OAuthConsent
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
        command = TakeCharge(caller.tenant, caller.oauth, order_no, micros, remark)
        return await (engine or self.account.engine).submit(command)

    async def together(self, *charges: Any) -> tuple[list[Charge], list[BaseException]]:
        """The charges that were taken, and the refusals."""
        outcomes = await asyncio.gather(*charges, return_exceptions=True)
        taken = [one for one in outcomes if isinstance(one, Charge)]
        return taken, [one for one in outcomes if isinstance(one, BaseException)]

    async def user_cents(self) -> int:
        return int((await self.account.balance(self.principal))["balance_cents"])

    async def owner_cents(self) -> int:
        found = await self.account.balance(self.in_the_owners_place())
        return int(found["balance_cents"])

    def in_the_owners_place(self) -> Principal:
        return Principal(
            account_id=self.consent.owner_id,
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
        made, _ = await self.consent.register(**app)
        _, secret = await self.consent.token(app=made)
        return await self.consent.principal(secret)

    async def mirrored(self) -> Principal:
        """An app of the user's that the owner consents to."""
        app, _ = await register(
            self.account.database, self.account.clock, self.consent.user, scope="advanced_access"
        )
        _, secret = await self.consent.token(app=app, user_id=self.consent.owner_id)
        return await self.consent.principal(secret)


async def open_charging_app(
    database: Database,
    clock: FixedClock,
    *,
    environment: Environment = "staging",
    is_own_app: bool = False,
    **app: Any,
) -> ChargingApp:
    account = await open_funded_account(database, clock)
    owner_id = account.account_id
    if not is_own_app:
        owner_id = await database.transaction(
            lambda tx: open_account(tx, name="Owner", email=None, now_us=clock.now_us())
        )
    made, secret = await register(
        database, clock, Tenant(owner_id, environment), **{"scope": "advanced_access", **app}
    )
    consent = OAuthConsent(database, clock, owner_id, account.account_id, made, secret)
    _, token = await consent.token()
    return ChargingApp(account, consent, await consent.principal(token))
