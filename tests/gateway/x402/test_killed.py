"""A gateway that dies between settling a payment over MCP and crediting it: the payer's repeat gets what was
paid, and nothing is charged or sent twice.
"""

import asyncio
import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.support.facilitator import FacilitatorService
from tests.support.installation import Gateway as Process, Installation
from tests.support.paying import BODY, PAY_TO
from tests.support.paying_tools import signed
from tests.support.plain_http import ANSWER_S_MAX
from tests.support.vendor_service import Answer

pytestmark = pytest.mark.one_database

PATH = "/mcp"
OWNER = "payer@example.com"


class Killing(FacilitatorService):
    """Kills the gateway once money has moved, before the answer."""

    victim: Process | None = None

    def _settled(self, asked: dict[str, Any], payer: str, wrong: str | None) -> Answer:
        answer = super()._settled(asked, payer, wrong)
        if self.victim is not None:
            self.victim.kill()
            self.victim = None
        return answer


async def test_a_killed_gateway_neither_charges_nor_sends_twice(tmp_path: Path) -> None:
    with (
        Killing() as facilitator,
        Installation(
            tmp_path / "data",
            x402_facilitator_url=facilitator.url,
            x402_pay_to=PAY_TO,
            x402_network="eip155:8453",
        ) as installation,
    ):
        await asyncio.to_thread(installation.migrate)
        await asyncio.to_thread(installation.start, workers=0, with_redis=False)
        key = await asyncio.to_thread(_live_key, installation)
        [process] = installation.gateways
        async with httpx.AsyncClient(timeout=ANSWER_S_MAX, trust_env=False) as client:
            meta = await signed(await _send(client, process, key))
            facilitator.victim = process
            with pytest.raises(httpx.TransportError):
                await _send(client, process, key, meta=meta)
            await asyncio.to_thread(process.wait)
            _end_lease(tmp_path / "data" / "topup.db")
            await asyncio.to_thread(process.start)
            await asyncio.to_thread(process.wait_ready)
            again = [await _send(client, process, key, meta=meta) for _ in range(2)]
            unpaid = await _send(client, process, key)
        audit = await asyncio.to_thread(installation.run, "audit")

    codes = [one["structuredContent"]["code"] for one in (*again, unpaid)]
    which = {one["structuredContent"]["transaction_id"] for one in (*again, unpaid)}
    assert codes == [1001, 1001, 1001]
    assert len(which) == 1
    # The facilitator knew the payment by its nonce, and moved money for it once.
    assert len(facilitator.charged) == 1
    assert audit.returncode == 0, audit.stdout + audit.stderr


async def _send(
    client: httpx.AsyncClient, process: Process, key: str, *, meta: dict[str, Any] | None = None
) -> dict[str, Any]:
    arguments = {**BODY, "idempotency_key": "order-1"}
    params = {"name": "send_topup", "arguments": arguments, **({"_meta": meta} if meta else {})}
    answer = await client.post(
        process.url + PATH,
        json={"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params},
        headers={
            "Accept": "application/json, text/event-stream",
            "Authorization": f"Bearer {key}",
        },
    )
    return dict(answer.json()["result"])


def _end_lease(database: Path) -> None:
    """As once the dead gateway's minute is over."""
    with closing(sqlite3.connect(database)) as connection, connection:
        done = connection.execute("UPDATE machine_payments SET lease_until = 1, next_check_at = 1")
        assert done.rowcount == 1


def _live_key(installation: Installation) -> str:
    for words in (
        ("accounts", "create", "--name", "Payer", "--email", OWNER),
        ("accounts", "open-live", OWNER),
    ):
        done = installation.run(*words)
        assert done.returncode == 0, done.stdout + done.stderr
    asked = ("keys", "create", "--account", OWNER, "--environment", "live", "--json")
    made = installation.run(*asked)
    assert made.returncode == 0, made.stdout + made.stderr
    return str(json.loads(made.stdout)["key"])
