"""What registries of paid services find here, said by their own programs."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from tests.support import node
from tests.support.gateway import Gateway, running, settings_of

pytestmark = pytest.mark.one_database


async def _check(address: str) -> dict[str, Any]:
    """Return what AgentCash's program says of the paid call."""
    asked = ("discovery", "check", f"{address}/x402/topup", "--json")
    done = await asyncio.to_thread(node.run_tool, *asked)
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout))


async def test_agentcash_finds_the_paid_call_and_warns_of_nothing(gateway: Gateway) -> None:
    found = await _check(gateway.url)

    assert found["warnings"] == []
    [paid] = found["advisories"]
    told = {name: paid[name] for name in ("method", "authMode", "estimatedPrice", "protocols")}
    assert told == {
        "method": "POST",
        "authMode": "paid",
        "estimatedPrice": "1.00-1000.00 USD",
        "protocols": ["x402", "mpp"],
    }
    assert "amount_cents" in json.dumps(paid["inputSchema"])


async def test_mppx_calls_the_document_valid(gateway: Gateway) -> None:
    address = f"{gateway.url}/openapi.json"
    done = await asyncio.to_thread(node.run_tool, "mppx", "discover", "validate", address)

    assert (done.returncode, done.stdout.strip()) == (0, "Discovery document is valid.")


async def test_whom_to_write_to_and_where_guidance_is(database_url: str, tmp_path: Path) -> None:
    settings = settings_of(database_url, tmp_path, security_contact="mailto:ops@gateway.example")
    async with running(settings) as gateway:
        found = (await gateway.client.get("/openapi.json")).json()
        small = (await gateway.client.get("/openapi/agent.json")).json()
        home = gateway.url
        guide = await gateway.client.get(found["x-agentcash-guidance"]["llmsTxtUrl"])
        reference = await gateway.client.get(found["x-service-info"]["docs"]["apiReference"])

    assert found["info"]["contact"] == {"email": "ops@gateway.example"}
    assert "POST /x402/topup" in found["info"]["x-guidance"]
    assert "POST /x402/topup" in small["info"]["description"]
    assert small["info"]["contact"] == found["info"]["contact"]
    assert found["x-agentcash-guidance"]["llmsTxtUrl"].startswith(home)
    assert (guide.status_code, reference.status_code) == (200, 200)


async def test_nothing_is_promised_where_nothing_can_be_paid(
    database_url: str, tmp_path: Path
) -> None:
    async with running(settings_of(database_url, tmp_path, self_serve_staging=False)) as gateway:
        found = (await gateway.client.get("/openapi.json")).json()
        small = (await gateway.client.get("/openapi/agent.json")).json()

    assert "402" not in json.dumps([found["info"], small["info"]])
    assert "x-payment-info" not in found["paths"]["/x402/topup"]["post"]
    assert "contact" not in found["info"]
