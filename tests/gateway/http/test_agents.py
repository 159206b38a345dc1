"""A signed request through the gateway: the agent's name is in the log and at the key, and changes nothing else."""

from typing import Any

import pytest

from kernel.clock import SECOND_US
from keys.signatures.web_bot_auth import Target, thumbprint
from store.database import Transaction
from tests.support.agent_signing import SignedAgent
from tests.support.gateway import API, Gateway

pytestmark = pytest.mark.one_database


def signed(gateway: Gateway, agent: SignedAgent, **changes: Any) -> dict[str, str]:
    """The headers of GET /topup/status/txn_none."""
    now_s = gateway.context.clock.now_us() // SECOND_US
    authority = gateway.url.removeprefix("http://")
    plain = Target("GET", "http", authority, f"{API}/topup/status/txn_none", "", {})
    target = agent.sign(
        plain._replace(**changes),
        '"@method" "@authority" "@path"',
        created=now_s,
        expires=now_s + 60,
    )
    return {name.decode(): value.decode() for name, value in target.headers.items()}


async def logged(gateway: Gateway) -> list[str | None]:
    async def read(tx: Transaction) -> list[str | None]:
        return [row["agent"] for row in await tx.fetch("SELECT agent FROM request_log ORDER BY id")]

    await gateway.context.request_log.flush()
    return await gateway.context.database.read(read)


async def test_a_verified_agent_is_named_and_a_forged_one_is_not(gateway: Gateway) -> None:
    key = await gateway.key(await gateway.account())
    agent, forger = SignedAgent(), SignedAgent()
    agents = gateway.context.agents
    agents.store(agent.url, {thumbprint(agent.public): agent.public}, fresh_s=60)
    path = "/topup/status/txn_none"
    for headers in (
        signed(gateway, agent),
        signed(gateway, forger),
        signed(gateway, agent, authority="other.example"),
        signed(gateway, agent, method="POST"),
        {"signature-agent": "x" * 9_000},
        {},
    ):
        refused = await gateway.call("GET", path, key=key, headers=headers)
        assert refused.status_code == 404
    await agents.flush()
    own = (await gateway.call("GET", "/keys/self", key=key)).json()["data"]
    listed = (await gateway.call("GET", f"/keys/{own['id']}", key=key)).json()["data"]

    assert await logged(gateway) == [agent.url, None, None, None, None, None]
    assert listed["last_used_by"] == agent.url


async def test_a_signature_is_no_credential(gateway: Gateway) -> None:
    agent = SignedAgent()
    gateway.context.agents.store(agent.url, {thumbprint(agent.public): agent.public}, fresh_s=60)
    answer = await gateway.call("GET", "/topup/status/txn_none", headers=signed(gateway, agent))

    assert answer.status_code == 401


@pytest.mark.gateway_settings(rate_limit_agent_per_s=1)
async def test_an_operator_can_slow_an_agent_down(gateway: Gateway) -> None:
    keys = [await gateway.key(await gateway.account()) for _ in range(2)]
    agent = SignedAgent()
    gateway.context.agents.store(agent.url, {thumbprint(agent.public): agent.public}, fresh_s=60)
    path = "/topup/status/txn_none"
    codes = [
        (await gateway.call("GET", path, key=key, headers=signed(gateway, agent))).status_code
        for key in (*keys, *keys)
    ]
    unsigned = await gateway.call("GET", path, key=keys[0])

    assert codes[:2] == [404, 404]
    assert 429 in codes
    assert unsigned.status_code == 404
