"""A payer of x402: the authors' own client, with a wallet that signs as EIP-3009 has it."""

import secrets
import time
from typing import Any

import httpx
from x402 import x402Client
from x402.http.clients.httpx import x402AsyncTransport
from x402.schemas import PaymentPayload, PaymentRequirements

from tests.support.gateway import NO_TLS
from tests.support.wallet import Account

SHOWN = "payment_signature"
_TYPES = {
    "EIP712Domain": [
        {"name": "name", "type": "string"},
        {"name": "version", "type": "string"},
        {"name": "chainId", "type": "uint256"},
        {"name": "verifyingContract", "type": "address"},
    ],
    "TransferWithAuthorization": [
        {"name": "from", "type": "address"},
        {"name": "to", "type": "address"},
        {"name": "value", "type": "uint256"},
        {"name": "validAfter", "type": "uint256"},
        {"name": "validBefore", "type": "uint256"},
        {"name": "nonce", "type": "bytes32"},
    ],
}


def typed_data_of(authorization: dict[str, Any], wanted: dict[str, Any]) -> dict[str, Any]:
    """What a wallet signs for the requirements."""
    return {
        "types": _TYPES,
        "primaryType": "TransferWithAuthorization",
        "domain": {
            "name": wanted["extra"]["name"],
            "version": wanted["extra"]["version"],
            "chainId": int(wanted["network"].removeprefix("eip155:")),
            "verifyingContract": wanted["asset"],
        },
        "message": {
            **authorization,
            "value": int(authorization["value"]),
            "validAfter": int(authorization["validAfter"]),
            "validBefore": int(authorization["validBefore"]),
            "nonce": bytes.fromhex(authorization["nonce"].removeprefix("0x")),
        },
    }


class Wallet:
    """Signs payments; the scheme `exact` of the package's client. changes: to the next authorizations."""

    scheme = "exact"

    def __init__(self) -> None:
        self._account = Account.from_key(secrets.token_bytes(32))
        self.address: str = self._account.address
        self.changes: dict[str, str] = {}

    def create_payment_payload(self, requirements: PaymentRequirements) -> dict[str, Any]:
        """A signed authorization of what is asked for."""
        wanted = requirements.model_dump(by_alias=True)
        until_s = int(time.time()) + requirements.max_timeout_seconds
        authorization = {
            "from": self.address,
            "to": wanted["payTo"],
            "value": wanted["amount"],
            "validAfter": "0",
            "validBefore": str(until_s),
            "nonce": "0x" + secrets.token_hex(32),
            **self.changes,
        }
        signed = self._account.sign_typed_data(full_message=typed_data_of(authorization, wanted))
        return {"authorization": authorization, "signature": "0x" + signed.signature.hex()}


class SecretIdentifier:
    """Adds a payment identifier, as the package's extension of that name does."""

    key = "payment-identifier"
    hooks = None
    transport_hooks = None

    def __init__(self, identifier: str) -> None:
        self.identifier = identifier

    def enrich_payment_payload(self, payload: PaymentPayload, _required: Any) -> PaymentPayload:
        """Beside what the server declared."""
        info = {"required": True, "id": self.identifier}
        return payload.model_copy(update={"extensions": {self.key: {"info": info}}})


class _Recording(httpx.AsyncHTTPTransport):
    """Notes beside each answer which payment was shown for it."""

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        response = await super().handle_async_request(request)
        response.extensions[SHOWN] = request.headers.get("payment-signature", "")
        return response


def plain_client(wallet: Wallet) -> x402Client:
    """The package's client, whose owner lets it spend."""
    client = x402Client()
    # It pays a dollar at most, in tokens that it knows, unless its owner says more.
    client.set_spend_controls(False)
    client.register("eip155:*", wallet)
    return client


def payer_client(
    base_url: str, wallet: Wallet, *, identifier: str | None = None
) -> httpx.AsyncClient:
    """An HTTP client that pays each 402 by itself, once."""
    client = plain_client(wallet)
    secret = identifier or f"pay_{secrets.token_hex(16)}"
    client.register_extension(SecretIdentifier(secret))
    return paying(base_url, client)


def paying(base_url: str, client: x402Client) -> httpx.AsyncClient:
    """An HTTP client that pays by that one."""
    transport = x402AsyncTransport(client, _Recording(verify=NO_TLS))
    return httpx.AsyncClient(transport=transport, base_url=base_url, trust_env=False, timeout=60)
