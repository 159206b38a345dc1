"""/mcp by hand, as clients get it wrong: each fault in the protocol's words, and none reaches a tool."""

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.support.gateway import Gateway, running, settings_of
from tests.support.mcp_agent import ORDER, balance_cents

pytestmark = pytest.mark.one_database

ACCEPT = "application/json, text/event-stream"
TODAY = "2026-07-28"
META = {
    "io.modelcontextprotocol/protocolVersion": TODAY,
    "io.modelcontextprotocol/clientCapabilities": {},
}
SEND = {"name": "send_topup", "arguments": {**ORDER, "idempotency_key": "k"}}


def request(method: Any = "tools/list", params: Any = None, **fields: Any) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": 1, "method": method, "params": params or {}, **fields}


async def post(
    gateway: Gateway, key: str | None, body: Any = None, **headers: str
) -> tuple[int, dict[str, Any], Mapping[str, str]]:
    """What comes back for a body, of bytes or of JSON; a header that is empty is left out."""
    given = {"Accept": ACCEPT, "Content-Type": "application/json", **headers}
    if key is not None:
        given["Authorization"] = f"Bearer {key}"
    content = body if isinstance(body, bytes) else json.dumps(body or request()).encode()
    answer = await gateway.client.post(
        "/mcp", content=content, headers={name: value for name, value in given.items() if value}
    )
    return answer.status_code, dict(answer.json()), answer.headers


MALFORMED: list[tuple[Any, dict[str, str], int, int, str]] = [
    (b"", {}, 400, -32700, "the body is not JSON"),
    (b"{", {}, 400, -32700, "the body is not JSON"),
    (b"\xff", {}, 400, -32700, "the body is not JSON"),
    (b"[" * 50_000, {}, 400, -32700, "the body is not JSON"),
    (b"garbage " * 8_000, {}, 400, -32700, "the body is not JSON"),
    (b'{"jsonrpc":"2.0","id":1e999}', {}, 400, -32700, "the body is not JSON"),
    (b"null", {}, 400, -32600, "no JSON object"),
    (b"[]", {}, 400, -32600, "batches are not taken"),
    ([request(), request()], {}, 400, -32600, "batches are not taken"),
    ({"jsonrpc": "2.0"}, {}, 400, -32600, "method is a string"),
    (request(method=["tools/list"]), {}, 400, -32600, "method is a string"),
    (request(jsonrpc="1.0"), {}, 400, -32600, 'jsonrpc is "2.0"'),
    (request(id=None), {}, 400, -32600, "id is a string or an integer"),
    (request(id=True), {}, 400, -32600, "id is a string or an integer"),
    (request(id={"a": 1}), {}, 400, -32600, "id is a string or an integer"),
    (request(), {"Accept": "text/html"}, 406, -32600, "Accept: application/json"),
    (request(), {"Content-Type": "text/plain"}, 415, -32600, "Content-Type: application/json"),
    (request(), {"Content-Type": ""}, 415, -32600, "Content-Type: application/json"),
    (request(), {"MCP-Protocol-Version": "1999-01-01"}, 400, -32022, "Unsupported protocol"),
    (request(), {"MCP-Protocol-Version": "latest"}, 400, -32022, "Unsupported protocol"),
    (request(), {"MCP-Protocol-Version": TODAY}, 400, -32602, "_meta"),
    (
        request("tools/call", {**SEND, "_meta": META}),
        {"MCP-Protocol-Version": TODAY, "Mcp-Method": "tools/call", "Mcp-Name": "get_balance"},
        400,
        -32020,
        "mcp-name header does not match",
    ),
    (
        request("tools/destroy", {"_meta": META}),
        {"MCP-Protocol-Version": TODAY, "Mcp-Method": "tools/destroy"},
        404,
        -32601,
        "Method not found",
    ),
    (request("tools/destroy"), {}, 200, -32601, "Method not found"),
    (request("tools/call", {"name": "send_topup", "arguments": [1]}), {}, 200, -32602, "arguments"),
    (request("tools/call", {"name": 7, "arguments": {}}), {}, 200, -32602, "name"),
    (request("tools/call", {"arguments": {}}), {}, 200, -32602, "name"),
    (request("tools/list", {"cursor": 7}), {}, 200, -32602, "cursor"),
]


async def test_each_fault_has_the_protocols_code_and_a_sentence(gateway: Gateway) -> None:
    key = await gateway.key(await gateway.account())
    for body, headers, status, code, words in MALFORMED:
        got, answer, _ = await post(gateway, key, body, **headers)
        error = answer["error"]
        case = (str(body)[:60], headers, answer)
        assert (got, error["code"]) == (status, code), case
        assert words in error["message"], case
        assert "pydantic" not in json.dumps(answer), case
        assert len(json.dumps(answer)) < 800, case
    assert await balance_cents(gateway, key) == 1_000_000


async def test_an_unknown_version_is_told_those_that_are_spoken(gateway: Gateway) -> None:
    key = await gateway.key(await gateway.account())
    _, answer, _ = await post(
        gateway, key, request(id="mine"), **{"MCP-Protocol-Version": "1999-01-01"}
    )

    assert answer["id"] == "mine"
    assert answer["error"]["data"] == {
        "requested": "1999-01-01",
        "supported": ["2026-07-28", "2025-11-25", "2025-06-18", "2025-03-26", "2024-11-05"],
    }


@pytest.mark.parametrize("version", ["2025-11-25", "2025-06-18", "2025-03-26"])
async def test_older_versions_go_on(gateway: Gateway, version: str) -> None:
    key = await gateway.key(await gateway.account())
    hello = {
        "protocolVersion": version,
        "capabilities": {},
        "clientInfo": {"name": "old", "version": "1"},
    }
    _, opened, _ = await post(gateway, key, request("initialize", hello))
    headers = {"MCP-Protocol-Version": version}
    _, listed, _ = await post(gateway, key, **headers)
    call = {"name": "send_topup", "arguments": {**ORDER, "idempotency_key": version}}
    _, sent, _ = await post(gateway, key, request("tools/call", call), **headers)

    assert opened["result"]["protocolVersion"] == version
    assert "send_topup" in opened["result"]["instructions"]
    assert len(listed["result"]["tools"]) > 9
    assert sent["result"]["structuredContent"]["code"] == 1001


async def test_an_id_comes_back_as_it_was_sent(gateway: Gateway) -> None:
    key = await gateway.key(await gateway.account())
    for id_ in ("x" * 10_000, "", 0, -1, 2**53):
        status, answer, _ = await post(gateway, key, request(id=id_))
        assert (status, answer["id"]) == (200, id_)


async def test_two_values_under_one_name_are_refused_before_a_tool_is_called(
    gateway: Gateway,
) -> None:
    key = await gateway.key(await gateway.account())
    call = json.dumps(request("tools/call", SEND)).replace(
        '"amount_cents": 1000', '"amount_cents": 1000, "amount_cents": 900000'
    )
    status, answer, _ = await post(gateway, key, call.encode())

    assert status == 422
    assert answer["error"]["data"]["param"] == "amount_cents"
    assert await balance_cents(gateway, key) == 1_000_000


async def test_a_credential_that_is_none_gets_no_further(gateway: Gateway) -> None:
    account_id = await gateway.account()
    key = await gateway.key(account_id)
    child = await gateway.call("POST", "/keys", key=key, json={"name": "child"})
    revoked = child.json()["data"]["key"]
    await gateway.call("DELETE", f"/keys/{child.json()['data']['id']}", key=key)
    elsewhere = await gateway.key(account_id, ip_allow_list=["192.0.2.0/24"])

    for credential, status, code in (
        (None, 401, 2001),
        ("ak_staging_nothing", 401, 2001),
        (revoked, 401, 2010),
        (elsewhere, 403, 4002),
    ):
        got, answer, _ = await post(gateway, credential)
        error = answer["error"]
        assert (got, error["code"], error["data"]["code"]) == (status, code, code)
        # A key of a wrong form can be sent rightly without a person, as the API says.
        expected = "fix_request" if code == 2001 else "ask_human"
        assert error["data"]["next_action"] == expected


async def test_a_token_without_the_scope_is_refused_by_http(gateway: Gateway) -> None:
    """Its client can ask its person for more scopes; an API key's agent is told by the tool."""
    account_id = await gateway.account()
    reader = await gateway.key(account_id, scopes=("topup:read", "keys:write"))
    made = await gateway.call("POST", "/tokens", key=reader, json={"name": "narrow"})
    token = made.json()["data"]["token"]
    status, answer, _ = await post(gateway, token, request("tools/call", SEND))
    by_key, told, _ = await post(gateway, reader, request("tools/call", SEND))

    assert (status, answer["error"]["code"]) == (403, 2009)
    assert answer["error"]["data"]["required_scopes"] == ["topup:send"]
    assert (by_key, told["result"]["structuredContent"]["code"]) == (200, 2009)


async def test_a_page_of_another_site_does_not_reach_the_tools(gateway: Gateway) -> None:
    key = await gateway.key(await gateway.account())

    assert (await post(gateway, key, Origin="https://evil.example"))[0] == 403
    assert (await post(gateway, key, Origin=gateway.url))[0] == 200
    assert (await gateway.client.get("/mcp")).status_code == 405


async def test_too_large_a_body_is_not_read(gateway: Gateway) -> None:
    key = await gateway.key(await gateway.account())

    assert (await post(gateway, key, b" " * 70_000))[0] == 413


async def test_calls_are_counted_like_any_other(sqlite_template: Path, tmp_path: Path) -> None:
    shutil.copy(sqlite_template, tmp_path / "topup.db")
    settings = settings_of(f"sqlite:///{tmp_path / 'topup.db'}", tmp_path, rate_limit_per_s=1)
    async with running(settings) as gateway:
        key = await gateway.key(await gateway.account())
        answers = [await post(gateway, key) for _ in range(3)]

    assert [status for status, _, _ in answers] == [200, 200, 429]
    assert answers[2][1]["error"]["data"]["code"] == 4001
