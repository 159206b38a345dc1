"""kill -9 with holds open: each request is one hold, ends once, and what runs out is given back."""

import asyncio
import random
from typing import Any

import httpx

from tests.e2e.conftest import Install
from tests.support.installation import API, Installation
from tests.support.senders import client

SEED = 20260613
HOLDS = 80
KILLS = 2
OPENING = 10_000_000_000
LOOKS_MAX = 1200
PAUSE_S = 0.05


async def insist(
    http: httpx.AsyncClient, installation: Installation, path: str, body: dict[str, Any], key: str
) -> dict[str, Any]:
    """Repeats the request under its key until it is answered."""
    while True:
        try:
            answer = await http.post(
                f"{installation.url}{API}{path}", json=body, headers={"Idempotency-Key": key}
            )
        except httpx.TransportError:
            pass
        else:
            if answer.status_code < 500:
                assert answer.status_code < 300, answer.text
                return dict(answer.json()["data"])
        await asyncio.sleep(PAUSE_S)


async def one_call(http: httpx.AsyncClient, installation: Installation, number: int) -> None:
    """By turns: left to expire at once, captured in part, released, left open."""
    name, turn = f"call-{number}", number % 4
    body = {"amount_micros": 1000, "description": "usage", "reference": name}
    body["ttl_s"] = 1 if turn == 0 else 3600
    held = await insist(http, installation, "/holds", body, name)
    if turn == 1:
        path, part = f"/holds/{held['id']}/capture", {"amount_micros": 300}
        await insist(http, installation, path, part, f"{name}-end")
    elif turn == 2:
        await insist(http, installation, f"/holds/{held['id']}/release", {}, f"{name}-end")


async def kill_now_and_then(installation: Installation) -> None:
    random_ = random.Random(SEED)
    for victim in [*installation.gateways, *installation.workers] * KILLS:
        await asyncio.sleep(random_.uniform(0.02, 0.3))
        victim.kill()
        await asyncio.to_thread(victim.restart)


async def statuses(installation: Installation) -> list[tuple[Any, ...]]:
    return await installation.fetch(
        "SELECT status, COUNT(*), SUM(captured_micros) FROM holds GROUP BY status ORDER BY status"
    )


async def until(installation: Installation, status: str, count: int) -> None:
    for _ in range(LOOKS_MAX):
        if (status, count, 0) in await statuses(installation):
            return
        await asyncio.sleep(PAUSE_S)
    raise AssertionError(await statuses(installation))


async def test_kill_9_with_holds_open_holds_and_gives_back_once(install: Install) -> None:
    installation = install()
    await asyncio.to_thread(installation.start)
    key = await installation.key(await installation.account())
    async with client(key) as http:
        calls = [one_call(http, installation, number) for number in range(HOLDS)]
        await asyncio.gather(kill_now_and_then(installation), *calls)
        await until(installation, "expired", 20)

        assert await statuses(installation) == [
            ("captured", 20, 20 * 300),
            ("expired", 20, 0),
            ("held", 20, 0),
            ("released", 20, 0),
        ]
        assert await installation.findings() == []
        url = f"{installation.url}{API}"
        moved = await http.post(f"{url}/sandbox/clock", json={"advance_s": 3600})
        assert moved.status_code == 200
        # By the account's own clock the others are over as well, and the worker was told.
        await until(installation, "expired", 40)
        left = await http.post(f"{url}/usage", json={"amount_micros": 1, "description": "usage"})

    assert left.json()["data"]["balance_micros"] == OPENING - 20 * 300 - 1
    assert await installation.findings() == []
