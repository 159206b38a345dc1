"""While the supplier that delivers at once is paused, every door answers that a send is pending."""

import json

import httpx

from billing.manual_review.supplier_acts import PAUSE_SUPPLIER
from tests.support.gateway import Gateway
from tests.support.operator_acts import act_in

SEND = {"platform": "claude", "amount_cents": 1000, "recipient_email": "user@example.com"}


async def paused(gateway: Gateway) -> str:
    """A key of a fresh account, in an installation whose `wallet` of staging is paused."""
    key = await gateway.key(await gateway.account())
    context = gateway.context
    await context.database.transaction(
        lambda tx: act_in(
            tx, PAUSE_SUPPLIER, "wallet", reason="stop", now_us=context.clock.now_us()
        )
    )
    await context.suppliers.refresh()
    return key


async def test_the_api_one_by_one_and_in_bulk_a_dry_run_and_an_agents_tool_say_pending(
    gateway: Gateway,
) -> None:
    key = await paused(gateway)

    sent = await gateway.call("POST", "/topup/send", key=key, json=SEND)
    bulk = await gateway.call(
        "POST", "/topup/bulk", key=key, json={"items": [{**SEND, "reference": "a"}]}
    )
    offered = await gateway.call("GET", "/platforms", key=key)
    tried = await gateway.call("POST", "/topup/validate", key=key, json=SEND)
    tool = await call_tool(gateway, key)

    assert (sent.status_code, sent.json()["code"], sent.json()["status"]) == (202, 1002, "pending")
    assert sent.json()["data"]["voucher_code"] is None
    assert bulk.json()["data"]["counts"]["delivered"] == 0
    assert {one["fulfilment"] for one in offered.json()["data"]["items"]} == {"asynchronous"}
    assert tried.json()["data"]["would_be"] == "pending"
    assert (tool["code"], tool["status"]) == (1002, "pending"), tool


async def call_tool(gateway: Gateway, key: str) -> dict[str, object]:
    message = {
        "jsonrpc": "2.0",
        "id": 1,
        "method": "tools/call",
        "params": {"name": "send_topup", "arguments": {**SEND, "idempotency_key": "k"}},
    }
    answer: httpx.Response = await gateway.client.post(
        "/mcp",
        json=message,
        headers={
            "Authorization": f"Bearer {key}",
            "Accept": "application/json, text/event-stream",
        },
    )
    text = answer.text
    whole = json.loads(text[text.index("{") :])
    found: dict[str, object] = whole["result"]["structuredContent"]
    return found
