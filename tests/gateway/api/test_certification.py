"""A registered staging endpoint is tried with its own secret and key pair, and nothing else notices."""

import time

import pytest

from tests.support.gateway import Gateway
from tests.support.shop import Shop

pytestmark = [pytest.mark.one_database]


@pytest.mark.long
async def test_a_registered_endpoint_is_tried_with_its_secret_and_key_and_no_log_knows_of_it(
    gateway: Gateway,
) -> None:
    key = await gateway.key(await gateway.account())
    async with Shop("", "no_memory") as shop:
        body = {"url": shop.url, "headers": {"X-Team": "billing"}}
        made = (await gateway.call("POST", "/webhooks/register", key=key, json=body)).json()["data"]
        shop.secret, shop.public_key = made["secret"], made["public_key"]
        path = f"/webhooks/{made['id']}/certify"
        began_s = time.monotonic()
        answer = await gateway.call("POST", path, key=key, json={"effects_url": shop.effects_url})
        took_s = time.monotonic() - began_s

    data = answer.json()["data"]
    assert answer.status_code == 200
    assert data["certified"] is False
    assert data["counts"] == {"passed": 13, "warned": 0, "failed": 3, "not_seen": 0, "skipped": 0}
    assert {check["name"] for check in data["checks"] if check["impact"] == "twice"} == {
        *("repeated", "repeated_at_once", "lost_answers")
    }
    assert took_s < 50
    deliveries = (await gateway.call("GET", "/deliveries", key=key)).json()["data"]["items"]
    assert deliveries == []
    endpoint = (await gateway.call("GET", f"/webhooks/{made['id']}", key=key)).json()["data"]
    assert endpoint["status"] == "enabled"


async def test_live_an_unknown_endpoint_and_a_key_that_may_not_are_refused(
    gateway: Gateway,
) -> None:
    account_id = await gateway.account()
    key = await gateway.key(account_id)
    reader = await gateway.key(account_id, scopes=["webhooks:read"])
    live = await gateway.key(account_id, environment="live")
    url = {"url": "https://127.0.0.1:9009/hook"}
    made = {
        one: (await gateway.call("POST", "/webhooks/register", key=one, json=url)).json()["data"]
        for one in (key, live)
    }

    async def code(key: str, endpoint_id: str, body: dict[str, str]) -> int:
        path = f"/webhooks/{endpoint_id}/certify"
        return int((await gateway.call("POST", path, key=key, json=body)).json()["code"])

    assert await code(live, made[live]["id"], {}) == 2009
    assert await code(live, made[key]["id"], {}) == 3003
    assert await code(reader, made[key]["id"], {}) == 2009
    assert await code(key, "we_none", {}) == 3003
    assert await code(key, made[key]["id"], {"effects_url": "ftp://127.0.0.1/"}) == 5002


async def test_an_account_has_three_runs_in_three_minutes(gateway: Gateway) -> None:
    key = await gateway.key(await gateway.account())
    url = {"url": "http://127.0.0.1:9009/hook"}
    made = await gateway.call("POST", "/webhooks/register", key=key, json=url)
    path = f"/webhooks/{made.json()['data']['id']}/certify"

    codes = [(await gateway.call("POST", path, key=key, json={})).json()["code"] for _ in range(4)]

    assert codes == [1000, 1000, 1000, 4001]
