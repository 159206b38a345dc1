"""Walks of payers without an account."""

import base64
import json
from typing import Any

from tests.gateway.answers.own_walks import account
from tests.gateway.answers.recorder import Recorder

BODY: dict[str, Any] = {
    "platform": "claude",
    "amount_cents": 1000,
    "recipient_email": "user@example.com",
}


def payment(accepted: dict[str, Any], nonce: str, identifier: str) -> dict[str, str]:
    """The header of a payment that staging's stand-in takes."""
    authorization = {
        "from": "0x" + "1a" * 20,
        "to": accepted["payTo"],
        "value": accepted["amount"],
        "validAfter": "0",
        "validBefore": "1781352300",
        "nonce": "0x" + nonce * 32,
    }
    payload = {
        "x402Version": 2,
        "accepted": accepted,
        "payload": {"authorization": authorization, "signature": "0x" + "2b" * 65},
        "extensions": {"payment-identifier": {"info": {"required": True, "id": identifier}}},
    }
    return {"PAYMENT-SIGNATURE": base64.b64encode(json.dumps(payload).encode()).decode()}


async def x402(to: Recorder) -> None:
    await account(to)
    path = "/x402/topup"
    asked = await to.ask("the price", "POST", path, json=BODY)
    [accepted] = asked.json()["data"]["error"]["accepts"]
    paid = payment(accepted, "3c", "pay_" + "4d" * 16)
    await to.ask("paid", "POST", path, json=BODY, headers=paid)
    await to.ask("again", "POST", path, json=BODY, headers=paid)
    other = {**BODY, "recipient_email": "other@example.com"}
    await to.ask("for something else", "POST", path, json=other, headers=paid)
    failing = {**BODY, "recipient_email": "failed@sandbox.test"}
    given_back = payment(accepted, "5e", "pay_" + "6f" * 16)
    await to.ask("given back", "POST", path, json=failing, headers=given_back)
    waiting = {**BODY, "recipient_email": "pending@sandbox.test"}
    pending = payment(accepted, "7a", "pay_" + "8b" * 16)
    await to.ask("pending", "POST", path, json=waiting, headers=pending)
    await to.ask("in live", "POST", path, json={**BODY, "environment": "live"})
    await to.ask("a field it has not", "POST", path, json={**BODY, "recipient": "self"})
    soup = {"PAYMENT-SIGNATURE": "soup"}
    await to.ask("no payment at all", "POST", path, json=BODY, headers=soup)
