"""A subscription that its owner disabled stays so, whatever its client does, until the owner enables it."""

import asyncio

import pytest

from kernel.clock import FixedClock
from tests.gateway.mcp.test_events import client_of, events_in, send
from tests.support.gateway import Gateway
from tests.support.gateway_worker import delivering
from tests.support.mcp_events import agreeing
from worker.endpoints import Subscriptions

pytestmark = pytest.mark.one_database


async def listed(gateway: Gateway, key: str) -> list[dict[str, object]]:
    return list((await gateway.call("GET", "/webhooks", key=key)).json()["data"]["items"])


async def set_status(gateway: Gateway, key: str, status: str) -> None:
    [one] = await listed(gateway, key)
    done = await gateway.call("PATCH", f"/webhooks/{one['id']}", key=key, json={"status": status})
    assert done.status_code == 200, done.text


@pytest.mark.parametrize("end", ["unsubscribed", "expired", "deleted"])
async def test_a_client_cannot_undo_its_owners_decision(gateway: Gateway, end: str) -> None:
    client, key = await client_of(gateway)
    context = gateway.context
    async with agreeing() as receiver, delivering(gateway):
        await client.subscribe(receiver.url, ttlMs=60_000)
        await set_status(gateway, key, "disabled")
        for _ in range(2):
            if end == "unsubscribed":
                await client.unsubscribe(receiver.url)
            elif end == "deleted":
                [one] = await listed(gateway, key)
                await gateway.call("DELETE", f"/webhooks/{one['id']}", key=key)
            else:
                later = FixedClock(context.clock.now_us() + 61_000_000)
                for chore in Subscriptions(context.database, context.vault, later).chores():
                    await chore.run()
            assert await listed(gateway, key) == []
            again = await client.subscribe(receiver.url, ttlMs=60_000)
            assert again["deliveryStatus"] == {"active": False}
        await send(gateway, key)
        await asyncio.sleep(0.1)
        nothing = events_in(receiver)
        [shown] = await listed(gateway, key)

        await set_status(gateway, key, "enabled")
        await receiver.until(lambda: len(events_in(receiver)) == 1)
        await client.unsubscribe(receiver.url)
        fresh = await client.subscribe(receiver.url)

    assert nothing == []
    assert (shown["status"], shown["disabled_reason"]) == ("disabled", "request")
    # Enabled by its owner, it is like any other.
    assert "deliveryStatus" not in fresh
