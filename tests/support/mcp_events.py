"""An MCP client of the Events extension, by hand, and a receiver that agrees to its subscriptions."""

import base64
import json
import secrets
from typing import Any

import msgspec

from keys.signatures.signing import SECRET_PREFIX
from tests.support.gateway import Gateway
from tests.support.receiver import Received, Receiver

TODAY = "2026-07-28"
_META = {
    "io.modelcontextprotocol/protocolVersion": TODAY,
    "io.modelcontextprotocol/clientCapabilities": {},
}


def new_secret(size: int = 32) -> str:
    return SECRET_PREFIX + base64.b64encode(secrets.token_bytes(size)).decode()


async def agree(received: Received) -> int | tuple[int, bytes]:
    """The answer of a receiver that wants the deliveries."""
    body = msgspec.json.decode(received.body)
    if body.get("type") != "verification":
        return 200
    return 200, json.dumps({"challenge": body["challenge"]}).encode()


def agreeing() -> Receiver:
    return Receiver(agree)


class EventsClient:
    def __init__(self, gateway: Gateway, key: str | None) -> None:
        self._gateway = gateway
        self._key = key

    async def request(
        self, method: str, params: dict[str, Any] | None = None, **meta: Any
    ) -> dict[str, Any]:
        """The whole JSON-RPC response."""
        body = {
            "jsonrpc": "2.0",
            "id": 1,
            "method": method,
            "params": {**(params or {}), "_meta": {**_META, **meta}},
        }
        headers = {
            "Accept": "application/json, text/event-stream",
            "Content-Type": "application/json",
            "MCP-Protocol-Version": TODAY,
            "Mcp-Method": method,
        }
        named = (params or {}).get("taskId") or (params or {}).get("name")
        if isinstance(named, str) and (method == "tools/call" or method.startswith("tasks/")):
            headers["Mcp-Name"] = named
        if self._key is not None:
            headers["Authorization"] = f"Bearer {self._key}"
        answer = await self._gateway.client.post("/mcp", content=json.dumps(body), headers=headers)
        return dict(answer.json())

    async def result(self, method: str, params: dict[str, Any] | None = None) -> dict[str, Any]:
        answer = await self.request(method, params)
        assert "result" in answer, answer
        return dict(answer["result"])

    async def error(self, method: str, params: dict[str, Any] | None = None) -> tuple[int, Any]:
        """The error's code and data."""
        answer = await self.request(method, params)
        assert "error" in answer, answer
        return answer["error"]["code"], answer["error"].get("data")

    async def subscribe(self, url: str, **more: Any) -> dict[str, Any]:
        return await self.result("events/subscribe", subscription(url, **more))

    async def unsubscribe(self, url: str, **more: Any) -> dict[str, Any]:
        return await self.result("events/unsubscribe", subscription(url, **more))

    async def poll(self, **params: Any) -> dict[str, Any]:
        return await self.result("events/poll", {"name": "topup.delivered", **params})


def subscription(url: str, secret: str | None = None, **more: Any) -> dict[str, Any]:
    """The params of a subscription to topup.delivered unless said otherwise."""
    delivery = {"mode": "webhook", "url": url, "secret": secret or new_secret()}
    return {"name": "topup.delivered", "arguments": {}, "delivery": delivery, **more}
