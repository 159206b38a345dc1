"""Rows that the delivery tests begin with; each function is one transaction."""

from collections.abc import Mapping, Sequence
from typing import Any

from kernel.clock import Clock
from kernel.tenant import Tenant
from keys.account import create_account, lock_tenants
from keys.vault import Vault
from store.database import Database, Transaction
from webhooks.deliveries.claim import Choose, claim as take_due
from webhooks.deliveries.endpoint_queue import Candidate
from webhooks.deliveries.stage import Claim
from webhooks.endpoints.endpoint import Endpoint, register
from webhooks.endpoints.fields import NewEndpoint
from webhooks.events.event import Outbox

LEASE_US = 35_000_000


def new_vault() -> Vault:
    return Vault([b"k" * 32])


async def given_account(database: Database, clock: Clock, *, is_sandbox: bool = False) -> str:
    async def work(tx: Transaction) -> str:
        return await create_account(
            tx, name="Acme", email=None, is_sandbox=is_sandbox, now_us=clock.now_us()
        )

    return await database.transaction(work)


async def given_endpoint(
    database: Database,
    clock: Clock,
    tenant: Tenant,
    *,
    url: str = "https://hooks.example.com/in",
    events: Sequence[str] = (),
    retry_schedule_s: Sequence[int] = (0, 5, 30),
    rate_limit_per_s: int | None = None,
    is_sandbox: bool = False,
    ordered: bool = False,
    wanted: Mapping[str, Any] | None = None,
    ed25519: bool = False,
) -> tuple[Endpoint, str]:
    new = NewEndpoint(
        url=url,
        events=events,
        retry_schedule_s=retry_schedule_s,
        rate_limit_per_s=rate_limit_per_s,
        ordered=ordered,
        filter=wanted,
        ed25519=ed25519,
    )

    async def work(tx: Transaction) -> tuple[Endpoint, str]:
        return await register(
            tx, new_vault(), tenant=tenant, new=new, is_sandbox=is_sandbox, now_us=clock.now_us()
        )

    return await database.transaction(work)


async def given_events(
    database: Database,
    clock: Clock,
    tenant: Tenant,
    *,
    count: int = 1,
    type_: str = "topup.delivered",
    transaction_id: str | None = "txn_1",
    trace: str | None = None,
) -> list[str]:
    async def work(tx: Transaction) -> list[str]:
        await lock_tenants(tx, [tenant])
        outbox = await Outbox.load(tx, [tenant])
        ids: list[str] = [
            outbox.publish(
                tenant,
                type=type_,
                data={"transaction_id": transaction_id or "txn_1", "number": number},
                transaction_id=transaction_id,
                trace=trace,
                now_us=clock.now_us(),
            )
            for number in range(count)
        ]
        await outbox.flush(tx)
        return ids

    return await database.transaction(work)


def everything(candidates: Sequence[Candidate]) -> list[str]:
    return [id_ for candidate in candidates for id_ in (*candidate.due, *candidate.held)]


async def claim_all(
    database: Database, clock: Clock, *, ids_max: int = 1000, choose: Choose = everything
) -> Claim:
    async def work(tx: Transaction) -> Claim:
        return await take_due(tx, choose, now_us=clock.now_us(), lease_us=LEASE_US, ids_max=ids_max)

    return await database.autocommit(work)
