"""Probe endpoints that were disabled for failing. If the test event succeeds, enable the endpoint.

An endpoint isn't probed if it responded with 410 or asked to be disabled, if a user disabled it, or if its account
is suspended. These conditions are checked under the account's lock, both before the request and before enabling. A
claim postpones the next probe by an hour, so only one worker probes.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

from kernel.clock import DAY_US, HOUR_US, SECOND_US
from kernel.tenant import Tenant
from keys import audit_log
from keys.account import lock_tenants
from keys.audit_log import Actor, AuditEntry
from store.database import Transaction
from webhooks.deliveries import delivery, notice
from webhooks.deliveries.stage import DELIVERED, Claimed, Settlement
from webhooks.endpoints.disabling import FIRST_PROBE_US
from webhooks.endpoints.endpoint import DISABLED, ENABLED, FAILING, patch
from webhooks.endpoints.fields import EndpointChanges
from webhooks.endpoints.ping import SETTLE_S, Ping, Sender, send, write_ping

PROBE_US: Final = 6 * HOUR_US
# How long an endpoint is probed after it was disabled.
PROBED_US_MAX: Final = 14 * DAY_US
Probed = Literal["enabled", "unwell", "disabled by its answer", "left alone"]

# SQLite uses a partial index only if the query repeats its condition exactly.
_IS_PROBED: Final = f"""p.status = 'disabled' AND p.disabled_reason = '{FAILING}'
    AND p.deleted_at IS NULL"""
_OF_ACTIVE: Final = "endpoints p JOIN accounts a ON a.id = p.account_id AND a.suspended_at IS NULL"
_MINE: Final = f"""
SELECT p.disabled_at, p.probe_at FROM {_OF_ACTIVE}
WHERE p.id = :id AND p.account_id = :account_id AND p.environment = :environment AND {_IS_PROBED}
"""
_PUT_OFF: Final = "UPDATE endpoints SET probe_at = :probe_at WHERE id = :id"
_ITS_WORD: Final = "UPDATE endpoints SET disabled_reason = :reason, probe_at = NULL WHERE id = :id"


@dataclass(frozen=True, slots=True)
class DueProbe:
    endpoint_id: str
    tenant: Tenant


@dataclass(frozen=True, slots=True)
class Probes:
    are_on: bool


@dataclass(frozen=True, slots=True)
class Probe(Sender):
    async def send(self, due: DueProbe) -> Probed:
        async def claim(tx: Transaction) -> Claimed | None:
            return await self._claim(tx, due)

        async def settle(tx: Transaction) -> Probed:
            return await self._settle(tx, due, settlement)

        claimed = await self.database.transaction(claim)
        if claimed is None:
            return "left alone"
        settlement = await send(
            claimed,
            self.vault,
            self.transport,
            self.clock,
            policy=self.policy,
            timeout_s=self.timeout_s,
        )
        return await self.database.transaction(settle)

    async def _claim(self, tx: Transaction, due: DueProbe) -> Claimed | None:
        await lock_tenants(tx, [due.tenant])
        row = await tx.fetch_one(_MINE, id=due.endpoint_id, **due.tenant._asdict())
        now_us = self.clock.now_us()
        if row is None or row["probe_at"] is None or row["probe_at"] > now_us:
            return None
        disabled_at = row["disabled_at"]
        next_at = _next(disabled_at, now_us + FIRST_PROBE_US)
        await tx.execute(_PUT_OFF, id=due.endpoint_id, probe_at=next_at)
        if now_us > disabled_at + PROBED_US_MAX:
            return None
        ping = Ping(due.tenant, due.endpoint_id, is_probe=True)
        lease_us = round((self.timeout_s + SETTLE_S) * SECOND_US)
        return await write_ping(tx, self.vault, ping, now_us=now_us, lease_us=lease_us)

    async def _settle(self, tx: Transaction, due: DueProbe, settlement: Settlement) -> Probed:
        await lock_tenants(tx, [due.tenant])
        row = await tx.fetch_one(_MINE, id=due.endpoint_id, **due.tenant._asdict())
        probed: Probed = "left alone"
        if row is not None:
            probed = await self._judge(tx, due, settlement, disabled_at=row["disabled_at"])
        await delivery.settle(tx, [settlement])
        return probed

    async def _judge(
        self, tx: Transaction, due: DueProbe, settlement: Settlement, *, disabled_at: int
    ) -> Probed:
        id_, ended_at = due.endpoint_id, settlement.ended_at_us
        if settlement.disable_reason is not None:
            await tx.execute(_ITS_WORD, id=id_, reason=settlement.disable_reason)
            return "disabled by its answer"
        if settlement.status != DELIVERED:
            await tx.execute(_PUT_OFF, id=id_, probe_at=_next(disabled_at, ended_at + PROBE_US))
            return "unwell"
        # No mail is sent, just as when a user enables an endpoint.
        await notice.end(tx, [id_], now_us=ended_at)
        await patch(
            tx,
            self.vault,
            due.tenant,
            id_,
            changes=EndpointChanges(status=ENABLED),
            now_us=max(self.clock.now_us(), ended_at + 1),
        )
        await audit_log.record(tx, [_entry(due, now_us=ended_at)])
        return "enabled"


def _entry(due: DueProbe, *, now_us: int) -> AuditEntry:
    return audit_log.security(
        Actor("gateway", None, "gateway"),
        "endpoint.enabled",
        account_id=due.tenant.account_id,
        environment=due.tenant.environment,
        subject_id=due.endpoint_id,
        before={"status": DISABLED, "disabled_reason": FAILING},
        after={"status": ENABLED},
        reason="it answered a probe",
        now_us=now_us,
    )


async def due_probes(
    tx: Transaction,
    *,
    now_us: int,
    limit: int,
    exclude_ids: Sequence[str] = (),
    but_accounts: Sequence[str] = (),
) -> list[DueProbe]:
    without = " AND NOT p.id IN :exclude_ids[text]" if exclude_ids else ""
    without += " AND NOT p.account_id IN :but_accounts[text]" if but_accounts else ""
    rows = await tx.fetch(
        f"""SELECT p.id, p.account_id, p.environment FROM {_OF_ACTIVE}
            WHERE {_IS_PROBED} AND p.probe_at <= :now{without}
            ORDER BY p.probe_at LIMIT :limit""",
        now=now_us,
        limit=limit,
        **({"exclude_ids": exclude_ids} if exclude_ids else {}),
        **({"but_accounts": but_accounts} if but_accounts else {}),
    )
    return [DueProbe(row["id"], Tenant(row["account_id"], row["environment"])) for row in rows]


async def next_probe_at(tx: Transaction, *, exclude_ids: Sequence[str] = ()) -> int | None:
    without = " AND NOT p.id IN :exclude_ids[text]" if exclude_ids else ""
    row = await tx.fetch_one(
        f"""SELECT p.probe_at FROM {_OF_ACTIVE}
            WHERE {_IS_PROBED} AND p.probe_at IS NOT NULL{without}
            ORDER BY p.probe_at LIMIT 1""",
        **({"exclude_ids": exclude_ids} if exclude_ids else {}),
    )
    return None if row is None else int(row["probe_at"])


def _next(disabled_at: int, at_us: int) -> int | None:
    return at_us if at_us <= disabled_at + PROBED_US_MAX else None
