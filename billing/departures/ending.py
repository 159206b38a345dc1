"""End what a colleague made: keys, endpoints, OAuth apps, logins, scheduled sends and batches.

It may stop anywhere and be repeated. Each step is one transaction under the account's lock, and sends are
taken back in steps of their own, so a backlog holds nobody up.
"""

from collections.abc import Sequence
from typing import Final

from billing.bulk.progress import CancelItems
from billing.bulk.runner import BatchRunner
from billing.departures.made import Made, MadeThing, made_by
from billing.engine.engine import Engine
from kernel.clock import Clock
from kernel.tenant import Tenant
from keys import audit_log
from keys.account import lock_tenants
from keys.api_keys import api_key
from keys.audit_log import Actor
from keys.oauth import app as oauth_app
from keys.principal import ENVIRONMENTS
from keys.tokens import device_login
from keys.vault import Vault
from store.database import Database, Transaction
from webhooks.endpoints import endpoint as endpoints
from webhooks.events.key_events import tell_key

STEP_SENDS: Final = 250


class Ending:
    """Ends what one person made for one account, on behalf of `by`."""

    def __init__(
        self, database: Database, clock: Clock, engine: Engine, vault: Vault, *, by: Actor
    ) -> None:
        self._database = database
        self._clock = clock
        self._engine = engine
        self._vault = vault
        self._by = by

    async def end_all(self, account_id: str, person_id: str) -> Made:
        """Return what was there before; made_by finds again what couldn't be ended."""
        before = await self._database.transaction(
            lambda tx: self._end_access(tx, account_id, person_id)
        )
        await self._cancel_batches(account_id, before.batches)
        sends = before.sends
        while sends:
            for environment in ENVIRONMENTS:
                ids = [one.id for one in sends if one.environment == environment]
                await self._cancel_sends(Tenant(account_id, environment), ids)
            seen = {one.id for one in sends}
            left = await self._database.read(
                lambda tx: made_by(tx, account_id, person_id, now_us=self._clock.now_us())
            )
            # What can't be taken back stays, and isn't tried for ever.
            sends = [one for one in left.sends if one.id not in seen]
        return before

    async def _end_access(self, tx: Transaction, account_id: str, person_id: str) -> Made:
        now_us = self._clock.now_us()
        await lock_tenants(tx, [Tenant(account_id, one) for one in ENVIRONMENTS])
        made = await made_by(tx, account_id, person_id, now_us=now_us)
        for key in made.keys:
            if key.is_child:
                continue  # It ends with the one above it.
            tenant = Tenant(account_id, key.environment)
            ended = await api_key.revoke(tx, tenant, key.id, asker=None, now_us=now_us)
            await self._note(tx, "key.revoked", tenant, key.id, now_us, name=key.name)
            await tell_key(tx, "key.revoked", ended, by=self._by.name, now_us=now_us)
        for one in made.endpoints:
            tenant = Tenant(account_id, one.environment)
            await endpoints.delete(tx, self._vault, tenant, one.id, now_us=now_us)
            await self._note(tx, "endpoint.deleted", tenant, one.id, now_us, url=one.name)
        for one in made.apps:
            tenant = Tenant(account_id, one.environment)
            await oauth_app.disable(tx, tenant, one.id, now_us=now_us)
            await self._note(tx, "app.disabled", tenant, one.id, now_us, name=one.name)
        await device_login.withdraw(tx, [one.id for one in made.logins])
        if made.count:
            counts = {
                "keys": len(made.keys),
                "endpoints": len(made.endpoints),
                "apps": len(made.apps),
                "sends": len(made.sends),
                "batches": len(made.batches),
                "logins": len(made.logins),
            }
            everywhere = Tenant(account_id, "")
            await self._note(tx, "member.work_ended", everywhere, person_id, now_us, **counts)
        return made

    async def _cancel_batches(self, account_id: str, batches: Sequence[MadeThing]) -> None:
        runner = BatchRunner(self._database, self._clock, self._engine)
        for one in batches:
            tenant = Tenant(account_id, one.environment)
            await runner.cancel(tenant, one.id, self._by.name, own_key=None)

    async def _cancel_sends(self, tenant: Tenant, ids: Sequence[str]) -> None:
        for first in range(0, len(ids), STEP_SENDS):
            some = ids[first : first + STEP_SENDS]
            await self._engine.submit(CancelItems(tenant, some, self._by.name))

    async def _note(
        self,
        tx: Transaction,
        action: str,
        tenant: Tenant,
        subject_id: str,
        now_us: int,
        **what: object,
    ) -> None:
        entry = audit_log.security(
            self._by,
            action,
            account_id=tenant.account_id,
            environment=tenant.environment,
            subject_id=subject_id,
            now_us=now_us,
            after=what,
            reason="its maker left" if action != "member.work_ended" else None,
        )
        await audit_log.record(tx, [entry])
