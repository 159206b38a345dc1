"""A webhook that fails does not look well: on the list, and on its page with what it answers."""

import asyncio
import re
from typing import Any

import pytest

from kernel.clock import HOUR_US, FixedClock
from kernel.tenant import Tenant
from store.database import Database
from tests.support.browser import browser_account, signed_in, text_of
from tests.support.failed_deliveries import make_failures
from tests.support.gateway import Gateway
from tests.support.gateway_worker import delivering
from tests.support.recording_receiver import receiver
from tests.support.webhook_rows import given_endpoint
from webhooks.replays import step

pytestmark = pytest.mark.one_database

REPLAY = "/dashboard/deliveries/replay"
SEND = {"platform": "claude", "amount_cents": 1000, "recipient_email": "bob@example.com"}


async def test_a_failing_webhook_says_so_and_how_it_is_sent_again(gateway: Gateway) -> None:
    browser = await signed_in(gateway)
    key = await gateway.key(await browser_account(browser))
    async with receiver(lambda _: (500, 0.0)) as hook, delivering(gateway):
        body = {"url": hook.url, "retry_schedule_s": [0]}
        made = await gateway.call("POST", "/webhooks/register", key=key, json=body)
        endpoint = made.json()["data"]
        for _ in range(2):
            await gateway.call("POST", "/topup/send", key=key, json=SEND)
        await until(gateway, key, endpoint["id"], "failed", 2)

        said = text_of((await browser.get("/dashboard/webhooks")).text)
        page = await browser.get(f"/dashboard/webhooks/{endpoint['id']}")
        last = (await health(gateway, key, endpoint["id"]))["failures"][0]["last_delivery_id"]
        log = (await browser.get("/dashboard/deliveries?status=failed")).text
        both = set(re.findall(r'name="delivery" value="(dlv_\w+)"', log))
        again = await browser.send(f"/dashboard/deliveries/{last}/replay", {})
        several = await browser.send(
            REPLAY,
            {"delivery": [*both], "once": "frm_1", "back": "/dashboard/deliveries?status=failed"},
        )
        repeated = await browser.send(REPLAY, {"delivery": [*both], "once": "frm_1"})
        made = await gateway.call("GET", "/deliveries", key=key)
        unknown = await browser.send(REPLAY, {"delivery": ["dlv_0000000000000000"]})
        none = await browser.send(REPLAY, {})

    assert endpoint["failing_since"] is None
    assert "failing since" in said
    shown = text_of(page.text)
    assert "Nothing has arrived since" in shown
    assert "Arrived 0 % : 0 of 2" in shown
    assert "2 × HTTP 500" in shown
    assert f"/dashboard/deliveries/{last}/replay" in page.text
    assert again.status_code == 303
    assert re.search(
        r"<span><bdi>500</bdi> <span class=\"quiet\">in [\d,]+ ms</span></span>", log
    ), log
    assert "/dashboard/topups/txn_" in log
    assert len(both) == 2
    assert several.headers["location"] == (
        "/dashboard/deliveries?status=failed&said=replayed-several"
    )
    assert repeated.status_code == 303
    # Each of those that were ticked once, and the one of before.
    replays = [one["replay_of"] for one in made.json()["data"]["items"] if one["replay_of"]]
    assert sorted(replays) == sorted([last, *both])
    assert "0 of 1 are sent again" in unknown.text
    assert "Tick at least one delivery" in none.text


async def test_what_arrived_when_it_was_sent_again_has_recovered_and_no_failure(
    gateway: Gateway,
) -> None:
    browser = await signed_in(gateway)
    key = await gateway.key(await browser_account(browser))
    answers = [500, 200]
    async with receiver(lambda _: (answers.pop(0), 0.0)) as hook, delivering(gateway):
        body = {"url": hook.url, "retry_schedule_s": [0], "events": ["topup.delivered"]}
        made = await gateway.call("POST", "/webhooks/register", key=key, json=body)
        endpoint_id = made.json()["data"]["id"]
        sent = await gateway.call("POST", "/topup/send", key=key, json=SEND)
        failed = await until(gateway, key, endpoint_id, "failed", 1)
        last = failed["failures"][0]["last_delivery_id"]
        again = await browser.send(f"/dashboard/deliveries/{last}/replay", {})
        then = await until(gateway, key, endpoint_id, "delivered", 1)

    assert (then["failed"], then["failures"], then["success_rate"]) == (0, [], 1.0)
    log = text_of((await browser.get("/dashboard/deliveries?status=failed")).text)
    assert "topup.delivered" in log
    assert "recovered 500 in" in log
    assert "failed recovered" in text_of((await browser.get(f"/dashboard/deliveries/{last}")).text)
    replay = (await browser.get(again.headers["location"])).text
    transaction_id = sent.json()["transaction_id"]
    assert f'<a class="button" href="/dashboard/topups/{transaction_id}">Open the top-up' in replay
    assert f"{transaction_id} delivered $10.00, bob@example.com" in text_of(replay)


async def until(
    gateway: Gateway, key: str, endpoint_id: str, name: str, number: int
) -> dict[str, Any]:
    """The endpoint's health, once it counts so many of that name."""
    async with asyncio.timeout(30):
        while True:
            found = await health(gateway, key, endpoint_id)
            if found[name] == number:
                return found
            await asyncio.sleep(0.02)


async def health(gateway: Gateway, key: str, endpoint_id: str) -> dict[str, Any]:
    answer = await gateway.call("GET", f"/webhooks/{endpoint_id}/health", key=key)
    return dict(answer.json()["data"])


async def test_one_that_is_probed_says_when_and_a_press_keeps_it_off(
    gateway: Gateway, clock: FixedClock
) -> None:
    browser, database = await signed_in(gateway), gateway.context.database
    account_id = await browser_account(browser)
    key = await gateway.key(account_id)
    made, _ = await given_endpoint(database, clock, Tenant(account_id, "staging"))
    await database.transaction(
        lambda tx: tx.execute(
            """UPDATE endpoints SET status = 'disabled', disabled_reason = 'failing', disabled_at = :now,
               probe_at = :now + 3600000000""",
            now=clock.now_us(),
        )
    )

    page = (await browser.get(f"/dashboard/webhooks/{made.id}")).text
    pressed = await browser.send(f"/dashboard/webhooks/{made.id}/status", {"status": "disabled"})
    after = (await browser.get(f"/dashboard/webhooks/{made.id}")).text
    endpoint = (await gateway.call("GET", f"/webhooks/{made.id}", key=key)).json()["data"]

    assert "It is probed on 2026-06-13 13:00:00 UTC" in text_of(page)
    assert "Keep the webhook disabled" in page
    assert pressed.status_code == 303
    assert (endpoint["status"], endpoint["disabled_reason"]) == ("disabled", "request")
    assert "It is probed on" not in after
    assert "Keep the webhook disabled" not in after


async def test_what_waits_for_its_next_attempt_is_cancelled_at_its_page(gateway: Gateway) -> None:
    browser = await signed_in(gateway)
    key = await gateway.key(await browser_account(browser))
    body = {"url": "http://127.0.0.1:9009/hook"}
    await gateway.call("POST", "/webhooks/register", key=key, json=body)
    await gateway.call("POST", "/topup/send", key=key, json=SEND)
    listed = await gateway.call("GET", "/deliveries", key=key)
    page = f"/dashboard/deliveries/{listed.json()['data']['items'][0]['id']}"

    before = (await browser.get(page)).text
    done = await browser.send(f"{page}/cancel", {})
    after = (await browser.get(done.headers["location"])).text

    assert f'action="{page}/cancel"' in before
    assert 'data-ask="Cancel this delivery?' in before
    assert done.headers["location"] == f"{page}?said=delivery-cancelled"
    assert "it is not sent any more" in text_of(after)
    assert "Not sent This delivery was cancelled before its first attempt." in text_of(after)
    assert f"{page}/cancel" not in after
    assert "failed or cancelled" in text_of((await browser.get("/dashboard")).text)


async def test_what_was_cancelled_of_a_replay_is_not_on_its_way(gateway: Gateway) -> None:
    browser, database = await signed_in(gateway), gateway.context.database
    account_id = await browser_account(browser)
    key = await gateway.key(account_id)
    body = {"url": "http://127.0.0.1:9009/hook"}
    made = await gateway.call("POST", "/webhooks/register", key=key, json=body)
    endpoint_id = made.json()["data"]["id"]
    await make_failures(database, Tenant(account_id, "staging"), endpoint_id, 2)
    begun = await gateway.call("POST", f"/webhooks/{endpoint_id}/replay", key=key, json={})
    page = f"/dashboard/replays/{begun.json()['data']['id']}"

    await stepped(database)
    running = text_of((await browser.get(page)).text)
    listed = await gateway.call("GET", "/deliveries?status=pending", key=key)
    for one in listed.json()["data"]["items"]:
        await gateway.call("POST", f"/deliveries/{one['id']}/cancel", key=key)
    await stepped(database)
    done = text_of((await browser.get(page)).text)

    assert "In progress 2 Delivered 0" in running
    assert "Cancelled 2 Delivered 0" in done
    assert "In progress" not in done


async def stepped(database: Database) -> None:
    """The next step of the one replay there is, whenever it is due."""
    [job] = await database.read(lambda tx: step.due(tx, limit=1))
    await database.transaction(lambda tx: step.step(tx, job, now_us=job.next_step_at + HOUR_US))
