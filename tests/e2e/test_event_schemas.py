"""Every type of event, published for real, fits the schema that /docs/events shows a merchant."""

from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from jsonschema_rs import Draft202012Validator

from kernel.clock import DAY_US, SystemClock, rfc3339
from tests.e2e.conftest import Install
from tests.support.installation import API, Installation
from tests.support.plain_http import http_client
from tests.support.receiver import Received, Receiver
from tests.support.senders import client, order
from webhooks.delivery_log.acts import TEST
from webhooks.events.event import EVENT_TYPES

# What money brings about and a supplier's stock have tests of their own, and an approval expires after a day.
_MONEY = ("order.", "subscription.", "dispute.", "recharge.", "credit.")
NOT_YET_REAL = {one for one in EVENT_TYPES if one.startswith(_MONEY)} | {
    "approval.expired",
    "stock.low",
}


def without_room(schema: Any) -> Any:
    """The schema, but no object may have a field that is not declared: that is how drift shows."""
    if isinstance(schema, list):
        return [without_room(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    closed = {name: without_room(value) for name, value in schema.items()}
    if "properties" in closed:
        closed["additionalProperties"] = False
    return closed


@pytest.fixture
def installation(install: Install) -> Installation:
    started = install()
    started.start()
    return started


async def test_every_published_event_fits_its_schema(
    installation: Installation, receiver: Receiver
) -> None:
    account_id = await installation.account(email="me@example.com")
    sender, approver = [await installation.key(account_id) for _ in range(2)]

    async def answer(received: Received) -> int:
        return 410 if received.path == "/gone" else 200

    receiver.answer = answer
    async with client(sender) as http, client(approver) as other:
        http.base_url = other.base_url = httpx.URL(installation.url + API)
        await cause_everything(http, other, receiver)
        last = {"endpoint.disabled", "batch.completed"}
        await receiver.until(lambda: last <= {one.event["type"] for one in receiver.received})
        real = await everything(http)
    samples = await pinged(installation, receiver)
    published = await catalogue(installation)

    assert {event["type"] for event in real} == set(EVENT_TYPES) - NOT_YET_REAL - {"endpoint.test"}
    assert sorted(event["type"] for event in samples) == sorted(EVENT_TYPES)
    assert set(published) == set(EVENT_TYPES)
    for event in (*real, *samples):
        schema = without_room(published[event["type"]]["schema"])
        Draft202012Validator(schema, validate_formats=True).validate(event)


async def cause_everything(
    http: httpx.AsyncClient, approver: httpx.AsyncClient, receiver: Receiver
) -> None:
    """One event of each type that something other than an order causes."""

    async def made(path: str, **body: Any) -> dict[str, Any]:
        answer = await http.post(path, json=body)
        assert answer.status_code < 300, answer.text
        return dict(answer.json())

    await made("/webhooks/register", url=receiver.url)
    await made("/webhooks/register", url=receiver.url.replace("/hook", "/gone"))
    await http.put("/topup/balance/threshold", json={"low_balance_threshold_cents": 999_950})
    sent = await made(
        "/topup/send", **order(100, reference="order-1"), metadata={"basket": "7"}, note="first"
    )
    status = (await http.get(f"/topup/status/{sent['transaction_id']}")).json()
    # The recipient's press; its page lies beside the API, on the same host.
    claim_path = urlsplit(status["data"]["claim_url"]).path
    await http.post(http.base_url.copy_with(path=claim_path))
    await http.post("/topup/send", json=order(100, email="failed@sandbox.test"))
    await made("/topup/send", **order(100), send_at=rfc3339(SystemClock().now_us() + DAY_US))
    await made("/topup/bulk", items=[order(100, reference="line-1")])
    unused = await made("/topup/send", **order(100))
    await made(f"/topup/{unused['transaction_id']}/reverse", reason="sent by mistake")
    await made("/vouchers/redeem", code=sent["data"]["voucher_code"])
    pending = await made("/topup/send", **order(100, email="pending@sandbox.test"))
    await made("/topup/cancel", transaction_id=pending["transaction_id"])
    asked = await made("/topup/send", **order(100, email="approval@sandbox.test"))
    await made("/topup/cancel", transaction_id=asked["transaction_id"])
    await live_of_a_key(http, approver)
    for decision in ("approve", "deny"):
        asked = await made("/topup/send", **order(100, email="approval@sandbox.test"))
        path = f"/approvals/{asked['data']['approval']['id']}/{decision}"
        decided = await approver.post(path)
        assert decided.status_code < 300, decided.text


async def live_of_a_key(http: httpx.AsyncClient, approver: httpx.AsyncClient) -> None:
    """A child key is made, spends its day's cap whole, is paused, resumed by another lineage, and revoked."""
    body = {"name": "Child", "scopes": ["topup:send"], "caps": {"per_day_cents": 200}}
    made = await http.post("/keys", json=body)
    assert made.status_code == 201, made.text
    key = made.json()["data"]
    headers = {"Authorization": f"Bearer {key['key']}"}
    sent = await http.post("/topup/send", json=order(200), headers=headers)
    assert sent.json()["code"] == 1001, sent.text
    for who, method, path in (
        (http, "POST", f"/keys/{key['id']}/pause"),
        (approver, "POST", f"/keys/{key['id']}/resume"),
        (http, "DELETE", f"/keys/{key['id']}"),
    ):
        answer = await who.request(method, path)
        assert answer.status_code == 200, answer.text


async def pinged(installation: Installation, receiver: Receiver) -> list[dict[str, Any]]:
    """The sample of each type, in so many accounts and endpoints that the pace of test pings holds up none."""
    events: list[dict[str, Any]] = []
    for of_account in batched(EVENT_TYPES, TEST.paces[1].calls):
        key = await installation.key(await installation.account())
        async with client(key) as http:
            http.base_url = httpx.URL(installation.url + API)
            for of_endpoint in batched(of_account, TEST.paces[0].calls):
                made = await http.post("/webhooks/register", json={"url": receiver.url})
                path = f"/webhooks/{made.json()['data']['id']}/test"
                for event_type in of_endpoint:
                    answer = await http.post(path, json={"event": event_type})
                    assert answer.status_code < 300, answer.text
            events += await everything(http)
    return events


def batched(words: Sequence[str], size: int) -> list[Sequence[str]]:
    return [words[start : start + size] for start in range(0, len(words), size)]


async def everything(http: httpx.AsyncClient) -> list[dict[str, Any]]:
    page = (await http.get("/events", params={"after": "0", "limit": 200})).json()["data"]
    assert page["has_more"] is False
    return list(page["items"])


async def catalogue(installation: Installation) -> dict[str, Any]:
    """As anybody sees it, without a credential; each schema is also served by itself."""
    async with http_client(base_url=installation.url) as http:
        types = dict((await http.get("/docs/events")).json()["types"])
        for event_type, entry in types.items():
            alone = await http.get(f"/docs/events/{event_type}")
            assert alone.headers["content-type"] == "application/schema+json"
            assert alone.json() == entry["schema"]
        unknown = await http.get("/docs/events/topup.lost")
        assert unknown.status_code == 404
        assert unknown.json()["error"]["types"] == list(EVENT_TYPES)
    return types
