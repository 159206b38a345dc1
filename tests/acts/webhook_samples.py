"""What the acts of webhooks are asked for, and the objects that no act of an operator makes."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Final

from kernel.tenant import Tenant
from tests.acts.sample import Sample
from tests.support.gateway import Gateway
from tests.support.replay_history import Past, given_past
from tests.support.webhook_rows import given_endpoint
from webhooks.deliveries.log import get_delivery


async def made_delivery(gateway: Gateway, account_id: str, _merchant: str) -> str:
    """A delivery that waits for its next attempt."""
    return (await _past(gateway, account_id, "pending"))[1]


async def made_event(gateway: Gateway, account_id: str, _merchant: str) -> str:
    """What a delivery tells of."""
    delivery_id = await made_delivery(gateway, account_id, "")
    tenant = Tenant(account_id, "staging")
    database = gateway.context.database
    return (await database.read(lambda tx: get_delivery(tx, tenant, delivery_id))).event_id


async def made_replay(gateway: Gateway, account_id: str, merchant: str) -> str:
    """A running replay of one failed delivery: nothing takes its steps."""
    endpoint_id, _ = await _past(gateway, account_id, "failed")
    answer = await gateway.client.post(
        f"/api/public/v1/webhooks/{endpoint_id}/replay",
        json={},
        headers={"Authorization": f"Bearer {merchant}"},
    )
    return str(answer.json()["data"]["id"])


async def _past(gateway: Gateway, account_id: str, status: str) -> tuple[str, str]:
    database, tenant = gateway.context.database, Tenant(account_id, "staging")
    endpoint, _ = await given_endpoint(database, gateway.context.clock, tenant)
    (delivery_id,) = await given_past(database, tenant, endpoint.id, [Past(status=status)])
    return endpoint.id, delivery_id


# By subject: gives the id of a new object of the account; merchant: its system token.
MAKERS: Final[Mapping[str, Callable[[Gateway, str, str], Awaitable[str]]]] = {
    "deliveries": made_delivery,
    "events": made_event,
    "replay": made_replay,
}
GOOD: Final[Mapping[str, Sequence[Sample]]] = {
    "events.list": (Sample({"type": "topup.failed", "limit": 1}), Sample({"after": "0"})),
    "events.show": (Sample(),),
    "deliveries.list": (Sample({"status": "pending", "limit": 1}), Sample({"limit": 2})),
    "deliveries.show": (Sample(),),
    "deliveries.replay": (Sample(is_again=True),),
    "deliveries.cancel": (Sample(is_again=True),),
    "replay.list": (Sample({"limit": 1}),),
    "replay.show": (Sample(),),
    "replay.pause": (Sample(is_again=True),),
    "replay.resume": (Sample(is_again=True, after="replay.pause"),),
    "replay.cancel": (Sample(is_again=True),),
}
BAD: Final[Mapping[str, Sequence[Mapping[str, Any]]]] = {
    "events.list": (
        {"type": "topup.lost"},
        {"cursor": "evt_1"},
        {"after": "-1"},
        {"after": "0", "cursor": "0"},
    ),
    "deliveries.list": (
        {"status": "queued"},
        {"event_type": "topup.lost"},
        {"cursor": "dlv_1"},
        {"created_after": "yesterday"},
    ),
}
