"""/mcp, asked by the official SDK's client over real HTTP: the same calls, rules and answers.

Every test runs in both of the protocol's eras, with the handshake and without.
"""

import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from mcp import Client
from mcp.client.streamable_http import streamable_http_client
from mcp_types import CallToolResult, ElicitRequestURLParams, ElicitResult, TextContent

from keys.principal import ACCOUNT_SCOPES
from tests.support.gateway import Gateway, running, settings_of

pytestmark = pytest.mark.one_database

ORDER = {"platform": "claude", "amount_cents": 1000, "recipient_email": "user@example.com"}
HELD = {**ORDER, "recipient_email": "approval@sandbox.test"}


@pytest.fixture(params=["auto", "legacy"])
def mode(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@contextlib.asynccontextmanager
async def agent(
    gateway: Gateway, key: str, mode: str = "auto", **options: Any
) -> AsyncIterator[Client]:
    headers = {"Authorization": f"Bearer {key}"}
    async with httpx2.AsyncClient(headers=headers, trust_env=False) as http:
        transport = streamable_http_client(f"{gateway.url}/mcp", http_client=http)
        async with Client(transport, mode=mode, **options) as client:
            yield client


def data_of(result: CallToolResult) -> dict[str, Any]:
    return dict(result.structured_content["data"])


def error_of(result: CallToolResult) -> tuple[int, str]:
    """The code and what to do next, of a result that is an error."""
    assert result.is_error
    envelope = result.structured_content
    return envelope["code"], envelope["data"]["error"]["next_action"]


async def balance_cents(gateway: Gateway, key: str) -> int:
    answer = await gateway.call("GET", "/topup/balance", key=key)
    return int(answer.json()["data"]["balance_cents"])


async def test_the_five_tools_are_listed_with_their_hints(gateway: Gateway, mode: str) -> None:
    key = await gateway.key(await gateway.account())
    async with agent(gateway, key, mode) as client:
        listed = {tool.name: tool for tool in (await client.list_tools()).tools}

    hints = {
        name: (
            tool.annotations.read_only_hint,
            tool.annotations.destructive_hint,
            tool.annotations.idempotent_hint,
        )
        for name, tool in listed.items()
        if tool.annotations is not None
    }
    assert hints == {
        "send_topup": (False, True, False),
        "validate_topup": (True, None, True),
        "cancel_topup": (False, True, True),
        "get_status": (True, None, True),
        "get_balance": (True, None, True),
    }
    takes_key = {
        name
        for name, tool in listed.items()
        if "idempotency_key" in tool.input_schema["properties"]
    }
    assert takes_key == {"send_topup", "cancel_topup"}
    assert all(tool.output_schema is not None for tool in listed.values())


async def test_an_agent_completes_a_topup(gateway: Gateway, mode: str) -> None:
    key = await gateway.key(await gateway.account())
    async with agent(gateway, key, mode) as client:
        rehearsed = await client.call_tool("validate_topup", ORDER)
        sent = await client.call_tool("send_topup", {**ORDER, "reference": "order-1"})
        told = await client.call_tool(
            "get_status", {"transaction_id": sent.structured_content["transaction_id"]}
        )
        held = await client.call_tool("get_balance")

    assert data_of(rehearsed)["would_be"] == "delivered"
    assert (sent.is_error, sent.structured_content["code"]) == (False, 1001)
    assert data_of(sent)["new_balance_cents"] == 1000
    assert data_of(told)["status"] == "delivered"
    assert data_of(told)["reference"] == "order-1"
    assert data_of(held)["balance_cents"] == 999_000


async def test_one_key_sends_once_by_tool_and_by_http(gateway: Gateway, mode: str) -> None:
    key = await gateway.key(await gateway.account())
    async with agent(gateway, key, mode) as client:
        first = await client.call_tool("send_topup", {**ORDER, "idempotency_key": "one"})
        again = await client.call_tool("send_topup", {**ORDER, "idempotency_key": "one"})
        other = await client.call_tool(
            "send_topup", {**ORDER, "amount_cents": 2000, "idempotency_key": "one"}
        )
    by_http = await gateway.call(
        "POST", "/topup/send", key=key, json=ORDER, headers={"Idempotency-Key": "one"}
    )

    assert again.structured_content == first.structured_content == by_http.json()
    assert by_http.headers["idempotent-replayed"] == "true"
    assert error_of(other) == (2006, "stop")
    assert other.structured_content["transaction_id"] == by_http.json()["transaction_id"]
    assert await balance_cents(gateway, key) == 999_000


async def test_a_pending_topup_is_cancelled_once(gateway: Gateway, mode: str) -> None:
    key = await gateway.key(await gateway.account())
    async with agent(gateway, key, mode) as client:
        sent = await client.call_tool(
            "send_topup", {**ORDER, "recipient_email": "pending@sandbox.test"}
        )
        which = {"transaction_id": sent.structured_content["transaction_id"]}
        gone = await client.call_tool("cancel_topup", {**which, "idempotency_key": "off"})
        again = await client.call_tool("cancel_topup", {**which, "idempotency_key": "off"})
        late = await client.call_tool("cancel_topup", which)

    assert sent.structured_content["code"] == 1002
    assert gone.structured_content["code"] == 3001
    assert again.structured_content == gone.structured_content
    assert error_of(late) == (3004, "stop")
    assert await balance_cents(gateway, key) == 1_000_000


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ({**ORDER, "recipient_email": "insufficient@sandbox.test"}, (2002, "top_up")),
        ({**ORDER, "recipient_email": "failed@sandbox.test"}, (3005, "stop")),
        ({**ORDER, "recipient_email": "ratelimited@sandbox.test"}, (4001, "wait")),
        ({**ORDER, "platform": "nobody"}, (2003, "fix_request")),
        ({**ORDER, "amount_cents": 1}, (2005, "fix_request")),
        ({**ORDER, "amount_cents": "1000"}, (2007, "fix_request")),
        ({**ORDER, "amount_cent": 1000}, (2007, "fix_request")),
        ({}, (2007, "fix_request")),
        ({**ORDER, "idempotency_key": "ü"}, (2007, "fix_request")),
        ({**ORDER, "idempotency_key": 7}, (2007, "fix_request")),
        ({**ORDER, "note": "\x00"}, (2007, "fix_request")),
        ({**ORDER, "environment": "live"}, (2009, "ask_human")),
    ],
)
async def test_a_refusal_is_a_tool_error_that_says_what_to_do(
    gateway: Gateway, arguments: dict[str, Any], expected: tuple[int, str]
) -> None:
    key = await gateway.key(await gateway.account())
    async with agent(gateway, key) as client:
        refused = await client.call_tool("send_topup", arguments)

    assert error_of(refused) == expected
    assert refused.structured_content["data"]["error"]["detail"]
    assert await balance_cents(gateway, key) == 1_000_000


@pytest.mark.parametrize("id_", ["txn_1", "txn_1/../txn_2", "..", "", "txn_%2e", "\x00"])
async def test_what_is_no_id_of_ours_is_not_found(gateway: Gateway, id_: str) -> None:
    key = await gateway.key(await gateway.account())
    async with agent(gateway, key) as client:
        refused = await client.call_tool("get_status", {"transaction_id": id_})

    assert error_of(refused)[0] in {2007, 3003}


async def test_each_tool_needs_the_scope_of_its_call(gateway: Gateway, mode: str) -> None:
    account_id = await gateway.account()
    reader = await gateway.key(account_id, scopes=("topup:read",))
    sender = await gateway.key(account_id, scopes=("topup:send",))
    async with agent(gateway, reader, mode) as client:
        refused = await client.call_tool("send_topup", ORDER)
        assert not (await client.call_tool("get_balance")).is_error
    async with agent(gateway, sender, mode) as client:
        unread = await client.call_tool("get_balance")

    assert error_of(refused) == (2009, "ask_human")
    assert error_of(unread) == (2009, "ask_human")
    assert await balance_cents(gateway, reader) == 1_000_000


async def post(gateway: Gateway, key: str | None, **headers: str) -> tuple[int, dict[str, Any]]:
    """A tools/list by hand: what a refusal looks like on the wire."""
    given = {"Accept": "application/json, text/event-stream", **headers}
    if key is not None:
        given["Authorization"] = f"Bearer {key}"
    body = {"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {}}
    answer = await gateway.client.post("/mcp", json=body, headers=given)
    return answer.status_code, dict(answer.json())


async def test_a_credential_that_is_none_gets_no_further(gateway: Gateway) -> None:
    account_id = await gateway.account()
    key = await gateway.key(account_id)
    listed = (await gateway.call("GET", "/keys", key=key)).json()["data"]["items"]
    child = await gateway.call("POST", "/keys", key=key, json={"name": "child"})
    revoked = child.json()["data"]["key"]
    await gateway.call("DELETE", f"/keys/{child.json()['data']['id']}", key=key)
    stranger = await gateway.key(account_id, scopes=("webhooks:read",))
    elsewhere = await gateway.key(account_id, ip_allow_list=["192.0.2.0/24"])

    assert listed
    for credential, status, code in (
        (None, 401, 2001),
        ("ak_staging_nothing", 401, 2001),
        (revoked, 401, 2010),
        (stranger, 403, 2009),
        (elsewhere, 403, 4002),
    ):
        got, body = await post(gateway, credential)
        assert (got, body["error"]["data"]["code"]) == (status, code)
        assert body["error"]["data"]["next_action"] == "ask_human"


async def test_a_page_of_another_site_does_not_reach_the_tools(gateway: Gateway) -> None:
    key = await gateway.key(await gateway.account())

    assert (await post(gateway, key, Origin="https://evil.example"))[0] == 403
    assert (await post(gateway, key, Origin=gateway.url))[0] == 200
    assert (await gateway.client.get("/mcp")).status_code == 405


async def test_calls_are_counted_like_any_other(database_url: str, tmp_path: Path) -> None:
    async with running(settings_of(database_url, tmp_path, rate_limit_per_s=1)) as gateway:
        key = await gateway.key(await gateway.account())
        answers = [await post(gateway, key) for _ in range(3)]

    assert [status for status, _ in answers] == [200, 200, 429]
    assert answers[2][1]["error"]["data"]["code"] == 4001


async def test_nonsense_is_refused_in_words(gateway: Gateway) -> None:
    key = await gateway.key(await gateway.account())
    headers = {
        "Authorization": f"Bearer {key}",
        "Accept": "application/json, text/event-stream",
        "Content-Type": "application/json",
    }
    for body in (b"", b"{", b"[]", b"null", b'{"jsonrpc":"2.0"}', b"\xff", b"[" * 50_000):
        answer = await gateway.client.post("/mcp", content=body, headers=headers)
        assert 400 <= answer.status_code < 500, (body[:20], answer.text)
    large = await gateway.client.post("/mcp", content=b" " * 70_000, headers=headers)
    assert large.status_code == 413


async def test_an_unknown_tool_is_told(gateway: Gateway, mode: str) -> None:
    key = await gateway.key(await gateway.account())
    async with agent(gateway, key, mode) as client:
        refused = await client.call_tool("empty_wallet", {})

    assert error_of(refused) == (3003, "fix_request")


def texts_of(result: CallToolResult) -> str:
    return "\n".join(part.text for part in result.content if isinstance(part, TextContent))


async def test_a_send_above_the_threshold_says_where_a_person_approves(
    gateway: Gateway, mode: str
) -> None:
    account_id = await gateway.account()
    key = await gateway.key(account_id, approval_threshold_cents=500)
    person = await gateway.key(account_id, scopes=ACCOUNT_SCOPES)
    async with agent(gateway, key, mode) as client:
        held = await client.call_tool("send_topup", ORDER)
        approval = data_of(held)["approval"]
        decided = await gateway.call("POST", f"/approvals/{approval['id']}/approve", key=person)
        told = await client.call_tool(
            "get_status", {"transaction_id": held.structured_content["transaction_id"]}
        )

    assert (held.is_error, held.structured_content["code"]) == (False, 3006)
    assert approval["url"] in texts_of(held)
    assert decided.status_code == 200
    assert told.structured_content["code"] == 1001


async def test_a_client_that_opens_addresses_is_asked_to_and_sends_once(gateway: Gateway) -> None:
    key = await gateway.key(await gateway.account())
    opened: list[str] = []

    async def open_address(_context: Any, params: Any) -> ElicitResult:
        assert isinstance(params, ElicitRequestURLParams)
        opened.append(params.url)
        return ElicitResult(action="accept")

    async with agent(gateway, key, elicitation_callback=open_address) as client:
        held = await client.call_tool("send_topup", HELD)

    assert held.structured_content["code"] == 3006
    assert opened == [data_of(held)["approval"]["url"]]
    assert await balance_cents(gateway, key) == 999_000
    waiting = (await gateway.call("GET", "/approvals", key=key)).json()["data"]["items"]
    assert len(waiting) == 1


async def test_two_values_under_one_name_are_refused_before_a_tool_is_called(
    gateway: Gateway,
) -> None:
    key = await gateway.key(await gateway.account())
    before = await balance_cents(gateway, key)

    answer = await gateway.client.post(
        "/mcp",
        headers={
            "Authorization": f"Bearer {key}",
            "Content-Type": "application/json",
            "Accept": "application/json, text/event-stream",
        },
        content=b'{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"send_topup",'
        b'"arguments":{"platform":"claude","recipient_email":"user@example.com",'
        b'"amount_cents":1000,"amount_cents":900000}}}',
    )

    assert answer.status_code == 422
    assert answer.json()["error"]["data"]["param"] == "amount_cents"
    assert await balance_cents(gateway, key) == before
