"""Paying for top-ups without an account, and what came of it."""

import base64
import json
from typing import Any

import httpx

from billing.machine_payments import payment as payments
from billing.machine_payments.payment import MACHINE_ACCOUNT, MachinePayment
from billing.proof.audit import audit
from tests.support.gateway import Gateway
from tests.support.machine_payer import SHOWN, Wallet, payer_client
from worker.money.provider_calls import MachinePayer

PAY_TO = "0x" + "ab" * 20
BODY: dict[str, Any] = {
    "platform": "claude",
    "amount_cents": 1000,
    "recipient_email": "user@example.com",
}
IDENTIFIER = "pay_" + "0123456789abcdef" * 2


def decoded(header: str) -> dict[str, Any]:
    return dict(json.loads(base64.b64decode(header)))


async def pay(
    gateway: Gateway, wallet: Wallet | None = None, identifier: str | None = None, **fields: Any
) -> httpx.Response:
    """The package's client asks and pays."""
    async with payer_client(gateway.url, wallet or Wallet(), identifier=identifier) as client:
        return await client.post("/x402/topup", json={**BODY, **fields})


async def again(gateway: Gateway, paid: httpx.Response, **fields: Any) -> httpx.Response:
    """The very same request with the same payment."""
    body = json.loads(paid.request.content) | fields
    header = {"PAYMENT-SIGNATURE": paid.extensions[SHOWN]}
    return await gateway.client.post("/x402/topup", json=body, headers=header)


async def rows(gateway: Gateway, environment: str = "live") -> list[MachinePayment]:
    return await gateway.context.database.read(
        lambda tx: payments.page(tx, environment, state=None, before_id=None, limit=50)
    )


async def findings(gateway: Gateway) -> list[Any]:
    return [one async for one in audit(gateway.context.database)]


async def delivered_cents(gateway: Gateway) -> int:
    """What recipients have of the machine account's."""

    async def work(tx: Any) -> int:
        row = await tx.fetch_one(
            """SELECT COALESCE(SUM(balance_micros), 0) AS micros FROM ledger_accounts
               WHERE account_id = :id AND kind = 'recipient'""",
            id=MACHINE_ACCOUNT,
        )
        return int(row["micros"]) // 10_000

    return await gateway.context.database.read(work)


async def sweep(gateway: Gateway) -> int:
    """What a worker does."""
    context = gateway.context
    return await MachinePayer(context.database, context.clock, context.machine_payments).step()


async def make_due(gateway: Gateway) -> None:
    """As once the pause is over."""

    async def work(tx: Any) -> None:
        await tx.execute(
            "UPDATE machine_payments SET next_check_at = 0 WHERE next_check_at IS NOT NULL"
        )

    await gateway.context.database.transaction(work)
