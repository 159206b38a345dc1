"""/mcp, asked by the official SDK's client over real HTTP: the same calls, rules and answers.

What an agent does is done in both of the protocol's eras, with the handshake and without.
"""

from typing import Any

import pytest
from mcp import MCPError

from tests.support.gateway import Gateway
from tests.support.mcp_agent import (
    ORDER,
    Agent,
    agent,
    balance_cents,
    code_of,
    data_of,
    error_of,
    fresh_key,
)

pytestmark = pytest.mark.one_database

FULL = 1_000_000


@pytest.fixture(params=["auto", "legacy"])
def mode(request: pytest.FixtureRequest) -> str:
    return str(request.param)


async def test_an_agent_completes_a_topup_with_one_call(gateway: Gateway, mode: str) -> None:
    key = await gateway.key(await gateway.account())
    async with agent(gateway, key, mode) as client:
        sent = await client.send(reference="order-1")
        told = await client.use(
            "get_status", {"transaction_id": sent.structured_content["transaction_id"]}
        )
        held = await client.use("get_balance")
        rehearsed = await client.use("validate_topup", ORDER)

    assert (sent.is_error, code_of(sent), data_of(sent)["new_balance_cents"]) == (False, 1001, 1000)
    assert (data_of(told)["status"], data_of(told)["reference"]) == ("delivered", "order-1")
    assert data_of(held)["balance_cents"] == 999_000
    assert data_of(rehearsed)["would_be"] == "delivered"
    assert sent.meta is not None
    assert str(sent.meta["request_id"]).startswith("req_")


async def test_one_key_sends_once_by_tool_and_by_http(gateway: Gateway, mode: str) -> None:
    key = await gateway.key(await gateway.account())
    async with agent(gateway, key, mode) as client:
        first = await client.send(idempotency_key="one")
        again = await client.send(idempotency_key="one")
        other = await client.send(idempotency_key="one", amount_cents=2000)
    by_http = await gateway.call(
        "POST", "/topup/send", key=key, json=ORDER, headers={"Idempotency-Key": "one"}
    )

    assert again.structured_content == first.structured_content == by_http.json()
    assert by_http.headers["idempotent-replayed"] == "true"
    assert error_of(other) == (2006, "stop")
    assert other.structured_content["transaction_id"] == by_http.json()["transaction_id"]
    assert await balance_cents(gateway, key) == FULL - 1000


async def test_a_pending_topup_is_cancelled_once(gateway: Gateway, mode: str) -> None:
    key = await gateway.key(await gateway.account())
    async with agent(gateway, key, mode) as client:
        sent = await client.send(recipient_email="pending@sandbox.test")
        which = {"transaction_id": sent.structured_content["transaction_id"]}
        gone = await client.use("cancel_topup", {**which, "idempotency_key": "off"})
        again = await client.use("cancel_topup", {**which, "idempotency_key": "off"})
        late = await client.use("cancel_topup", which)

    assert (code_of(sent), code_of(gone)) == (1002, 3001)
    assert again.structured_content == gone.structured_content
    assert error_of(late) == (3004, "stop")
    assert await balance_cents(gateway, key) == FULL


REFUSED: list[tuple[dict[str, Any], tuple[int, str]]] = [
    ({"recipient_email": "insufficient@sandbox.test"}, (2002, "top_up")),
    ({"recipient_email": "failed@sandbox.test"}, (3005, "stop")),
    ({"recipient_email": "ratelimited@sandbox.test"}, (4001, "wait")),
    ({"platform": "nobody"}, (2003, "fix_request")),
    ({"amount_cents": 1}, (2005, "fix_request")),
    ({"amount_cents": "1000"}, (2007, "fix_request")),
    ({"amount_cent": 1000}, (2007, "fix_request")),
    ({"platform": ["claude"]}, (2007, "fix_request")),
    ({"idempotency_key": "ü"}, (2007, "fix_request")),
    ({"idempotency_key": 7}, (2007, "fix_request")),
    ({"idempotency_key": None}, (2007, "fix_request")),
    ({"note": "\x00"}, (2007, "fix_request")),
    ({"environment": "live"}, (2009, "fix_request")),
]


async def test_a_refusal_is_a_tool_error_that_says_what_to_do(gateway: Gateway) -> None:
    key = await gateway.key(await gateway.account())
    async with agent(gateway, key) as client:
        for arguments, expected in REFUSED:
            refused = await client.send(**arguments)
            assert error_of(refused) == expected, arguments
            assert data_of(refused)["error"]["detail"]

    assert await balance_cents(gateway, key) == FULL


async def test_all_that_is_wrong_is_said_at_once(gateway: Gateway) -> None:
    key = await gateway.key(await gateway.account())
    async with agent(gateway, key) as client:
        refused = await client.use(
            "send_topup", {"platform": "cluade", "amount": 5, "recipient_email": "nobody"}
        )

    told = {one["param"]: one for one in data_of(refused)["error"]["errors"]}
    # The amount came under another name, so it isn't missing.
    assert told.keys() == {"idempotency_key", "amount", "platform", "recipient_email"}
    assert told["idempotency_key"]["example"] == "order-1042"
    assert told["amount"]["did_you_mean"] == "amount_cents"
    assert told["platform"]["did_you_mean"] == "claude"


@pytest.mark.parametrize(
    ("tool", "arguments"),
    [
        ("create_order", {"provider": "sandbox", "amount_cents": 1000}),
        ("redeem_code", {"code": "TOPUP-AAAA-BBBB-CCCC"}),
        ("send_topup", ORDER),
    ],
)
async def test_where_money_moves_a_key_is_required(
    gateway: Gateway, tool: str, arguments: dict[str, Any]
) -> None:
    key = await gateway.key(await gateway.account())
    async with agent(gateway, key) as client:
        refused = await client.use(tool, arguments)

    assert error_of(refused) == (2007, "fix_request")
    error = data_of(refused)["error"]
    assert error["param"] == "idempotency_key"
    assert "a new one is a new payment" in error["detail"]


@pytest.mark.parametrize("id_", ["txn_1", "txn_1/../txn_2", "..", "", "txn_%2e", "\x00"])
async def test_what_is_no_id_of_ours_is_not_found(gateway: Gateway, id_: str) -> None:
    key = await gateway.key(await gateway.account())
    async with agent(gateway, key) as client:
        refused = await client.use("get_status", {"transaction_id": id_})

    assert error_of(refused)[0] in {2007, 3003}


async def test_the_reads_are_those_of_the_api(gateway: Gateway, mode: str) -> None:
    key = await gateway.key(await gateway.account())
    async with agent(gateway, key, mode) as client:
        await client.send(reference="a", platform="gemini")
        await client.send(reference="b")
        history = await client.use("get_history", {"limit": 1})
        rest = await client.use(
            "get_history", {"limit": 1, "cursor": data_of(history)["next_cursor"]}
        )
        found = await client.use("get_history", {"platform": "gemini", "status": "delivered"})
        platforms = await client.use("list_platforms")
        events = await client.use("list_events", {"after": "0", "type": "topup.delivered"})
        own = await client.use("get_key")

    assert [one["reference"] for one in data_of(history)["items"]] == ["b"]
    assert [one["reference"] for one in data_of(rest)["items"]] == ["a"]
    assert [one["reference"] for one in data_of(found)["items"]] == ["a"]
    listed = [one["id"] for one in data_of(platforms)["items"]]
    assert listed == ["claude", "chatgpt", "gemini"]
    told = [one["data"]["reference"] for one in data_of(events)["items"]]
    assert told == ["a", "b"]
    assert data_of(own)["paused"] is False


async def test_a_read_names_each_argument_that_it_cannot_take(gateway: Gateway) -> None:
    key = await gateway.key(await gateway.account())
    async with agent(gateway, key) as client:
        for arguments, param, hint in (
            ({"format": "csv"}, "format", {}),
            ({"recipient": "a@b.example"}, "recipient", {"did_you_mean": "recipient_email"}),
            ({"limit": [1]}, "limit", {}),
            ({"limit": 201}, "limit", {"maximum": 200}),
            ({"status": "done"}, "status", {}),
        ):
            refused = await client.use("get_history", arguments)
            told = data_of(refused)["error"]["errors"][0]
            assert (error_of(refused)[0], told["param"]) == (2007, param), arguments
            assert hint.items() <= told.items()
        nameless = await client.use("get_status", {"id": "txn_1"})

    told = [one["param"] for one in data_of(nameless)["error"]["errors"]]
    assert told == ["id", "transaction_id"]


async def test_credit_is_ordered_and_a_wrong_code_refused(gateway: Gateway) -> None:
    key = await gateway.key(await gateway.account())
    order = {"provider": "sandbox", "amount_cents": 2000, "idempotency_key": "o"}
    async with agent(gateway, key) as client:
        placed = await client.use("create_order", order)
        again = await client.use("create_order", order)
        refused = await client.use("redeem_code", {"code": "TOPUP-AAAA-BBBB-CCCC", **fresh_key()})

    assert "/sandbox/checkout/" in data_of(placed)["url"]
    assert data_of(again)["id"] == data_of(placed)["id"]
    assert error_of(refused) == (2011, "stop")


async def _plan_again(client: Agent) -> dict[str, Any]:
    """What a planner that forgot its first attempt does: the same step, under a fresh key."""
    refused = await client.send()
    error: dict[str, Any] = data_of(refused)["error"]
    assert (error_of(refused), error["reason"]) == ((2006, "stop"), "looks_repeated")
    return error


async def test_a_plan_that_repeats_itself_pays_once(gateway: Gateway, mode: str) -> None:
    key = await gateway.key(await gateway.account(), repeat_guard_s=600)
    async with agent(gateway, key, mode) as client:
        sent = await client.send()
        error = await _plan_again(client)
        which = sent.structured_content["transaction_id"]
        assert {"earlier", "send_distinct"} & {link["rel"] for link in error["links"]}
        assert await balance_cents(gateway, key) == FULL - 1000

        told = await client.use("get_status", {"transaction_id": which})
        other = await client.send(amount_cents=1100)
        meant = await client.send(distinct=True)
        listed = {tool.name: tool for tool in (await client.client.list_tools()).tools}

    assert (code_of(told), code_of(other), code_of(meant)) == (1001, 1001, 1001)
    assert meant.structured_content["transaction_id"] != which
    words = listed["send_topup"]
    assert "looks_repeated" in str(words.description)
    said = words.input_schema["properties"]["idempotency_key"]["description"]
    assert "Reuse this key when you retry; a new key is a new payment." in said
    assert await balance_cents(gateway, key) == FULL - 3100


async def test_an_unknown_tool_is_a_fault_of_the_protocol(gateway: Gateway, mode: str) -> None:
    key = await gateway.key(await gateway.account(), scopes=("topup:read",))
    async with agent(gateway, key, mode) as client:
        with pytest.raises(MCPError, match="Unknown tool: empty_wallet") as refused:
            await client.client.call_tool("empty_wallet", {})

    assert refused.value.code == -32602
    assert "get_status" in refused.value.data["allowed"]
    assert "send_topup" not in refused.value.data["allowed"]
