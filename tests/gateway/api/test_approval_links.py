"""A link that decides is told to an address that a person named, and lies nowhere."""

from typing import Any

import httpx

from tests.support.browser import Browser, signed_in
from tests.support.gateway import API, Gateway
from tests.support.gateway_worker import delivering
from tests.support.receiver import Received, Receiver

ORDER = {
    "platform": "claude",
    "amount_cents": 500,
    "recipient_email": "approval@sandbox.test",
    # A tenant's text that looks like the place of a link, or of a code.
    "metadata": {"decide_url": "null", "note": '"decide_url":null'},
}


async def ask(browser: Browser, method: str, path: str, body: dict[str, Any]) -> httpx.Response:
    """As a page of ours asks the API."""
    headers = {"Origin": browser.gateway.url}
    return await browser.request(method, f"{API}{path}", headers, json=body)


async def account_of(browser: Browser) -> str:
    found = await browser.request("GET", f"{API}/keys?limit=1", {"Origin": browser.gateway.url})
    assert found.status_code == 200, found.text
    session = await browser.gateway.context.authenticator.authenticate(browser.session or "")
    return session.account_id


async def test_a_person_has_the_link_told_and_it_decides_once(gateway: Gateway) -> None:
    browser = await signed_in(gateway)
    key = await gateway.key(await account_of(browser))
    async with Receiver() as told, Receiver() as plain:
        made = await ask(
            browser,
            "POST",
            "/webhooks/register",
            {"url": told.url, "include_approval_links": True, "retry_schedule_s": [0]},
        )
        await gateway.call("POST", "/webhooks/register", key=key, json={"url": plain.url})
        sent = await gateway.call("POST", "/topup/send", key=key, json=ORDER)
        async with delivering(gateway):
            first, other = _asked(await told.at_least(2)), _asked(await plain.at_least(2))
            path = f"/deliveries?endpoint_id={made.json()['data']['id']}"
            listed = (await gateway.call("GET", path, key=key)).json()["data"]["items"]
            [delivery] = [one for one in listed if one["event_type"] == "approval.requested"]
            await gateway.call("POST", f"/deliveries/{delivery['id']}/replay", key=key)
            again = (await told.at_least(3))[2]
        log = await gateway.call("GET", f"/deliveries/{delivery['id']}", key=key)
        event = await gateway.call("GET", f"/events/{first.event['id']}", key=key)

    link = first.event["data"]["decide_url"]
    assert made.json()["data"]["include_approval_links"] is True
    assert sent.json()["code"] == 3006
    assert link.startswith(f"{gateway.context.settings.address()}/decide/")
    assert other.event["data"]["decide_url"] is None
    assert first.body.replace(f'"decide_url":"{link}"'.encode(), b'"decide_url":null') == other.body
    assert first.event["data"]["metadata"] == ORDER["metadata"]
    assert again.body == first.body
    assert event.json()["data"]["data"]["decide_url"] is None
    assert link not in log.text
    assert link.rsplit("/", 1)[1] not in await _stored(gateway)
    page = await gateway.client.get("/decide/" + link.rsplit("/", 1)[1])
    assert page.status_code == 200
    assert "approval@sandbox.test" in page.text


async def test_no_key_has_it_told_and_none_moves_where_it_is_told(gateway: Gateway) -> None:
    browser = await signed_in(gateway)
    key = await gateway.key(await account_of(browser))
    url = "http://127.0.0.1:9009/hook"
    asked = {"url": url, "include_approval_links": True}
    elsewhere = {"url": f"{url}/other"}

    by_key = await gateway.call("POST", "/webhooks/register", key=key, json=asked)
    plain = await gateway.call("POST", "/webhooks/register", key=key, json={"url": url})
    made = await ask(browser, "POST", "/webhooks/register", asked)
    ids = [answer.json()["data"]["id"] for answer in (plain, made)]

    async def changed(endpoint_id: str, change: dict[str, Any]) -> int:
        path = f"/webhooks/{endpoint_id}"
        return (await gateway.call("PATCH", path, key=key, json=change)).status_code

    assert by_key.status_code == 403
    assert by_key.json()["code"] == 2009
    assert by_key.json()["data"]["error"]["reason"] == "person_only"
    assert await changed(ids[0], {"include_approval_links": True}) == 403
    assert await changed(ids[0], elsewhere) == 200
    assert await changed(ids[1], elsewhere) == 403
    # A key may stop it; what was published with links may still be sent again, so it stays where it is.
    assert await changed(ids[1], {"include_approval_links": False}) == 200
    assert await changed(ids[1], elsewhere) == 403
    moved = await ask(browser, "PATCH", f"/webhooks/{ids[1]}", elsewhere)
    assert moved.status_code == 200


def _asked(received: list[Received]) -> Received:
    [found] = [one for one in received if one.event["type"] == "approval.requested"]
    return found


async def _stored(gateway: Gateway) -> str:
    """All texts of events, deliveries and attempts."""

    async def read(tx: Any) -> str:
        tables = ("events", "deliveries", "attempts")
        rows = [row for table in tables for row in await tx.fetch(f"SELECT * FROM {table}")]
        return "\n".join(str(value) for row in rows for value in row)

    return await gateway.context.database.read(read)
