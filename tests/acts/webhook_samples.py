"""What the acts of webhooks are asked for, and the objects that no act of an operator makes."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Final

from kernel.tenant import Tenant
from keys.act import AnyAct
from tests.acts.sample import Sample
from tests.support.gateway import Gateway
from tests.support.replay_history import Past, given_past
from tests.support.webhook_rows import given_endpoint
from webhooks.deliveries.log import get_delivery
from webhooks.delivery_log import acts
from webhooks.endpoints import acts as endpoint_acts, health_acts, portal_acts


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


async def made_link(gateway: Gateway, _account_id: str, merchant: str) -> str:
    """An open portal link."""
    answer = await gateway.client.post(
        "/api/public/v1/portal-links", json={}, headers={"Authorization": f"Bearer {merchant}"}
    )
    return str(answer.json()["data"]["id"])


async def _past(gateway: Gateway, account_id: str, status: str) -> tuple[str, str]:
    database, tenant = gateway.context.database, Tenant(account_id, "staging")
    endpoint, _ = await given_endpoint(database, gateway.context.clock, tenant)
    (delivery_id,) = await given_past(database, tenant, endpoint.id, [Past(status=status)])
    return endpoint.id, delivery_id


# Without webhooks.certify, which an account may call three times in three minutes.
MERCHANTS_ACTS: Final[Sequence[AnyAct]] = (
    *endpoint_acts.ACTS,
    *health_acts.ACTS,
    *portal_acts.ACTS,
    acts.TEST,
)


async def with_past(gateway: Gateway, account_id: str, _merchant: str) -> str:
    """An endpoint with one failed delivery."""
    return (await _past(gateway, account_id, "failed"))[0]


# By subject: gives the id of a new object of the account; merchant: its system token.
MAKERS: Final[Mapping[str, Callable[[Gateway, str, str], Awaitable[str]]]] = {
    "deliveries": made_delivery,
    "events": made_event,
    "portal-links": made_link,
    "replay": made_replay,
    "replay.create": with_past,
    "webhooks.health": with_past,
}
GOOD: Final[Mapping[str, Sequence[Sample]]] = {
    "events.list": (Sample({"type": "topup.failed", "limit": 1}), Sample({"after": "0"})),
    "events.show": (Sample(),),
    "deliveries.list": (Sample({"status": "pending", "limit": 1}), Sample({"limit": 2})),
    "deliveries.show": (Sample(),),
    "deliveries.replay": (Sample(is_again=True),),
    "deliveries.cancel": (Sample(is_again=True),),
    "replay.create": (
        Sample({"dry_run": True, "events": ["topup.delivered"]}),
        Sample({"status": "delivered", "until": "2030-01-01T00:00:00Z"}),
        Sample({"rate_per_s": 7, "ramp": True}),
    ),
    "webhooks.add": (Sample({"url": "http://127.0.0.1:9009/hook", "events": ["topup.failed"]}),),
    "webhooks.list": (Sample({"limit": 1}),),
    "webhooks.show": (Sample(),),
    "webhooks.update": (
        Sample({"description": "shop", "retry_schedule_s": [0, 60]}, is_again=True),
        Sample({"rate_limit_per_s": 5, "ordered": True, "status": "disabled"}),
    ),
    "webhooks.remove": (Sample(),),
    "webhooks.rotate-secret": (Sample({"overlap_s": 60}),),
    "webhooks.test": (Sample(), Sample({"event": "topup.failed"})),
    "webhooks.health": (Sample({"hours": 168}), Sample()),
    "webhooks.notices": (Sample({"open": True}), Sample({"limit": 1})),
    "portal-links.create": (
        Sample({"name": "Acme", "can": "replay", "origins": ["https://app.acme.example"]}),
        Sample({"can": "manage", "expires_in_s": 86_400}),
    ),
    "portal-links.list": (Sample({"limit": 1}),),
    "portal-links.show": (Sample(),),
    "portal-links.revoke": (Sample(is_again=True),),
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
    "replay.create": (
        {"status": "pending"},
        {"events": ["topup.lost"]},
        {"rate_per_s": 0},
        {"since": "yesterday"},
        {"since": "2026-06-13T11:00:00Z", "until": "2026-06-13T10:00:00Z"},
        {"like": "dlv_1"},
    ),
    "webhooks.add": (
        {"url": "ftp://example.com/"},
        {"url": "http://169.254.169.254/"},
        {"url": "http://127.0.0.1:9009/", "events": ["topup.lost"]},
        {"url": "http://127.0.0.1:9009/", "rate_limit_per_s": 0},
    ),
    "webhooks.update": ({"url": "ftp://example.com/"}, {"retry_schedule_s": [-1]}),
    "webhooks.rotate-secret": ({"overlap_s": -1},),
    "portal-links.create": (
        {"name": ""},
        {"can": "own"},
        {"expires_in_s": 60},
        {"origins": ["http://acme.example"]},
        {"endpoint_ids": ["we_1"]},
    ),
    "webhooks.test": ({"event": "topup.lost"},),
    "webhooks.health": ({"hours": 0}, {"hours": 169}),
    "webhooks.notices": ({"cursor": "we_1"},),
    "deliveries.list": (
        {"status": "queued"},
        {"event_type": "topup.lost"},
        {"cursor": "dlv_1"},
        {"created_after": "yesterday"},
    ),
}
