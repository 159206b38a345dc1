"""An endpoint's key pair: who holds the public key alone knows a genuine webhook, and the keys are published."""

import time
from typing import Any

import pytest

from gateway.docs.webhook_keys import REQUESTS
from keys.signatures.signing import verify
from tests.support.browser import browser_account, signed_in
from tests.support.gateway import Gateway
from tests.support.gateway_worker import delivering
from tests.support.receiver import Received, Receiver

pytestmark = pytest.mark.one_database

KEYS = "/.well-known/webhook-keys"
SEND = {"platform": "claude", "amount_cents": 1000, "recipient_email": "user@example.com"}


async def published(gateway: Gateway, query: str = "") -> Any:
    return await gateway.client.get(f"{KEYS}{query}")


async def registered(gateway: Gateway, key: str, url: str, **fields: Any) -> dict[str, Any]:
    body = {"url": url, "events": ["topup.delivered"], **fields}
    made = await gateway.call("POST", "/webhooks/register", key=key, json=body)
    return dict(made.json()["data"])


def is_genuine(received: Received, public_key: str) -> bool:
    # A worker signs by the clock of the database, which here is the machine's.
    now_s = int(received.headers["webhook-timestamp"])
    found = verify(headers=received.headers, body=received.body, public_key=public_key, now_s=now_s)
    return found == []


def parts_of(received: Received) -> list[str]:
    return [part.split(",")[0] for part in received.headers["webhook-signature"].split(" ")]


async def test_webhooks_are_signed_by_the_endpoints_own_key_pair_through_its_rotation(
    gateway: Gateway,
) -> None:
    key = await gateway.key(await gateway.account(), per_call_cents=5000)
    other = await registered(gateway, key, "http://127.0.0.1:9009/hook")
    async with Receiver() as hook, delivering(gateway):
        made = await registered(gateway, key, hook.url)
        path = f"/webhooks/{made['id']}"

        async def sent(count: int) -> Received:
            await gateway.call("POST", "/topup/send", key=key, json=SEND)
            return (await hook.at_least(count))[count - 1]

        async def changed(method: str, path: str, **body: Any) -> dict[str, Any]:
            answer = await gateway.call(method, path, key=key, json=body)
            return dict(answer.json()["data"])

        first = await sent(1)
        rotated = await changed("POST", f"{path}/rotate-secret", overlap_s=3600)
        second = await sent(2)
        both = await published(gateway, f"?endpoint_id={made['id']}")
        off = await changed("PATCH", path, ed25519=False)
        third = await sent(3)
        none = await published(gateway, f"?endpoint_id={made['id']}")
        on = await changed("PATCH", path, ed25519=True)
        still_on = await changed("PATCH", path, ed25519=True)
        await gateway.call("POST", f"{path}/test", key=key, json={})
        ping = (await hook.at_least(4))[3]

    old, new = made["public_key"], rotated["public_key"]
    assert parts_of(first) == ["v1", "v1a"]
    assert [is_genuine(first, one) for one in (old, other["public_key"])] == [True, False]
    assert parts_of(second) == ["v1", "v1", "v1a", "v1a"]
    assert [is_genuine(second, one) for one in (old, new)] == [True, True]
    current, previous = both.json()["endpoints"][made["id"]]
    assert current == {"public_key": new, "status": "current", "until": None}
    assert (previous["public_key"], previous["status"]) == (old, "previous")
    assert abs(_seconds(previous["until"]) - time.time() - 3600) < 60
    assert (off["ed25519"], off["public_key"], parts_of(third)) == (False, None, ["v1", "v1"])
    assert (none.status_code, none.json()["code"]) == (404, 3003)
    assert on["public_key"] not in {old, new, None}
    assert still_on["public_key"] == on["public_key"]
    assert is_genuine(ping, on["public_key"])
    assert len({old, new, on["public_key"], other["public_key"]}) == 4


def _seconds(text: str) -> float:
    return time.mktime(time.strptime(text, "%Y-%m-%dT%H:%M:%SZ")) - time.timezone


async def test_the_keys_of_all_endpoints_are_published_by_pages_for_anybody(
    gateway: Gateway,
) -> None:
    keys = [await gateway.key(await gateway.account()) for _ in range(2)]
    url = "http://127.0.0.1:9009/hook"
    made = [await registered(gateway, key, url) for key in keys for _ in range(2)]
    await registered(gateway, keys[0], url, ed25519=False)
    await gateway.call("DELETE", f"/webhooks/{made[3]['id']}", key=keys[1])

    whole = await published(gateway)
    first = (await published(gateway, "?limit=2")).json()
    last = (await published(gateway, f"?limit=2&cursor={first['next_cursor']}")).json()
    wrong = [
        await published(gateway, query)
        for query in (
            *("?limit=0", "?limit=101", "?limit=x", "?cursor=x", "?cursor=we_%00"),
            *("?endpoint_id=we_%00", f"?endpoint_id={made[3]['id']}"),
        )
    ]

    shown = {
        one["id"]: [{"public_key": one["public_key"], "status": "current", "until": None}]
        for one in made[:3]
    }
    assert whole.json()["endpoints"] == shown
    assert whole.headers["cache-control"] == "public, max-age=300"
    assert "your own endpoint only" in whole.json()["notice"]
    assert (first["has_more"], first["next_cursor"]) == (True, made[1]["id"])
    assert first["endpoints"] | last["endpoints"] == shown
    assert (last["has_more"], last["next_cursor"]) == (False, None)
    assert [(one.status_code, one.json()["code"]) for one in wrong] == [
        *[(422, 2007)] * 5,
        *[(404, 3003)] * 2,
    ]
    assert wrong[0].json()["data"]["error"]["param"] == "limit"


async def test_the_page_shows_the_key_and_its_form_switches_it_off(gateway: Gateway) -> None:
    browser = await signed_in(gateway)
    key = await gateway.key(await browser_account(browser))
    form = {"url": "http://127.0.0.1:9009/hook", "retry_schedule_s": "0"}
    new = await browser.get("/dashboard/webhooks/new")

    made = await browser.send("/dashboard/webhooks", {**form, "ed25519": "yes"})
    [endpoint] = (await gateway.call("GET", "/webhooks", key=key)).json()["data"]["items"]
    page = f"/dashboard/webhooks/{endpoint['id']}"
    on = await browser.get(page)
    await browser.send(page, form)
    off = await browser.get(page)

    shown = f'<code id="public-key">{endpoint["public_key"]}</code>'
    ticked = 'name="ed25519" value="yes" checked'
    assert [shown in one.text for one in (made, on, off)] == [True, True, False]
    assert [ticked in one.text for one in (new, on, off)] == [True, True, False]


async def test_who_reads_the_document_too_often_is_told_when_to_come_back(gateway: Gateway) -> None:
    count, period_s = REQUESTS
    limiter, address = gateway.context.limiter, "webhook-keys:127.0.0.1"
    first = await published(gateway)
    await limiter.take(address, count / period_s, count, cost=count - 5)

    # Two come back each second, so how many more are answered depends on the machine.
    for _ in range(100):
        last = await published(gateway)
        if last.status_code != 200:
            break

    assert first.status_code == 200
    assert (last.status_code, last.json()["code"]) == (429, 4001)
    assert 1 <= int(last.headers["retry-after"]) <= period_s
