"""Many callers at once: money moves once for a key, and never beyond a balance or a cap.

On SQLite with one gateway, on PostgreSQL with two gateway processes.
"""

import asyncio
import contextlib
from collections import Counter
from collections.abc import Sequence

import httpx
import pytest

from tests.e2e.conftest import WorkingSet
from tests.support.installation import API, Installation
from tests.support.senders import client, order

POOL_CONNECTIONS = 50
REPEATS_MAX = 30
BUSY_PAUSE_S = 1.0


@pytest.fixture
def installation(working_set: WorkingSet, kind: str) -> Installation:
    if kind not in working_set.shared:
        made = working_set.make(kind)
        made.start(gateways=1 if kind == "sqlite" else 2, workers=0)
        working_set.shared[kind] = made
    return working_set.shared[kind]


async def send_all(
    installation: Installation,
    key: str,
    orders: Sequence[dict[str, object]],
    *,
    idempotency_key: str = "",
) -> list[httpx.Response]:
    """Send all at once, in turn to each gateway: under one Idempotency-Key, or each under its own."""
    urls = [gateway.url for gateway in installation.gateways]
    async with contextlib.AsyncExitStack() as stack:
        # A pool of httpx costs the square of its connections.
        pools = [
            await stack.enter_async_context(client(key))
            for _ in range(0, len(orders), POOL_CONNECTIONS)
        ]
        return await asyncio.gather(
            *(
                _sent(
                    pools[number // POOL_CONNECTIONS],
                    urls[number % len(urls)],
                    one,
                    idempotency_key or f"order-{number}",
                )
                for number, one in enumerate(orders)
            )
        )


async def _sent(
    http: httpx.AsyncClient, url: str, one: dict[str, object], idempotency_key: str
) -> httpx.Response:
    """Repeat a send that is answered 503 under its key, as a client does.

    A command waits for 5 s at most, and a loaded machine may need longer for so many at once.
    """
    for _ in range(REPEATS_MAX):
        answer = await http.post(
            f"{url}{API}/topup/send", json=one, headers={"Idempotency-Key": idempotency_key}
        )
        if answer.status_code != 503:
            break
        await asyncio.sleep(BUSY_PAUSE_S)
    return answer


async def balance(installation: Installation, key: str) -> dict[str, object]:
    async with client(key) as http:
        answer = await http.get(f"{installation.url}{API}/topup/balance")
        return dict(answer.json()["data"])


async def test_200_parallel_sends_with_one_idempotency_key_move_money_once(
    installation: Installation,
) -> None:
    key = await installation.key(await installation.account())
    one_key = "the-one-key"

    answers = await send_all(installation, key, [order(1000)] * 200, idempotency_key=one_key)
    for gateway in installation.gateways:
        gateway.kill()
        gateway.start()
    for gateway in installation.gateways:
        gateway.wait_ready()
    later = await send_all(installation, key, [order(1000)] * 4, idempotency_key=one_key)
    other = await send_all(installation, key, [order(2000)], idempotency_key=one_key)

    replayed = Counter(answer.headers.get("idempotent-replayed") for answer in answers)
    assert replayed == {None: 1, "true": 199}
    assert [answer.headers["idempotent-replayed"] for answer in later] == ["true"] * 4
    assert {answer.status_code for answer in answers + later} == {200}
    assert len({answer.content for answer in answers + later}) == 1
    assert answers[0].json()["data"]["new_balance_cents"] == 1000
    assert (other[0].status_code, other[0].json()["code"]) == (409, 2006)
    assert (await balance(installation, key))["balance_cents"] == 999_000
    assert await installation.findings() == []


async def test_500_parallel_sends_against_a_balance_for_100_deliver_exactly_100(
    installation: Installation,
) -> None:
    key = await installation.key(await installation.account())

    answers = await send_all(installation, key, [order(10_000)] * 500)

    assert Counter((a.status_code, a.json()["code"]) for a in answers) == {
        (200, 1001): 100,
        (402, 2002): 400,
    }
    assert (await balance(installation, key))["balance_cents"] == 0
    assert await installation.findings() == []


async def test_500_parallel_sends_of_a_key_with_a_cap_for_100_deliver_exactly_100(
    installation: Installation,
) -> None:
    account_id = await installation.account()
    parent = await installation.key(account_id, per_month_cents=10_000)
    async with client(parent) as http:
        minted = await http.post(f"{installation.url}{API}/keys", json={"name": "child"})
    keys = [parent, minted.json()["data"]["key"]]

    # Half of them by a child, whose spends count against its parent's cap as well.
    halves = await asyncio.gather(
        *(send_all(installation, key, [order(100)] * 250) for key in keys)
    )

    assert Counter((a.status_code, a.json()["code"]) for half in halves for a in half) == {
        (200, 1001): 100,
        (402, 2008): 400,
    }
    assert (await balance(installation, parent))["balance_cents"] == 990_000
    assert await installation.findings() == []
