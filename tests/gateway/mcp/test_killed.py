"""MCP's events and tasks at two real gateways at once, and at one that is killed in the middle."""

import asyncio
import contextlib
import json
import random
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import httpx
import pytest

from tests.gateway.mcp.test_tasks import TasksClient
from tests.support.gateway import Gateway
from tests.support.installation import Installation
from tests.support.mcp_events import EventsClient, agree, agreeing, subscription
from tests.support.plain_http import ANSWER_S_MAX
from tests.support.receiver import Received, Receiver

LIVE = "SELECT id, status FROM endpoints WHERE subscription_id IS NOT NULL AND deleted_at IS NULL"
LINES = "SELECT endpoint_id FROM endpoint_queue WHERE ending_at IS NULL"
AUDITED = "SELECT action, COUNT(*) FROM audit_log WHERE action LIKE 'endpoint.%' GROUP BY action"
# From before the response's last byte until after it.
DELAYS_S = (0.0, 0.005, 0.02)
APPROVED_FROM_CENTS = 500
HELD = {"recipient_email": "held@example.com"}


@contextlib.asynccontextmanager
async def installed(
    database_url: str, tmp_path: Path, *, workers: int = 0
) -> AsyncIterator[Installation]:
    with Installation(tmp_path / "data", database_url) as installation:
        if database_url.startswith("sqlite"):
            await asyncio.to_thread(installation.migrate)
        start = installation.start
        await asyncio.to_thread(start, gateways=2, workers=workers, with_redis=False)
        yield installation


@contextlib.asynccontextmanager
async def clients(
    installation: Installation, kind: type[EventsClient], **fields: Any
) -> AsyncIterator[tuple[str, list[Any]]]:
    """A key, and a client of it at each gateway."""
    key = await installation.key(await installation.account(), **fields)
    async with contextlib.AsyncExitStack() as stack:
        made = []
        for gateway in installation.gateways:
            client = httpx.AsyncClient(base_url=gateway.url, timeout=ANSWER_S_MAX, trust_env=False)
            reached = SimpleNamespace(client=await stack.enter_async_context(client))
            made.append(kind(cast(Gateway, reached), key))
        yield key, made


async def restart(installation: Installation, number: int) -> None:
    gateway = installation.gateways[number]
    await asyncio.to_thread(gateway.kill)
    await asyncio.to_thread(gateway.restart)


async def check_one(installation: Installation, most: int = 1) -> list[str]:
    """Return the live subscriptions; each has its place in the line, and its entries in the log."""
    live = [row[0] for row in await installation.fetch(LIVE)]
    waiting = {row[0] for row in await installation.fetch(LINES)}
    counted = dict(await installation.fetch(AUDITED))
    assert len(live) <= most
    assert waiting == set(live)
    assert counted.get("endpoint.created", 0) - counted.get("endpoint.deleted", 0) == len(live)
    return live


async def outcome_of(call: Any) -> str:
    """Return how an unsubscribe ended: done or unknown."""
    answer = await call
    if "result" in answer:
        return "done"
    assert answer["error"]["code"] == -32023, answer
    return "unknown"


async def test_two_gateways_make_and_end_one_subscription(
    database_url: str, tmp_path: Path
) -> None:
    async with (
        installed(database_url, tmp_path) as installation,
        clients(installation, EventsClient) as (_, both),
        agreeing() as receiver,
    ):
        for number in range(2):
            params = subscription(f"{receiver.url}/{number}")
            made = await asyncio.gather(
                *(both[turn % 2].result("events/subscribe", params) for turn in range(6))
            )
            assert len({one["id"] for one in made}) == 1
            assert sum("deliveryStatus" not in one for one in made) == 1
            assert len(await check_one(installation)) == 1
            ended = await asyncio.gather(
                *(
                    outcome_of(both[turn % 2].request("events/unsubscribe", params))
                    for turn in range(6)
                )
            )
            assert sorted(ended) == ["done"] + ["unknown"] * 5
            assert await check_one(installation) == []
        # Both at once leave one or none, and no half.
        await asyncio.gather(
            *(
                both[turn % 2].request(f"events/{'un' * (turn % 3 == 0)}subscribe", params)
                for turn in range(6)
            )
        )
        await check_one(installation)


async def test_a_gateway_killed_while_it_verifies_stores_nothing(
    database_url: str, tmp_path: Path
) -> None:
    async with (
        installed(database_url, tmp_path) as installation,
        clients(installation, EventsClient) as (_, both),
    ):
        victims = [installation.gateways[0]]

        async def kill(received: Received) -> Any:
            if victims:
                await asyncio.to_thread(victims.pop().kill)
            return await agree(received)

        async with Receiver(kill) as receiver:
            params = subscription(receiver.url)
            with pytest.raises(httpx.TransportError):
                await both[0].request("events/subscribe", params)
            assert await check_one(installation) == []
            made = await both[1].result("events/subscribe", params)
            await restart(installation, 0)
            renewed = await both[0].result("events/subscribe", params)

        assert made["id"] == renewed["id"]
        assert len(await check_one(installation)) == 1


async def test_a_gateway_killed_around_its_commit_leaves_all_or_nothing(
    database_url: str, tmp_path: Path
) -> None:
    async with (
        installed(database_url, tmp_path, workers=1) as installation,
        clients(installation, EventsClient) as (key, both),
        agreeing() as receiver,
    ):
        params = subscription(receiver.url)
        for delay_s in DELAYS_S:
            for method in ("events/subscribe", "events/unsubscribe"):
                calls = [one.request(method, params) for one in both]
                await _killed_in(installation, delay_s, calls)
                await check_one(installation)
        # Whatever came before, the client's next call is right, and its events arrive.
        await both[0].result("events/subscribe", params)
        assert len(await check_one(installation)) == 1
        sent = await _send(installation, key)
        await receiver.until(
            lambda: any(
                one.event.get("data", {}).get("transaction_id") == sent for one in receiver.received
            )
        )


async def test_two_gateways_make_and_cancel_one_task(database_url: str, tmp_path: Path) -> None:
    async with (
        installed(database_url, tmp_path) as installation,
        clients(installation, TasksClient, approval_threshold_cents=APPROVED_FROM_CENTS) as (
            _,
            both,
        ),
    ):
        sent = await asyncio.gather(
            *(both[number % 2].send(idempotency_key="one", **HELD) for number in range(8))
        )
        [task_id] = {one["taskId"] for one in sent}
        which = {"taskId": task_id}
        await asyncio.gather(
            *(both[number % 2].result("tasks/cancel", which) for number in range(8))
        )
        ended = [await one.result("tasks/get", which) for one in both]
        again = await both[1].send(idempotency_key="one", **HELD)

        assert [one["status"] for one in ended] == ["cancelled"] * 2
        assert again.get("taskId", task_id) == task_id
        await _check_topups(installation, {"cancelled": 1})


async def test_a_gateway_killed_in_a_task_neither_sends_nor_refunds_twice(
    database_url: str, tmp_path: Path
) -> None:
    async with (
        installed(database_url, tmp_path) as installation,
        clients(installation, TasksClient, approval_threshold_cents=APPROVED_FROM_CENTS) as (
            _,
            both,
        ),
    ):
        for number, delay_s in enumerate(DELAYS_S):
            send = {"idempotency_key": f"task-{number}", **HELD}
            made = await _killed_in(installation, delay_s, [one.send(**send) for one in both])
            repeated = await both[0].send(**send)
            assert repeated["taskId"] == made["taskId"]
            which = {"taskId": made["taskId"]}
            cancels = [one.result("tasks/cancel", which) for one in both]
            await _killed_in(installation, delay_s, cancels)
            ended = await both[0].result("tasks/get", which)
            assert ended["status"] == "cancelled"
        await _check_topups(installation, {"cancelled": len(DELAYS_S)})


async def _killed_in(installation: Installation, delay_s: float, calls: Sequence[Any]) -> Any:
    """Kill the first gateway in its call; return the answer of the second one, which lives."""
    victim, other = map(asyncio.create_task, calls)
    await asyncio.sleep(delay_s + random.random() * 0.02)
    await asyncio.to_thread(installation.gateways[0].kill)
    await asyncio.gather(victim, return_exceptions=True)
    answer = await other
    await restart(installation, 0)
    return answer


async def _check_topups(installation: Installation, expected: dict[str, int]) -> None:
    counted = dict(await installation.fetch("SELECT status, COUNT(*) FROM topups GROUP BY status"))
    assert counted == expected
    assert await installation.findings() == []


async def _send(installation: Installation, key: str) -> str:
    body = {"platform": "claude", "amount_cents": 100, "recipient_email": "user@example.com"}
    async with httpx.AsyncClient(timeout=ANSWER_S_MAX, trust_env=False) as client:
        answer = await client.post(
            installation.url + "/api/public/v1/topup/send",
            json=body,
            headers={"Authorization": f"Bearer {key}", "Idempotency-Key": "send-1"},
        )
    assert answer.status_code == 200, answer.text
    return str(json.loads(answer.text)["transaction_id"])
