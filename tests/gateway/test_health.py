"""Readiness, the gauges and the notices, as an operator and an account see them."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from kernel.clock import FixedClock
from store.db import Transaction
from tests.gateway.dialects.billing import administrator
from tests.gateway.running import Gateway, running, settings_of
from tests.webhooks.given import given_endpoint, given_events
from tests.webhooks.test_notice import fail_one


@pytest_asyncio.fixture
async def gateway(database_url: str, tmp_path: Path, clock: FixedClock) -> AsyncIterator[Gateway]:
    async with running(settings_of(database_url, tmp_path), clock) as opened:
        yield opened


async def ready(gateway: Gateway) -> tuple[int, Any]:
    answer = await gateway.client.get("/readyz")
    return answer.status_code, answer.json()["checks"]["deliveries"]


async def gauges(gateway: Gateway) -> dict[str, float]:
    lines = (await gateway.client.get("/metrics")).text.splitlines()
    pairs = (line.split(" ") for line in lines if not line.startswith("#"))
    return {name: float(value) for name, value in pairs if name.endswith("_seconds")}


async def test_a_delivery_that_nobody_looks_after_turns_readiness_red(
    gateway: Gateway, clock: FixedClock
) -> None:
    database = gateway.context.database
    scope = (await gateway.account(), "staging")
    await given_endpoint(database, clock, scope)
    await given_events(database, clock, scope)
    clock.advance_s(61)

    # No worker runs here.
    assert await ready(gateway) == (503, "overlooked")
    found = await gauges(gateway)
    assert found["topup_oldest_due_seconds"] == 61.0
    assert found["topup_overlooked_seconds"] == 61.0


async def test_readiness_says_that_private_addresses_are_let_through_but_not_which(
    database_url: str, tmp_path: Path
) -> None:
    settings = settings_of(
        database_url,
        tmp_path,
        webhook_allow_private=False,
        webhook_allow_cidrs="10.1.0.0/16",
        webhook_allow_hosts="hook.internal,other.internal",
    )
    async with running(settings) as gateway:
        answer = await gateway.client.get("/readyz")

    shown = {"allow_cidrs": 1, "allow_hosts": 2}
    assert answer.json()["webhooks"] == shown
    assert "internal" not in answer.text


async def test_what_is_counted_is_for_this_machine_and_for_operators(gateway: Gateway) -> None:
    key = await gateway.key(await gateway.account())
    boss = await administrator(gateway)
    # Somebody's proxy on this machine, which nobody called trusted.
    forwarded = {"X-Forwarded-For": "127.0.0.1"}

    async def status(key: str | None = None, **headers: str) -> tuple[int, str]:
        bearer = {} if key is None else {"Authorization": f"Bearer {key}"}
        answer = await gateway.client.get("/metrics", headers={**headers, **bearer})
        return answer.status_code, answer.headers["content-type"].partition(";")[0]

    counted, refused = (200, "text/plain"), "application/json"
    assert await status() == counted
    assert await status(**forwarded) == (401, refused)
    assert await status(Forwarded="for=127.0.0.1") == (401, refused)
    assert await status("ak_staging_nonsense", **forwarded) == (401, refused)
    assert await status(key, **forwarded) == (403, refused)
    assert await status(boss.key, **forwarded) == counted


@pytest.mark.parametrize(
    ("proxies", "readers", "forwarded_for", "status"),
    [
        ("", "", None, 401),
        ("", "10.0.0.0/8", None, 401),
        ("", "0.0.0.0/0,::/0", None, 200),
        ("127.0.0.1", "10.0.0.0/8", "10.1.2.3", 200),
        ("127.0.0.1", "10.0.0.0/8", "10.1.2.3, 192.0.2.1", 401),
        ("127.0.0.1", "127.0.0.0/8", "192.0.2.1", 401),
        ("192.0.2.0/24", "10.0.0.0/8", "10.1.2.3", 401),
    ],
)
async def test_who_may_read_what_is_counted_is_a_setting(
    database_url: str,
    tmp_path: Path,
    proxies: str,
    readers: str,
    forwarded_for: str | None,
    status: int,
) -> None:
    settings = settings_of(
        database_url, tmp_path, trusted_proxies=proxies or (), metrics_cidrs=readers or ()
    )
    headers = {} if forwarded_for is None else {"X-Forwarded-For": forwarded_for}
    async with running(settings) as gateway:
        answer = await gateway.client.get("/metrics", headers=headers)

    assert answer.status_code == status
    if status == 401:
        assert answer.json()["code"] == 2001


async def test_many_callers_of_readiness_cost_one_look(gateway: Gateway, clock: FixedClock) -> None:
    scope = (await gateway.account(), "staging")
    await given_endpoint(gateway.context.database, clock, scope)
    before = gateway.context.database.statements_run

    answers = await asyncio.gather(*(ready(gateway) for _ in range(20)))

    assert set(answers) == {(200, "ok")}
    # BEGIN, the look, COMMIT; a second look where the twenty take longer than a second.
    assert gateway.context.database.statements_run - before <= 6


async def test_an_account_lists_its_notices(gateway: Gateway, clock: FixedClock) -> None:
    database = gateway.context.database
    account_id = await gateway.account()
    key = await gateway.key(account_id)
    endpoints = [
        (await given_endpoint(database, clock, (account_id, "staging"), events=[type_]))[0]
        for type_ in ("topup.delivered", "order.paid")
    ]
    await fail_one(database, clock, (account_id, "staging"))
    clock.advance_s(60)
    await fail_one(database, clock, (account_id, "staging"), 200)
    await given_events(database, clock, (account_id, "staging"), type_="order.paid")

    listed = (await gateway.call("GET", "/notices", key=key)).json()["data"]
    still_open = await gateway.call("GET", "/notices", key=key, params={"open": "true"})
    over = await gateway.call("GET", "/notices", key=key, params={"open": "false", "limit": 1})
    live = await gateway.key(account_id, "live")
    elsewhere = await gateway.call("GET", "/notices", key=live)
    unscoped = await gateway.key(account_id, scopes=["topup:send"])
    refused = await gateway.call("GET", "/notices", key=unscoped)

    assert set(listed) == {"items", "next_cursor", "has_more"}
    [notice] = listed["items"]
    assert notice["endpoint_id"] == endpoints[0].id
    assert (notice["stage"], notice["ended_at"]) == ("failing", "2026-06-13T12:01:00Z")
    assert still_open.json()["data"]["items"] == []
    assert over.json()["data"]["items"] == [notice]
    assert elsewhere.json()["data"]["items"] == []
    assert refused.status_code == 403


async def test_notices_are_paged(gateway: Gateway, clock: FixedClock) -> None:
    database = gateway.context.database
    account_id = await gateway.account()
    key = await gateway.key(account_id)
    scope = (account_id, "staging")
    await given_endpoint(database, clock, scope)

    for _ in range(3):
        await fail_one(database, clock, scope)
        clock.advance_s(1)
        await fail_one(database, clock, scope, 200)
        clock.advance_s(1)

    first = (await gateway.call("GET", "/notices", key=key, params={"limit": 2})).json()["data"]
    cursor = {"cursor": first["next_cursor"]}
    rest = (await gateway.call("GET", "/notices", key=key, params=cursor)).json()["data"]
    starts = [one["failing_since"] for one in (*first["items"], *rest["items"])]
    assert starts == ["2026-06-13T12:00:04Z", "2026-06-13T12:00:02Z", "2026-06-13T12:00:00Z"]
    assert (first["has_more"], rest["has_more"]) == (True, False)


@pytest.mark.parametrize("cursor", ["dlv_0000000000000000", "x"])
async def test_a_cursor_of_another_list_is_refused(gateway: Gateway, cursor: str) -> None:
    key = await gateway.key(await gateway.account())

    for path in ("/notices", "/deliveries"):
        answer = await gateway.call("GET", path, key=key, params={"cursor": cursor})
        assert (answer.status_code, answer.json()["code"]) == (422, 2007)


async def test_readiness_is_red_while_the_tables_are_away(gateway: Gateway) -> None:
    async def hide(tx: Transaction) -> None:
        await tx.execute("ALTER TABLE deliveries RENAME TO hidden")

    await gateway.context.database.transaction(hide)

    assert await ready(gateway) == (503, "unknown")
