"""Calls of send_topup over MCP that pay in the call, as JSON."""

import json
from typing import Any

from x402.extensions.payment_identifier import append_payment_identifier_to_extensions
from x402.schemas import PaymentRequired

from tests.support.gateway import Gateway
from tests.support.machine_payer import Wallet, plain_client
from tests.support.paying import BODY

X402 = "x402/payment"
CREDENTIAL = "org.paymentauth/credential"
CHALLENGES = "org.paymentauth/payment-required"
RECEIPT = "org.paymentauth/receipt"
RESPONSE = "x402/payment-response"
PATH = "/x402/mcp"


async def rpc(
    gateway: Gateway, method: str, params: dict[str, Any], *, key: str | None = None
) -> dict[str, Any]:
    """The message that comes back; with a key it is sent to /mcp."""
    headers = {"Accept": "application/json, text/event-stream", "Content-Type": "application/json"}
    if key is not None:
        headers["Authorization"] = f"Bearer {key}"
    asked = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
    path = PATH if key is None else "/mcp"
    answer = await gateway.client.post(path, content=json.dumps(asked), headers=headers)
    return dict(answer.json())


async def send(
    gateway: Gateway, *, meta: dict[str, Any] | None = None, key: str | None = None, **fields: Any
) -> dict[str, Any]:
    """The tool's result."""
    params: dict[str, Any] = {"name": "send_topup", "arguments": {**BODY, **fields}}
    if meta is not None:
        params["_meta"] = meta
    answer = await rpc(gateway, "tools/call", params, key=key)
    assert "result" in answer, answer
    return dict(answer["result"])


async def signed(
    asked: dict[str, Any], *, wallet: Wallet | None = None, identifier: str | None = None
) -> dict[str, Any]:
    """What the package's client shows for a result that asks for a payment."""
    required = PaymentRequired.model_validate(asked["structuredContent"])
    append_payment_identifier_to_extensions(required.extensions or {}, identifier)
    payload = await plain_client(wallet or Wallet()).create_payment_payload(required)
    return {X402: payload.model_dump(by_alias=True, exclude_none=True, mode="json")}


def by_token(asked: dict[str, Any], token: str = "spt_0123456789") -> dict[str, Any]:
    """A card's payment of the first challenge."""
    [challenge] = asked["_meta"][CHALLENGES]["challenges"]
    return {CREDENTIAL: {"challenge": challenge, "payload": {"spt": token}}}


def code_of(result: dict[str, Any]) -> int:
    return int(result["structuredContent"]["code"])
