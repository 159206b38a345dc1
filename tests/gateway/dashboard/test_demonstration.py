"""The key of the landing page's demonstration: good for that alone, and no way round the limit of sandbox accounts."""

import pytest

from gateway.dashboard.landing import KEYS_OF_ALL, KEYS_PER_ADDRESS, SPENDS_CENTS
from kernel.clock import parse_rfc3339
from tests.support.gateway import Gateway

pytestmark = pytest.mark.one_database

PATH = "/demonstration/key"
DAY_S = 86_400
SEND = {"platform": "claude", "amount_cents": 1000, "recipient_email": "user@example.com"}


async def test_the_key_sends_and_reads_what_came_of_it_and_nothing_else(gateway: Gateway) -> None:
    made = (await gateway.client.post(PATH)).json()
    key = made["data"]["key"]
    sent = await gateway.call("POST", "/topup/send", key=key, json=SEND)
    events = await gateway.call("GET", "/events", key=key)
    too_much = {**SEND, "amount_cents": SPENDS_CENTS}

    assert key.startswith("ak_staging_")
    lives_s = parse_rfc3339(made["data"]["expires_at"]) - parse_rfc3339(made["timestamp"])
    assert lives_s // 1_000_000 in {DAY_S - 1, DAY_S, DAY_S + 1}
    assert (sent.json()["code"], sent.json()["data"]["new_balance_cents"]) == (1001, 1000)
    assert [one["type"] for one in events.json()["data"]["items"]] == ["topup.delivered"]
    capped = await gateway.call("POST", "/topup/send", key=key, json=too_much)
    assert capped.json()["code"] == 2008
    for method, path, body in (
        ("POST", "/keys", {"name": "more"}),
        ("POST", "/webhooks/register", {"url": "https://example.com/hook"}),
    ):
        refused = await gateway.call(method, path, key=key, json=body)
        assert (refused.status_code, refused.json()["code"]) == (403, 2009), path


@pytest.mark.parametrize(
    ("bucket", "count", "whose"),
    [
        ("demonstration:127.0.0.1", KEYS_PER_ADDRESS, "for one address"),
        ("demonstration:all", KEYS_OF_ALL, "by this gateway"),
    ],
)
async def test_an_address_and_all_together_get_so_many_keys_a_day(
    gateway: Gateway, bucket: str, count: int, whose: str
) -> None:
    await gateway.context.limiter.take(bucket, count / DAY_S, count, cost=count)
    refused = await gateway.client.post(PATH)
    sandbox = await gateway.call("POST", "/keys/sandbox")

    assert (refused.status_code, refused.json()["code"]) == (429, 4001)
    assert whose in refused.json()["data"]["error"]["detail"]
    assert 0 < int(refused.headers["Retry-After"]) <= DAY_S // count + 1
    assert sandbox.status_code == 201


async def test_another_sites_page_makes_no_key(gateway: Gateway) -> None:
    refused = await gateway.client.post(PATH, headers={"Sec-Fetch-Site": "cross-site"})

    assert refused.status_code == 403
