"""What tools/list says: by scope, with the caller's own limits, truly, and in few bytes."""

import json
from typing import Any

import pytest
from jsonschema_rs import meta, validate
from mcp_types import Tool

from keys.principal import ACCOUNT_SCOPES
from tests.support.gateway import Gateway
from tests.support.mcp_agent import ORDER, agent, error_of, fresh_key

pytestmark = pytest.mark.one_database

OF_READERS = ["get_status", "wait_for", "get_balance", "list_platforms", "get_history", "get_key"]
BY_SCOPE: dict[tuple[str, ...], list[str]] = {
    ("topup:read",): OF_READERS,
    ("topup:send",): ["send_topup", "validate_topup", "cancel_topup", "get_key"],
    ("webhooks:read",): ["get_key", "list_events", "list_deliveries"],
    ("webhooks:write",): ["get_key", "register_webhook", "test_webhook"],
    ("billing:write",): ["get_key", "create_order", "redeem_code"],
    ("approvals:write",): ["get_key"],
}


async def listed(gateway: Gateway, key: str) -> dict[str, Tool]:
    async with agent(gateway, key) as client:
        tools = (await client.client.list_tools()).tools
    return {tool.name: tool for tool in tools}


def arguments_of(tool: Tool) -> dict[str, Any]:
    return dict(tool.input_schema["properties"])


@pytest.mark.parametrize("scopes", BY_SCOPE)
async def test_only_the_tools_of_the_callers_scopes_are_listed(
    gateway: Gateway, scopes: tuple[str, ...]
) -> None:
    key = await gateway.key(await gateway.account(), scopes=scopes)

    assert list(await listed(gateway, key)) == BY_SCOPE[scopes]


async def test_a_token_of_no_key_is_shown_none(gateway: Gateway) -> None:
    token = await gateway.system_token(await gateway.account())

    assert "get_key" not in await listed(gateway, token)


async def test_a_call_of_another_tool_says_which_scope_it_needs(gateway: Gateway) -> None:
    account_id = await gateway.account()
    reader = await gateway.key(account_id, scopes=("topup:read",))
    async with agent(gateway, reader) as client:
        refused = await client.send()
        ordered = await client.use(
            "create_order", {"provider": "sandbox", "amount_cents": 1000, **fresh_key()}
        )

    assert error_of(refused) == error_of(ordered) == (2009, "ask_human")
    assert refused.structured_content["data"]["error"]["required_scopes"] == ["topup:send"]


async def test_the_hints_are_true(gateway: Gateway) -> None:
    tools = await listed(gateway, await gateway.key(await gateway.account()))
    hints = {}
    for name, tool in tools.items():
        told = tool.annotations
        assert told is not None
        hints[name] = (
            told.read_only_hint,
            told.destructive_hint,
            told.idempotent_hint,
            told.open_world_hint,
        )

    reads = (True, None, None, False)
    assert hints == {
        "send_topup": (False, True, True, True),
        "validate_topup": reads,
        "cancel_topup": (False, True, True, False),
        "get_status": reads,
        "wait_for": reads,
        "get_balance": reads,
        "list_platforms": reads,
        "get_history": reads,
        "get_key": reads,
        "list_events": reads,
        "register_webhook": (False, False, True, True),
        "test_webhook": (False, False, False, True),
        "list_deliveries": reads,
        "create_order": (False, False, True, True),
        "redeem_code": (False, True, True, False),
    }


async def test_what_may_be_repeated_needs_a_key_that_makes_it_so(gateway: Gateway) -> None:
    tools = await listed(gateway, await gateway.key(await gateway.account()))

    required = [
        name
        for name, tool in tools.items()
        if "idempotency_key" in tool.input_schema.get("required", ())
    ]
    assert required == ["send_topup", "register_webhook", "create_order", "redeem_code"]


async def test_schemas_carry_the_operators_limits(gateway: Gateway) -> None:
    tools = await listed(gateway, await gateway.key(await gateway.account()))
    send = arguments_of(tools["send_topup"])

    assert send["platform"]["enum"] == ["claude", "chatgpt", "gemini"]
    assert (send["amount_cents"]["minimum"], send["amount_cents"]["maximum"]) == (100, 100_000)
    assert send["recipient_email"]["format"] == "email"
    assert send["recipient"]["enum"] == ["self"]
    order = arguments_of(tools["create_order"])
    assert order["provider"]["enum"][0] == "sandbox"
    assert (order["amount_cents"]["minimum"], order["amount_cents"]["maximum"]) == (100, 1_000_000)
    history = arguments_of(tools["get_history"])
    assert "delivered" in history["status"]["enum"]
    assert (history["limit"]["maximum"], "format" in history) == (200, False)


async def test_schemas_carry_the_keys_own_limits(gateway: Gateway) -> None:
    account_id = await gateway.account()
    narrow = await gateway.key(
        account_id,
        platforms=("gemini",),
        recipients=("a@example.com", "b@example.com"),
        per_call_cents=1500,
    )
    wide = await gateway.key(account_id, recipients=("*@example.com",))
    send = arguments_of((await listed(gateway, narrow))["send_topup"])
    other = arguments_of((await listed(gateway, wide))["send_topup"])

    assert send["platform"]["enum"] == ["gemini"]
    assert send["amount_cents"]["maximum"] == 1500
    assert "at most 1500 a call" in send["amount_cents"]["description"]
    assert send["recipient_email"]["enum"] == ["a@example.com", "b@example.com"]
    assert "*@example.com" in other["recipient_email"]["description"]
    assert "enum" not in other["recipient_email"]


async def test_schemas_are_sound_and_take_what_the_api_takes(gateway: Gateway) -> None:
    tools = await listed(gateway, await gateway.key(await gateway.account()))
    whole = {
        **ORDER,
        "reference": "r",
        "metadata": {"a": "b"},
        "note": "n",
        "delivery": {"email": True, "locale": "es", "message": "hola"},
        "send_at": "2030-01-01T00:00:00Z",
        "distinct": True,
        "quote_id": "q",
        "idempotency_key": "k",
        "intent": "one-and-the-same-1",
    }

    for tool in tools.values():
        meta.validate(tool.input_schema)
        assert tool.output_schema is not None
        meta.validate(tool.output_schema)
        # What providers of models refuse in a tool.
        assert {"anyOf", "oneOf", "allOf", "$ref"}.isdisjoint(tool.input_schema)
        assert tool.input_schema["additionalProperties"] is False
    validate(tools["send_topup"].input_schema, whole)


async def test_the_list_is_short_and_stays_as_it_is(gateway: Gateway) -> None:
    account_id = await gateway.account()
    key = await gateway.key(account_id, scopes=ACCOUNT_SCOPES)
    usual = await gateway.key(account_id, scopes=("topup:send", "topup:read"))
    sizes = []
    for one in (key, usual):
        tools = await listed(gateway, one)
        assert [str(tool) for tool in (await listed(gateway, one)).values()] == [
            str(tool) for tool in tools.values()
        ]
        dumped = [
            tool.model_dump(mode="json", by_alias=True, exclude_none=True)
            for tool in tools.values()
        ]
        sizes.append(len(json.dumps(dumped, separators=(",", ":"))))

    # Five tools were 31 kB.
    assert sizes[0] <= 20_000
    assert sizes[1] < 14_500
