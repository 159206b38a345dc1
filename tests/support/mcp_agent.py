"""The official SDK's client as an agent has it; whatever a tool answers is held against its schema."""

import contextlib
from collections.abc import AsyncIterator
from itertools import count
from typing import Any

import httpx2
from jsonschema_rs import validate
from mcp import Client
from mcp.client.streamable_http import streamable_http_client
from mcp_types import CallToolResult, TextContent

from gateway.mcp.schemas import output_schema
from gateway.mcp.tools import TOOLS
from tests.support.gateway import Gateway
from tests.support.plain_http import ANSWER_S_MAX

ORDER = {"platform": "claude", "amount_cents": 1000, "recipient_email": "user@example.com"}
_numbers = count(1)


class Agent:
    """A connected client."""

    def __init__(self, client: Client) -> None:
        self.client = client

    async def use(self, tool: str, arguments: dict[str, Any] | None = None) -> CallToolResult:
        """The tool's result, which is as its output schema says, refusals too."""
        result = await self.client.call_tool(tool, arguments or {})
        validate(output_schema(TOOLS[tool]), result.structured_content)
        return result

    async def send(self, **arguments: Any) -> CallToolResult:
        """A send under a key of its own, of $10.00 to user@example.com unless said otherwise."""
        return await self.use("send_topup", {**ORDER, **fresh_key(), **arguments})


def fresh_key() -> dict[str, str]:
    """An idempotency_key that no call had before."""
    return {"idempotency_key": f"action-{next(_numbers)}"}


@contextlib.asynccontextmanager
async def agent(
    gateway: Gateway, key: str, mode: str = "auto", **options: Any
) -> AsyncIterator[Agent]:
    """mode: auto for today's protocol, legacy for those with a handshake."""
    headers = {"Authorization": f"Bearer {key}"}
    async with httpx2.AsyncClient(headers=headers, timeout=ANSWER_S_MAX, trust_env=False) as http:
        transport = streamable_http_client(f"{gateway.url}/mcp", http_client=http)
        async with Client(transport, mode=mode, **options) as client:
            yield Agent(client)


def data_of(result: CallToolResult) -> dict[str, Any]:
    return dict(result.structured_content["data"])


def code_of(result: CallToolResult) -> int:
    return int(result.structured_content["code"])


def error_of(result: CallToolResult) -> tuple[int, str]:
    """The code and what to do next, of a result that is an error."""
    assert result.is_error
    return code_of(result), data_of(result)["error"]["next_action"]


def text_of(result: CallToolResult) -> str:
    return "\n".join(part.text for part in result.content if isinstance(part, TextContent))


async def balance_cents(gateway: Gateway, key: str) -> int:
    answer = await gateway.call("GET", "/topup/balance", key=key)
    return int(answer.json()["data"]["balance_cents"])
