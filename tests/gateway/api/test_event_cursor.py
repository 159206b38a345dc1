"""The cursor of GET /events: a poller that goes on from it has every event once, and can prove it."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest_asyncio

from kernel.tenant import Tenant
from keys.account import lock_tenants
from store.database import Transaction
from tests.support.gateway import Gateway, running, settings_of
from webhooks.events import cursor as event_cursor
from webhooks.events.event import Outbox
from webhooks.events.log import EVENTS_SCANNED

SENDERS = 8
SENDS_EACH = 25
GOOD = {"platform": "claude", "amount_cents": 100, "recipient_email": "user@example.com"}


@pytest_asyncio.fixture
async def second(database_url: str, tmp_path: Path, gateway: Gateway) -> AsyncIterator[Gateway]:
    """Another gateway on the same database."""
    del gateway  # it is there first
    async with running(settings_of(database_url, tmp_path)) as opened:
        yield opened


async def poll(gateway: Gateway, key: str, after: str, **query: Any) -> dict[str, Any]:
    answer = await gateway.call("GET", "/events", key=key, params={"after": after, **query})
    assert answer.status_code == 200, answer.text
    return dict(answer.json()["data"])


async def given_events(gateway: Gateway, account_id: str, *types: str) -> None:
    tenant = Tenant(account_id, "staging")

    async def work(tx: Transaction) -> None:
        await lock_tenants(tx, [tenant])
        outbox = await Outbox.load(tx, [tenant])
        for type_ in types:
            outbox.publish(
                tenant,
                type=type_,
                data={},
                now_us=gateway.context.clock.now_us(),
            )
        await outbox.flush(tx)

    await gateway.context.database.transaction(work)


def number_in(cursor: str) -> int:
    return int(cursor.rpartition("-")[2])


async def test_a_poller_beside_many_senders_sees_every_event_once_and_in_order(
    gateway: Gateway, second: Gateway
) -> None:
    account_id = await gateway.account()
    key = await gateway.key(account_id)
    sent: list[str] = []
    seen: list[dict[str, Any]] = []

    async def send(at: Gateway) -> None:
        for _ in range(SENDS_EACH):
            answer = await at.call("POST", "/topup/send", key=key, json=GOOD)
            assert answer.status_code == 200, answer.text
            sent.append(answer.json()["transaction_id"])

    async def read(at: Gateway) -> None:
        cursor = "0"
        while len(seen) < SENDERS * SENDS_EACH:
            page = await poll(at, key, cursor, limit=7)
            # The proof: numbers are gapless, so the cursor has moved by what was shown.
            assert number_in(page["next_cursor"]) - number_in(cursor) == len(page["items"])
            seen.extend(page["items"])
            cursor = page["next_cursor"]

    async with asyncio.timeout(120), asyncio.TaskGroup() as group:
        for number in range(SENDERS):
            group.create_task(send((gateway, second)[number % 2]))
        group.create_task(read(second))

    assert sorted(event["data"]["transaction_id"] for event in seen) == sorted(sent)
    assert len({event["id"] for event in seen}) == SENDERS * SENDS_EACH == 200
    again = []
    cursor, has_more = "0", True
    while has_more:
        page = await poll(gateway, key, cursor, limit=200)
        again += page["items"]
        cursor, has_more = page["next_cursor"], page["has_more"]
    assert again == seen
    assert cursor == "0-200"


async def test_a_poll_by_type_passes_over_the_others_and_does_not_look_at_them_again(
    gateway: Gateway,
) -> None:
    account_id = await gateway.account()
    key = await gateway.key(account_id)
    await given_events(
        gateway, account_id, "topup.failed", "order.paid", "topup.failed", "topup.failed"
    )

    page = await poll(gateway, key, "0", type="order.paid")
    nothing = await poll(gateway, key, page["next_cursor"], type="order.paid")
    first = await poll(gateway, key, "0", type="topup.failed", limit=2)
    last = await poll(gateway, key, first["next_cursor"], type="topup.failed", limit=2)

    assert [event["type"] for event in page["items"]] == ["order.paid"]
    assert (page["next_cursor"], page["has_more"]) == ("0-4", False)
    assert nothing == {"items": [], "next_cursor": "0-4", "has_more": False}
    assert (len(first["items"]), first["next_cursor"], first["has_more"]) == (2, "0-3", True)
    assert (len(last["items"]), last["next_cursor"], last["has_more"]) == (1, "0-4", False)


async def test_a_rare_type_is_found_in_steps_that_each_cost_little(gateway: Gateway) -> None:
    account_id = await gateway.account()
    key = await gateway.key(account_id)
    many = ["topup.failed"] * EVENTS_SCANNED
    await given_events(gateway, account_id, "order.paid", *many, "order.paid")

    up = await poll(gateway, key, "0", type="order.paid")
    rest = await poll(gateway, key, up["next_cursor"], type="order.paid")
    newest = await gateway.call("GET", "/events?type=order.paid", key=key)
    down = newest.json()["data"]
    older = await gateway.call(
        "GET", f"/events?type=order.paid&cursor={down['next_cursor']}", key=key
    )

    assert (len(up["items"]), up["next_cursor"], up["has_more"]) == (1, "0-10000", True)
    assert (len(rest["items"]), rest["next_cursor"], rest["has_more"]) == (1, "0-10002", False)
    assert (len(down["items"]), down["next_cursor"], down["has_more"]) == (1, "0-3", True)
    assert older.json()["data"]["items"] == up["items"]
    assert older.json()["data"]["next_cursor"] is None


async def test_a_cursor_ahead_of_the_last_event_is_refused_and_not_waited_for(
    gateway: Gateway,
) -> None:
    # As after the restore of an older copy: silence would look like "nothing new".
    account_id = await gateway.account()
    key = await gateway.key(account_id)
    await given_events(gateway, account_id, "topup.failed")

    for path in ("/events?after=0-2", "/events/stream?after=0-2"):
        answer = await gateway.call("GET", path, key=key)

        assert (answer.status_code, answer.json()["code"]) == (422, 2007)
        assert answer.json()["data"]["error"]["param"] == "after"
        assert answer.json()["data"]["error"]["reason"] == "cursor_ahead"
        assert "The newest event is 1" in answer.json()["data"]["error"]["detail"]


async def test_cursors_are_of_one_environment(gateway: Gateway) -> None:
    account_id = await gateway.account()
    live = await gateway.key(account_id, "live")
    await given_events(gateway, account_id, "topup.failed", "topup.failed")

    assert await poll(gateway, live, "0") == {"items": [], "next_cursor": "0-0", "has_more": False}
    refused = await gateway.call("GET", "/events?after=0-1", key=live)
    assert refused.status_code == 422


async def test_pruned_events_are_not_searched_for(gateway: Gateway) -> None:
    account_id = await gateway.account()
    key = await gateway.key(account_id)
    await given_events(gateway, account_id, *["topup.failed"] * 5)

    async def prune(tx: Transaction) -> None:
        await tx.execute("DELETE FROM events WHERE event_no < 4")

    await gateway.context.database.transaction(prune)
    page = await poll(gateway, key, "0", limit=1)
    rest = await poll(gateway, key, page["next_cursor"])

    # The cursor moved by more than was shown: 1 to 3 are not kept any more.
    assert (len(page["items"]), page["next_cursor"], page["has_more"]) == (1, "0-4", True)
    assert (len(rest["items"]), rest["next_cursor"]) == (1, "0-5")


async def refusal(gateway: Gateway, key: str, path: str, **headers: str) -> dict[str, Any]:
    answer = await gateway.call("GET", path, key=key, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (422, 2007), answer.text
    error: dict[str, Any] = answer.json()["data"]["error"]
    return error


async def test_a_cursor_of_before_a_restore_is_refused_even_once_numbers_have_passed_it(
    gateway: Gateway,
) -> None:
    account_id = await gateway.account()
    key = await gateway.key(account_id)
    await given_events(gateway, account_id, *["topup.failed"] * 3)
    before = (await poll(gateway, key, "0"))["next_cursor"]

    async def restore(tx: Transaction) -> None:
        await event_cursor.renew(tx, epoch=1_781_265_600)

    await gateway.context.database.transaction(restore)
    await given_events(gateway, account_id, "order.paid", "order.paid")

    for path, headers in (
        (f"/events?after={before}", {}),
        (f"/events?cursor={before}", {}),
        (f"/events/stream?after={before}", {}),
        ("/events/stream", {"Last-Event-ID": before}),
    ):
        error = await refusal(gateway, key, path, **headers)
        assert error["reason"] == "cursor_from_before_restore"
        assert error["oldest_cursor"] == "1781265600-0"
    page = await poll(gateway, key, "1781265600-0")
    assert (len(page["items"]), page["next_cursor"]) == (5, "1781265600-5")


async def test_a_cursor_behind_what_is_kept_is_refused_and_says_what_is_missing(
    gateway: Gateway,
) -> None:
    account_id = await gateway.account()
    key = await gateway.key(account_id)
    await given_events(gateway, account_id, *["topup.failed"] * 6)

    async def prune(tx: Transaction) -> None:
        # The second one stays for a delivery that is still open.
        await tx.execute("DELETE FROM events WHERE event_no IN (1, 3, 4)")
        await tx.execute("UPDATE account_environments SET events_from_no = 5 WHERE event_no > 0")

    await gateway.context.database.transaction(prune)

    error = await refusal(gateway, key, "/events?after=0-2")
    whole = await poll(gateway, key, "0")
    last = await poll(gateway, key, error["oldest_cursor"])
    assert (error["reason"], error["oldest_cursor"]) == ("cursor_expired", "0-4")
    assert "Events 3 to 4 are no longer stored" in error["detail"]
    assert whole == last
    assert (len(last["items"]), last["next_cursor"]) == (2, "0-6")


async def test_a_number_alone_is_no_cursor(gateway: Gateway) -> None:
    account_id = await gateway.account()
    key = await gateway.key(account_id)
    await given_events(gateway, account_id, "topup.failed")

    assert (await refusal(gateway, key, "/events?after=1"))["reason"] == "cursor_without_epoch"
    for wrong in ("-1", "1-", "x-1", "0-x", "0-" + "1" * 19, "1-1-1"):
        assert "reason" not in await refusal(gateway, key, f"/events?after={wrong}")
