"""A send that waits for a person: what the agent reads, and what comes of the question to the person."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Literal

import pytest
from mcp_types import ElicitRequestURLParams, ElicitResult

from keys.principal import ACCOUNT_SCOPES
from tests.support.gateway import Gateway
from tests.support.mcp_agent import Agent, agent, balance_cents, code_of, data_of, error_of, text_of

pytestmark = pytest.mark.one_database

HELD = {"recipient_email": "approval@sandbox.test", "idempotency_key": "held"}
FULL = 1_000_000


def person(
    action: Literal["accept", "decline", "cancel"],
    opened: list[str],
    first: Callable[[str], Awaitable[None]] | None = None,
) -> Callable[[Any, Any], Awaitable[ElicitResult]]:
    """Who answers the client's question so, having done something at the address first."""

    async def answer(_context: Any, params: Any) -> ElicitResult:
        assert isinstance(params, ElicitRequestURLParams)
        opened.append(params.url)
        if first is not None:
            await first(params.url.rpartition("/")[2])
        return ElicitResult(action=action)

    return answer


async def waiting(gateway: Gateway, key: str) -> int:
    answer = await gateway.call("GET", "/approvals", key=key, params={"status": "pending"})
    return len(answer.json()["data"]["items"])


@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_a_send_above_the_threshold_says_where_a_person_approves(
    gateway: Gateway, mode: str
) -> None:
    account_id = await gateway.account()
    key = await gateway.key(account_id, approval_threshold_cents=500)
    decider = await gateway.key(account_id, scopes=ACCOUNT_SCOPES)
    async with agent(gateway, key, mode) as client:
        held = await client.send()
        approval = data_of(held)["approval"]
        decided = await gateway.call("POST", f"/approvals/{approval['id']}/approve", key=decider)
        told = await client.use(
            "get_status", {"transaction_id": held.structured_content["transaction_id"]}
        )

    assert (held.is_error, code_of(held)) == (False, 3006)
    assert f"A person has to approve this top-up at {approval['url']}" in text_of(held)
    assert "cancel_topup gives them back" in text_of(held)
    assert decided.status_code == 200
    assert code_of(told) == 1001


async def test_who_is_shown_the_address_sends_once(gateway: Gateway) -> None:
    key = await gateway.key(await gateway.account())
    opened: list[str] = []
    async with agent(gateway, key, elicitation_callback=person("accept", opened)) as client:
        held = await client.send(**HELD)

    assert code_of(held) == 3006
    assert opened == [data_of(held)["approval"]["url"]]
    assert await balance_cents(gateway, key) == FULL - 1000
    assert await waiting(gateway, key) == 1


async def test_an_approval_given_meanwhile_is_the_result(gateway: Gateway) -> None:
    account_id = await gateway.account()
    key = await gateway.key(account_id)
    decider = await gateway.key(account_id)

    async def approve(approval_id: str) -> None:
        await gateway.call("POST", f"/approvals/{approval_id}/approve", key=decider)

    for action in ("accept", "decline"):
        asked = person("accept" if action == "accept" else "decline", [], approve)
        async with agent(gateway, key, elicitation_callback=asked) as client:
            sent = await client.send(**{**HELD, "idempotency_key": action})
        assert (code_of(sent), data_of(sent)["status"]) == (1001, "delivered")


async def test_declining_gives_the_funds_back(gateway: Gateway) -> None:
    key = await gateway.key(await gateway.account())
    async with agent(gateway, key, elicitation_callback=person("decline", [])) as client:
        ended = await client.send(**HELD)
        again = await client.send(**HELD)

    assert (ended.is_error, code_of(ended)) == (False, 3001)
    assert "The person declined" in text_of(ended)
    # The same key is the same top-up, which has ended: nobody is asked for money again.
    assert again.structured_content["transaction_id"] == ended.structured_content["transaction_id"]
    assert await waiting(gateway, key) == 0
    assert await balance_cents(gateway, key) == FULL


async def test_closing_the_question_decides_nothing_and_says_so(gateway: Gateway) -> None:
    key = await gateway.key(await gateway.account())
    async with agent(gateway, key, elicitation_callback=person("cancel", [])) as client:
        held = await client.send(**HELD)

    assert code_of(held) == 3006
    assert "Nobody has decided yet." in text_of(held)
    assert "cancel_topup gives them back" in text_of(held)
    assert await waiting(gateway, key) == 1
    assert await balance_cents(gateway, key) == FULL - 1000


async def decided(gateway: Gateway, client: Agent, held: Any, verdict: str, by: str) -> Any:
    """What wait_for answers of the held send while somebody decides."""
    data = data_of(held)
    waits = [
        asyncio.create_task(client.use("wait_for", {**which, "wait_s": 50}))
        for which in (
            {"transaction_id": held.structured_content["transaction_id"]},
            {"approval_id": data["approval"]["id"]},
        )
    ]
    assert not (await asyncio.wait(waits, timeout=0.1))[0]
    await gateway.call("POST", f"/approvals/{data['approval']['id']}/{verdict}", key=by)
    return await asyncio.gather(*waits)


@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_wait_for_answers_as_soon_as_somebody_decides(gateway: Gateway, mode: str) -> None:
    account_id = await gateway.account()
    key = await gateway.key(account_id)
    decider = await gateway.key(account_id)
    async with agent(gateway, key, mode) as client:
        held = await client.send(recipient_email="approval@sandbox.test")
        given = await decided(gateway, client, held, "approve", decider)
        other = await client.send(recipient_email="approval@sandbox.test", reference="other")
        refused = await decided(gateway, client, other, "deny", decider)
        at_once = await client.use(
            "wait_for", {"transaction_id": other.structured_content["transaction_id"]}
        )

    assert [data_of(one)["status"] for one in given] == ["delivered", "approved"]
    assert [data_of(one)["status"] for one in refused] == ["cancelled", "denied"]
    assert code_of(at_once) == 3001


async def test_wait_for_ends_with_its_time_and_says_to_go_on(gateway: Gateway) -> None:
    key = await gateway.key(await gateway.account())
    async with agent(gateway, key) as client:
        sent = await client.send(recipient_email="pending@sandbox.test")
        link = next(one for one in data_of(sent)["links"] if one["rel"] == "poll")
        waited = await client.use(link["tool"], {**link["arguments"], "wait_s": 1})
        cancel = next(one for one in data_of(sent)["links"] if one["rel"] == "cancel")
        gone = await client.use(cancel["tool"], cancel["arguments"])
        neither = await client.use("wait_for", {"wait_s": 1})
        too_long = await client.use("wait_for", {**link["arguments"], "wait_s": 51})

    assert link["tool"] == "wait_for"
    assert (code_of(waited), data_of(waited)["next_action"]) == (1002, "poll")
    assert code_of(gone) == 3001
    assert "approval_id" in data_of(neither)["error"]["detail"]
    assert data_of(too_long)["error"]["errors"][0]["maximum"] == 50


async def test_a_key_that_ends_meanwhile_waits_for_nothing(gateway: Gateway) -> None:
    key = await gateway.key(await gateway.account())
    made = await gateway.call(
        "POST", "/keys", key=key, json={"name": "child", "scopes": ["topup:read"]}
    )
    child = made.json()["data"]
    async with agent(gateway, key) as client:
        sent = await client.send(recipient_email="pending@sandbox.test")
    which = {"transaction_id": sent.structured_content["transaction_id"]}
    async with agent(gateway, child["key"]) as client:
        waits = asyncio.create_task(client.use("wait_for", {**which, "wait_s": 1}))
        assert not (await asyncio.wait({waits}, timeout=0.1))[0]
        await gateway.call("DELETE", f"/keys/{child['id']}", key=key)
        waited = await waits

    assert error_of(waited) == (2010, "ask_human")
