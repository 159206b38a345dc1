"""An agent that has nothing but the tools: to its first top-up, and out of each error by what the error says."""

from collections.abc import Mapping
from typing import Any

import pytest

from tests.support.gateway import Gateway
from tests.support.mcp_agent import (
    ORDER,
    Agent,
    agent,
    code_of,
    data_of,
    error_of,
    fresh_key,
)

pytestmark = pytest.mark.one_database

RIGHT = {**ORDER, "idempotency_key": "k"}
# What an agent may send, each repaired by one further call.
WRONG: list[dict[str, Any]] = [
    {},
    {"platform": "cluade", "amount": 5.5, "email": "a@b.example"},
    {**ORDER, "amount_cents": 10.5, "idempotency_key": 1},
    {**RIGHT, "amount_cents": "1000"},
    {**RIGHT, "amount_cents": 1},
    {**RIGHT, "amount_cents": 10**9},
    {**RIGHT, "platform": ["claude"]},
    {**RIGHT, "recipient_email": "nobody"},
    {**RIGHT, "recipient": "self"},
    {**RIGHT, "recipient": "everybody"},
    {**RIGHT, "amount": 1000},
    {**RIGHT, "currency": "USD"},
    {**RIGHT, "delivery": "mail"},
    {**RIGHT, "send_at": "tomorrow"},
    {**RIGHT, "quote_id": "made up"},
]


def repaired(arguments: Mapping[str, Any], error: Mapping[str, Any]) -> dict[str, Any]:
    """The call again, with what the error says of each argument; one that it has nothing for is left out."""
    tried = dict(arguments)
    for one in error["errors"]:
        right = [*one.get("allowed", ())[:1]]
        for word in ("example", "minimum", "did_you_mean"):
            right += [one[word]] if word in one else []
        if one["detail"].startswith("unknown field"):
            given = tried.pop(one["param"], None)
            if "did_you_mean" in one:
                tried.setdefault(one["did_you_mean"], one.get("example", given))
        elif right:
            tried[one["param"]] = right[-1]
        else:
            tried.pop(one["param"], None)
    return tried


async def test_one_call_suffices_for_the_first_top_up(gateway: Gateway) -> None:
    """The list says all that a send needs; what was put in by its schema alone is sent."""
    key = await gateway.key(await gateway.account())
    async with agent(gateway, key) as client:
        tools = {tool.name: tool for tool in (await client.client.list_tools()).tools}
        schema = tools["send_topup"].input_schema
        fields = schema["properties"]
        sent = await client.use(
            "send_topup",
            {
                "platform": fields["platform"]["enum"][0],
                "amount_cents": fields["amount_cents"]["minimum"],
                "recipient_email": "user@example.com",
                "idempotency_key": "first",
            },
        )

    assert set(schema["required"]) == {"platform", "amount_cents", "idempotency_key"}
    assert code_of(sent) == 1001


async def test_each_wrong_send_is_repaired_by_one_more_call(gateway: Gateway) -> None:
    key = await gateway.key(await gateway.account())
    async with agent(gateway, key) as client:
        for number, wrong in enumerate(WRONG):
            refused = await client.use("send_topup", wrong)
            assert error_of(refused)[1] == "fix_request", wrong
            right = repaired(wrong, data_of(refused)["error"])
            right["idempotency_key"] = f"repaired-{number}"
            sent = await client.use("send_topup", right)
            assert code_of(sent) == 1001, (wrong, refused.structured_content, right)


async def follow(client: Agent, result: Any, rel: str) -> Any:
    """The call that a link of the answer names."""
    data = data_of(result)
    links = data.get("error", data)["links"]
    link = next(one for one in links if one["rel"] == rel)
    return await client.use(link["tool"], link["arguments"])


async def test_links_are_calls_of_tools(gateway: Gateway) -> None:
    account_id = await gateway.account()
    narrow = await gateway.key(account_id, per_call_cents=500, repeat_guard_s=600)
    async with agent(gateway, narrow) as client:
        capped = await client.send()
        smaller = await follow(client, capped, "smaller_send")
        own = await follow(client, capped, "limits")
        again = await client.send(amount_cents=500)
        earlier = await follow(client, again, "earlier")
        lost = await client.use("get_status", {"transaction_id": "txn_1"})
        history = await follow(client, lost, "history")
        ended = await client.use(
            "cancel_topup", {"transaction_id": smaller.structured_content["transaction_id"]}
        )
        nowhere = await client.send(platform="nobody")
        platforms = await follow(client, nowhere, "platforms")

    assert (code_of(capped), code_of(smaller)) == (2008, 1001)
    assert data_of(own)["per_call_cents"] == 500
    assert code_of(again) == 2006
    assert (
        earlier.structured_content["transaction_id"] == again.structured_content["transaction_id"]
    )
    assert len(data_of(history)["items"]) == 1
    # What no tool does keeps its address.
    assert [one["rel"] for one in data_of(ended)["error"]["links"] if "href" in one] == ["reverse"]
    assert [one["id"] for one in data_of(platforms)["items"]] == ["claude", "chatgpt", "gemini"]


async def test_too_little_credit_leads_to_an_order(gateway: Gateway) -> None:
    key = await gateway.key(await gateway.account())
    async with agent(gateway, key) as client:
        refused = await client.send(recipient_email="insufficient@sandbox.test")
        told = data_of(refused)["error"]["links"][0]
        ordered = await client.use(told["tool"], {**told["arguments"], **fresh_key()})

    assert error_of(refused) == (2002, "top_up")
    assert told["tool"] == "create_order"
    assert data_of(ordered)["url"]
