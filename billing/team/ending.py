"""End the keys, sends and other objects that a colleague created for an account.

The work can be interrupted at any point and repeated. Sends are cancelled in separate transactions, so that a backlog
doesn't block others.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from billing.bulk.progress import CancelItems
from billing.bulk.runner import BatchRunner
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
from store.database import Database, Row, Transaction
from webhooks.endpoints import endpoint as endpoints
from webhooks.events.key_events import publish_key

LISTED_MAX: Final = 1_000


class KeyOfPerson(NamedTuple):
    """A colleague's key. `is_child` means that it descends from another of the colleague's keys."""

    id: str
    environment: str
    name: str
    created_at: int
    is_child: bool
    is_client: bool


class MadeThing(NamedTuple):
    id: str
    environment: str
    name: str
    at: int
    amount_cents: int | None = None


@dataclass(frozen=True, slots=True)
class Made:
    keys: Sequence[KeyOfPerson]
    endpoints: Sequence[MadeThing]
    apps: Sequence[MadeThing]
    sends: Sequence[MadeThing]
    batches: Sequence[MadeThing]
    logins: Sequence[MadeThing]

    @property
    def count(self) -> int:
        kinds = (self.keys, self.endpoints, self.apps, self.sends, self.batches, self.logins)
        return sum(map(len, kinds))


async def made_by(tx: Transaction, account_id: str, person_id: str, *, now_us: int) -> Made:
    whose = {"account_id": account_id, "person_id": person_id, "most": LISTED_MAX}
    keys = _theirs(await tx.fetch(_KEYS, account_id=account_id), person_id)
    makers = [person_id, *(one.id for one in keys)]
    endpoints = await tx.fetch(
        _ENDPOINTS, account_id=account_id, makers=sorted(makers), most=LISTED_MAX
    )
    apps = await tx.fetch(_APPS, **whose)
    sends: list[Row] = []
    for environment in ENVIRONMENTS:
        sends += await tx.fetch(_SENDS, **whose, environment=environment)
    batches = await tx.fetch(_BATCHES, **whose)
    logins = await tx.fetch(_LOGINS, **whose, now_us=now_us)
    return Made(keys, *map(_things, (endpoints, apps, sends, batches, logins)))


def _theirs(rows: Sequence[Row], person_id: str) -> list[KeyOfPerson]:
    own = {row["id"] for row in rows if row["made_by"] == person_id}
    found = []
    for row in rows:
        is_child = row["id"] not in own
        if is_child and own.isdisjoint(row["lineage"].split()):
            continue
        is_client = row["client_id"] is not None
        facts = (row["id"], row["environment"], row["name"], row["created_at"])
        found.append(KeyOfPerson(*facts, is_child=is_child, is_client=is_client))
    return found


def _things(rows: Sequence[Row]) -> list[MadeThing]:
    return [_thing(row) for row in rows]


def _thing(row: Any) -> MadeThing:
    return MadeThing(row["id"], row["environment"], str(row["name"]), row["at"], row["cents"])


_KEYS: Final = """
SELECT id, environment, name, created_at, lineage, made_by, client_id FROM api_keys
WHERE account_id = :account_id AND revoked_at IS NULL ORDER BY id
"""
_ENDPOINTS: Final = """
SELECT id, environment, url AS name, created_at AS at, NULL AS cents FROM endpoints
WHERE account_id = :account_id AND deleted_at IS NULL AND made_by IN :makers[text]
ORDER BY id LIMIT :most
"""
_APPS: Final = """
SELECT id, environment, name, created_at AS at, NULL AS cents FROM oauth_apps
WHERE account_id = :account_id AND disabled_at IS NULL AND made_by = :person_id
ORDER BY id LIMIT :most
"""
_SENDS: Final = """
SELECT id, environment, recipient_email AS name, COALESCE(scheduled_for, created_at) AS at,
    amount_cents AS cents
FROM topups
WHERE account_id = :account_id AND environment = :environment AND status <> 'delivered'
  AND status IN ('scheduled', 'pending') AND handed_over_at IS NULL AND sent_by = :person_id
ORDER BY id LIMIT :most
"""
_BATCHES: Final = """
SELECT id, environment, items AS name, created_at AS at, NULL AS cents FROM batches
WHERE account_id = :account_id AND sent_by = :person_id AND completed_at IS NULL
  AND cancelled_at IS NULL
ORDER BY id LIMIT :most
"""
_LOGINS: Final = """
SELECT digest AS id, environment, name, decided_at AS at, NULL AS cents FROM device_logins
WHERE account_id = :account_id AND status = 'approved' AND expires_at > :now_us
  AND decided_by IN (SELECT id FROM sessions WHERE account_id = :person_id)
ORDER BY digest LIMIT :most
"""


STEP_SENDS: Final = 250


class Ending:
    def __init__(self, database: Database, clock: Clock, engine: Engine, vault: Vault) -> None:
        self._database = database
        self._clock = clock
        self._engine = engine
        self._vault = vault

    async def end_all(self, account_id: str, person_id: str, *, by: Actor) -> Made:
        """End everything, and return what existed before. Call `made_by` to find what couldn't be ended."""
        before = await self._database.transaction(
            lambda tx: self._end_access(tx, account_id, person_id, by)
        )
        await self._cancel_batches(account_id, before.batches, by)
        sends = before.sends
        while sends:
            for environment in ENVIRONMENTS:
                ids = [one.id for one in sends if one.environment == environment]
                await self._cancel_sends(Tenant(account_id, environment), ids, by)
            seen = {one.id for one in sends}
            left = await self._database.read(
                lambda tx: made_by(tx, account_id, person_id, now_us=self._clock.now_us())
            )
            sends = [one for one in left.sends if one.id not in seen]
        return before

    async def _end_access(
        self, tx: Transaction, account_id: str, person_id: str, by: Actor
    ) -> Made:
        now_us = self._clock.now_us()
        await lock_tenants(tx, [Tenant(account_id, one) for one in ENVIRONMENTS])
        made = await made_by(tx, account_id, person_id, now_us=now_us)
        for key in made.keys:
            if key.is_child:
                continue
            tenant = Tenant(account_id, key.environment)
            ended = await api_key.revoke(tx, tenant, key.id, asker=None, now_us=now_us)
            await _note(tx, by, "key.revoked", tenant, key.id, now_us, name=key.name)
            await publish_key(tx, "key.revoked", ended, by=by.name, now_us=now_us)
        for one in made.endpoints:
            tenant = Tenant(account_id, one.environment)
            await endpoints.delete(tx, self._vault, tenant, one.id, now_us=now_us)
            await _note(tx, by, "endpoint.deleted", tenant, one.id, now_us, url=one.name)
        for one in made.apps:
            tenant = Tenant(account_id, one.environment)
            await oauth_app.disable(tx, tenant, one.id, now_us=now_us)
            await _note(tx, by, "app.disabled", tenant, one.id, now_us, name=one.name)
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
            await _note(tx, by, "member.work_ended", everywhere, person_id, now_us, **counts)
        return made

    async def _cancel_batches(
        self, account_id: str, batches: Sequence[MadeThing], by: Actor
    ) -> None:
        runner = BatchRunner(self._database, self._clock, self._engine)
        for one in batches:
            tenant = Tenant(account_id, one.environment)
            await runner.cancel(tenant, one.id, by.name, own_key=None)

    async def _cancel_sends(self, tenant: Tenant, ids: Sequence[str], by: Actor) -> None:
        for first in range(0, len(ids), STEP_SENDS):
            some = ids[first : first + STEP_SENDS]
            await self._engine.submit(CancelItems(tenant, some, by.name))


async def _note(
    tx: Transaction,
    by: Actor,
    action: str,
    tenant: Tenant,
    subject_id: str,
    now_us: int,
    **what: object,
) -> None:
    entry = audit_log.security(
        by,
        action,
        account_id=tenant.account_id,
        environment=tenant.environment,
        subject_id=subject_id,
        now_us=now_us,
        after=what,
        reason="its maker left" if action != "member.work_ended" else None,
    )
    await audit_log.record(tx, [entry])
