"""Send one sample event to one endpoint immediately, and return the attempt.

The event is signed and logged like any delivery. It is sent even to a disabled endpoint, and never retried. No
transaction is open during the request.
"""

from dataclasses import dataclass
from typing import Final, NamedTuple

from kernel.clock import SECOND_US, Clock
from kernel.errors import InvalidInput, NotFound, Unavailable
from kernel.tenant import Tenant
from kernel.trace import current_line, span_of
from keys.account import lock_tenants
from keys.vault import SealBroken, Vault
from store.database import Database, Transaction
from webhooks.deliveries import delivery, endpoint_queue, log
from webhooks.deliveries.message import (
    Headers,
    SecretCache,
    as_occurrence,
    message_headers,
    settlement_of,
    unsendable,
)
from webhooks.deliveries.stage import SENDING, TARGET_COLUMNS, Claimed, Settlement, Target
from webhooks.endpoints.disabling import disable_unwell, reasons_to_disable
from webhooks.endpoints.endpoint import DISABLED, get
from webhooks.endpoints.fields import policy_of
from webhooks.events.catalogue import sample_data
from webhooks.events.event import EVENT_TYPES, TEST_EVENT, Outbox, mark_test_event
from webhooks.http.guard import Policy
from webhooks.http.transport import Transport

_TARGET = f"""
SELECT {", ".join(TARGET_COLUMNS)} FROM endpoints
WHERE id = :id AND account_id = :account_id AND environment = :environment AND deleted_at IS NULL
"""
# Extra time for writing the outcome after the attempt's timeout.
SETTLE_S: Final = 20
_ONCE: Final = (0,)
_BODY = "SELECT body FROM events WHERE id = :id"


async def load_target(tx: Transaction, tenant: Tenant, endpoint_id: str) -> Target:
    account_id, environment = tenant
    row = await tx.fetch_one(
        _TARGET, id=endpoint_id, account_id=account_id, environment=environment
    )
    if row is None:
        raise NotFound("Webhook", param="id")
    return Target.of(endpoint_id, row)


@dataclass(frozen=True, slots=True)
class Sender:
    """Everything that is needed to send a test event. A receiver has timeout_s to respond."""

    database: Database
    vault: Vault
    transport: Transport
    clock: Clock
    policy: Policy
    timeout_s: float


async def send_test(
    sender: Sender, tenant: Tenant, endpoint_id: str, event_type: str = TEST_EVENT
) -> log.Attempt:
    """Send the sample event. Return the logged attempt, whose error is None after a 2xx response.

    Raise InvalidInput if the event type is unknown.
    """
    database, vault, clock = sender.database, sender.vault, sender.clock
    if event_type not in EVENT_TYPES:
        raise InvalidInput(f"`event` must be one of {', '.join(EVENT_TYPES)}.", param="event")
    lease_us = round((sender.timeout_s + SETTLE_S) * SECOND_US)
    ping = Ping(tenant, endpoint_id, event_type, current_line.get())

    async def write(tx: Transaction) -> Claimed:
        return await write_ping(tx, vault, ping, now_us=clock.now_us(), lease_us=lease_us)

    claimed = await database.transaction(write)
    settlement = await send(
        claimed, vault, sender.transport, clock, policy=sender.policy, timeout_s=sender.timeout_s
    )

    async def settle(tx: Transaction) -> list[log.Attempt]:
        await delivery.settle(tx, [settlement])
        return await log.attempts_of(tx, tenant, claimed.id)

    async def disable(tx: Transaction) -> None:
        await disable_unwell(tx, vault, reasons, now_us=clock.now_us())

    attempts = await database.transaction(settle)
    if reasons := reasons_to_disable([settlement]):
        await database.transaction(disable)
    if not attempts:
        # The endpoint was deleted, or the attempt's lease ended.
        await database.read(lambda tx: get(tx, vault, tenant, endpoint_id))
        raise Unavailable(
            "Another process took over this test event. See its delivery for the result."
        )
    return attempts[0]


async def send(
    claimed: Claimed,
    vault: Vault,
    transport: Transport,
    clock: Clock,
    *,
    policy: Policy,
    timeout_s: float,
) -> Settlement:
    """Send the request that write_ping prepared. The caller then writes the outcome."""
    claimed = as_occurrence(claimed)
    try:
        headers = _headers(claimed, vault, now_us=clock.now_us())
    except SealBroken as error:
        outcome, headers = unsendable(str(error), clock.now_us()), []
    else:
        outcome = await transport.post(
            claimed.target.url,
            headers,
            claimed.body,
            timeout_s,
            policy=policy_of(policy, claimed.environment),
            account_id=claimed.account_id,
        )
    return settlement_of(claimed, outcome, headers, ended_at_us=clock.now_us(), schedule_s=_ONCE)


def _headers(claimed: Claimed, vault: Vault, *, now_us: int) -> Headers:
    opened = SecretCache(vault, endpoints_max=1).open(claimed.target)
    span = None if claimed.trace is None else span_of(claimed.trace)
    return message_headers(claimed, opened, now_us=now_us, span=span)


class Ping(NamedTuple):
    tenant: Tenant
    endpoint_id: str
    event_type: str = TEST_EVENT
    trace: str | None = None
    is_probe: bool = False


async def write_ping(
    tx: Transaction, vault: Vault, ping: Ping, *, now_us: int, lease_us: int
) -> Claimed:
    """Write the event and its delivery, which is already claimed. This takes the account's lock."""
    tenant, endpoint_id, event_type, trace, is_probe = ping
    account_id, environment = tenant
    await lock_tenants(tx, [tenant])
    endpoint = await get(tx, vault, tenant, endpoint_id)
    target = await load_target(tx, tenant, endpoint_id)
    outbox = await Outbox.load(tx, [tenant])
    data = sample_data(
        event_type, endpoint.shape(), is_told_codes=endpoint.include_codes, now_us=now_us
    )
    if is_probe:
        data["probe"] = True
    event_id = outbox.record(tenant, type=event_type, data=data, trace=trace, now_us=now_us)
    await outbox.flush(tx)
    await mark_test_event(tx, event_id)
    body = await tx.fetch_one(_BODY, id=event_id)
    assert body is not None, "it was written two statements ago"
    new = delivery.NewDelivery(
        event_id=event_id,
        endpoint_id=endpoint_id,
        account_id=account_id,
        environment=environment,
        event_type=event_type,
        transaction_id=None,
        next_attempt_at=now_us + lease_us,
        created_at=now_us,
        status=SENDING,
        claim_no=1,
    )
    await delivery.insert_again(tx, [new])
    if endpoint.status == DISABLED:
        # If this process dies before it gets the response, no worker claims this delivery. A cleanup step ends it
        # later.
        await endpoint_queue.end(tx, endpoint_id, ending_at=now_us + lease_us)
    return Claimed(
        id=new.id,
        event_id=event_id,
        event_type=event_type,
        account_id=account_id,
        environment=environment,
        number=1,
        claim_no=new.claim_no,
        lost_claims=0,
        lease_until_us=now_us + lease_us,
        target=target,
        body=body["body"],
        trace=trace,
    )
