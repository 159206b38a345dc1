"""How often a caller may make us call out, whatever keys it uses."""

import asyncio
from collections.abc import AsyncIterator

import httpx
import pytest
import pytest_asyncio

from tests.support.gateway import Gateway

pytestmark = [pytest.mark.fixed_clock, pytest.mark.one_database]


@pytest_asyncio.fixture
async def hook() -> AsyncIterator[str]:
    """A receiver that takes everything with 204."""

    async def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(take, "127.0.0.1", 0)
    yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/hook"
    server.close()
    await server.wait_closed()


async def registered(gateway: Gateway, key: str, url: str) -> httpx.Response:
    return await gateway.call("POST", "/webhooks/register", key=key, json={"url": url})


async def pings(gateway: Gateway, keys: list[str], endpoint_id: str, count: int) -> list[int]:
    """The codes of so many test pings at once, the keys in turn."""
    answers = await asyncio.gather(
        *(
            gateway.call(
                "POST", f"/webhooks/{endpoint_id}/test", key=keys[number % len(keys)], json={}
            )
            for number in range(count)
        )
    )
    for answer in answers:
        if answer.status_code == 429:
            assert 1 <= int(answer.headers["retry-after"]) <= 3600
    return sorted(answer.json()["code"] for answer in answers)


async def test_pings_of_one_webhook_have_one_pace_over_all_keys_of_the_account(
    gateway: Gateway, hook: str
) -> None:
    account_id = await gateway.account()
    keys = [await gateway.key(account_id) for _ in range(3)]
    endpoint_id = (await registered(gateway, keys[0], hook)).json()["data"]["id"]

    codes = await pings(gateway, keys, endpoint_id, 15)

    # Five at once, and one a second while the fifteen are under way.
    assert 5 <= codes.count(1000) <= 9
    assert codes.count(1000) + codes.count(4001) == 15


async def test_a_sandbox_account_pings_thirty_times_an_hour(gateway: Gateway, hook: str) -> None:
    account_id = await gateway.account(is_sandbox=True)
    key = await gateway.key(account_id)
    endpoint_id = (await registered(gateway, key, hook)).json()["data"]["id"]
    hour = f"webhooks.test:{account_id}:3600"

    # As 29 pings, without the half minute that their own pace would take.
    spent = [await gateway.context.limiter.take(hour, 30 / 3600, 30) for _ in range(29)]
    codes = await pings(gateway, [key], endpoint_id, 3)

    assert all(one.allowed for one in spent)
    assert codes == [1000, 4001, 4001]


async def test_another_accounts_pings_use_up_nobodys_pace(gateway: Gateway, hook: str) -> None:
    owner = await gateway.key(await gateway.account())
    stranger = await gateway.key(await gateway.account())
    endpoint_id = (await registered(gateway, owner, hook)).json()["data"]["id"]

    strange = await pings(gateway, [stranger], endpoint_id, 10)
    codes = await pings(gateway, [owner], endpoint_id, 1)

    assert set(strange) <= {3003, 4001}
    assert codes == [1000]


async def test_new_addresses_of_webhooks_have_a_pace(gateway: Gateway) -> None:
    key = await gateway.key(await gateway.account(is_sandbox=True))

    # Two endpoints are a sandbox's limit, so that the others are refused after their look-up.
    answers = [await registered(gateway, key, "http://127.0.0.1:9990/") for _ in range(31)]

    assert [answer.status_code for answer in answers[:2]] == [201, 201]
    assert 429 not in [answer.status_code for answer in answers[:30]]
    assert (answers[30].status_code, answers[30].json()["code"]) == (429, 4001)
    assert int(answers[30].headers["retry-after"]) > 60


async def test_a_changed_address_counts_and_other_changes_do_not(gateway: Gateway) -> None:
    key = await gateway.key(await gateway.account(is_sandbox=True))
    url = "http://127.0.0.1:9990/"
    endpoint_id = (await registered(gateway, key, url)).json()["data"]["id"]

    async def changed(**changes: object) -> int:
        answer = await gateway.call("PATCH", f"/webhooks/{endpoint_id}", key=key, json=changes)
        return answer.status_code

    moved = [await changed(url=url) for _ in range(30)]

    assert moved == [200] * 29 + [429]
    assert await changed(description="x") == 200
