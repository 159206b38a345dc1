"""Readiness, the gauges and the notices, as an operator and an account see them."""

import asyncio
import fcntl
import os
import time
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import pytest

from billing.ledger.proof import note_proof
from kernel.clock import FixedClock
from kernel.tenant import Tenant
from store.database import Transaction
from tests.support.billing_api_calls import administrator
from tests.support.gateway import Gateway, running, settings_of
from tests.support.webhook_rows import given_endpoint, given_events
from tests.webhooks.deliveries.test_notice import fail_one

pytestmark = pytest.mark.fixed_clock


async def ready(gateway: Gateway) -> tuple[int, Any]:
    answer = await gateway.client.get("/readyz")
    return answer.status_code, answer.json()["deliveries"]["state"]


async def checks(gateway: Gateway) -> tuple[int, Any]:
    answer = await gateway.client.get("/readyz")
    return answer.status_code, answer.json()["checks"]


async def gauges(gateway: Gateway) -> dict[str, float]:
    lines = (await gateway.client.get("/metrics")).text.splitlines()
    pairs = (line.split(" ") for line in lines if not line.startswith("#"))
    return {name: float(value) for name, value in pairs if name.endswith("_seconds")}


async def test_a_delivery_that_nobody_looks_after_is_told_and_takes_no_gateway_away(
    gateway: Gateway, clock: FixedClock
) -> None:
    database = gateway.context.database
    tenant = Tenant(await gateway.account(), "staging")
    await given_endpoint(database, clock, tenant)
    await given_events(database, clock, tenant)
    clock.advance_s(61)

    # No worker runs here.
    assert await ready(gateway) == (200, "overlooked")
    alarm = await gateway.client.get("/healthz/deliveries")
    assert (alarm.status_code, alarm.json()["state"]) == (503, "overlooked")
    assert alarm.json()["overlooked_s"] == 61.0
    found = await gauges(gateway)
    assert found["topup_oldest_due_seconds"] == 61.0
    assert found["topup_overlooked_seconds"] == 61.0


async def test_deliveries_that_wait_for_less_than_a_minute_are_no_alarm(
    gateway: Gateway, clock: FixedClock
) -> None:
    database = gateway.context.database
    tenant = Tenant(await gateway.account(), "staging")
    await given_endpoint(database, clock, tenant)
    await given_events(database, clock, tenant, count=3)
    clock.advance_s(59)

    alarm = await gateway.client.get("/healthz/deliveries")
    lines = (await gateway.client.get("/metrics")).text.splitlines()

    assert alarm.status_code == 200
    assert alarm.json() == {"state": "ok", "oldest_due_s": 59.0, "overlooked_s": 0.0}
    assert "topup_deliveries_due 3.0" in lines


async def test_what_is_due_is_counted_up_to_a_hundred_of_each_enabled_endpoint(
    gateway: Gateway, clock: FixedClock
) -> None:
    database = gateway.context.database
    busy = Tenant(await gateway.account(), "staging")
    held = Tenant(await gateway.account(), "staging")
    await given_endpoint(database, clock, busy)
    disabled, _ = await given_endpoint(database, clock, held)
    await given_events(database, clock, busy, count=101)
    await given_events(database, clock, held, count=2)

    async def disable(tx: Transaction) -> None:
        text = "UPDATE endpoints SET status = 'disabled', disabled_at = :at WHERE id = :id"
        await tx.execute(text, at=clock.now_us(), id=disabled.id)

    await database.transaction(disable)
    clock.advance_s(1)

    lines = (await gateway.client.get("/metrics")).text.splitlines()

    assert "topup_deliveries_due 100.0" in lines


async def test_sends_are_counted_by_answer_and_environment(gateway: Gateway) -> None:
    key = await gateway.key(await gateway.account())
    assert (await send(gateway, key)).json()["code"] == 1001
    assert (await send(gateway, key)).json()["code"] == 1001
    assert (await send(gateway, "ak_staging_nonsense")).json()["code"] == 2001

    lines = (await gateway.client.get("/metrics")).text.splitlines()

    assert 'topup_sends_total{code="1001",environment="staging"} 2.0' in lines
    assert 'topup_sends_total{code="2001",environment="none"} 1.0' in lines
    assert 'topup_batch_seconds_count{batch="till"} 2.0' in lines
    assert "topup_queue_depth 0.0" in lines


@pytest.mark.one_database
async def test_when_the_ledger_was_proved_is_shown_once_somebody_has_looked(
    gateway: Gateway, database_url: str, tmp_path: Path
) -> None:
    async def note(tx: Transaction) -> None:
        await note_proof(tx, began_at=1_781_352_000_000_000, ended_at=0, findings=0)
        await note_proof(tx, began_at=1_781_352_999_000_000, ended_at=0, findings=7)

    before = (await gateway.client.get("/metrics")).text
    await gateway.context.database.transaction(note)
    # Another process: this one asks the database every quarter of a minute.
    async with running(settings_of(database_url, tmp_path / "other")) as other:
        after = (await other.client.get("/metrics")).text.splitlines()

    assert "\ntopup_ledger" not in before
    assert "topup_ledger_proved_timestamp_seconds 1.781352e+09" in after
    assert "topup_ledger_findings 7.0" in after


@pytest.mark.one_database
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


@pytest.mark.one_database
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
    tenant = Tenant(await gateway.account(), "staging")
    await given_endpoint(gateway.context.database, clock, tenant)
    before, began_s = gateway.context.database.statements_run, time.monotonic()

    answers = await asyncio.gather(*(ready(gateway) for _ in range(20)))
    took_s = time.monotonic() - began_s

    assert set(answers) == {(200, "ok")}
    # A row written for it, BEGIN, the row, its token and COMMIT; BEGIN, the look, COMMIT: once a second,
    # where a busy machine takes so long over the twenty.
    assert gateway.context.database.statements_run - before <= 7 * (1 + took_s)


async def test_an_account_lists_its_notices(gateway: Gateway, clock: FixedClock) -> None:
    database = gateway.context.database
    account_id = await gateway.account()
    key = await gateway.key(account_id)
    endpoints = [
        (await given_endpoint(database, clock, Tenant(account_id, "staging"), events=[type_]))[0]
        for type_ in ("topup.delivered", "order.paid")
    ]
    await fail_one(database, clock, Tenant(account_id, "staging"))
    clock.advance_s(60)
    await fail_one(database, clock, Tenant(account_id, "staging"), 200)
    await given_events(database, clock, Tenant(account_id, "staging"), type_="order.paid")

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
    tenant = Tenant(account_id, "staging")
    await given_endpoint(database, clock, tenant)

    for _ in range(3):
        await fail_one(database, clock, tenant)
        clock.advance_s(1)
        await fail_one(database, clock, tenant, 200)
        clock.advance_s(1)

    first = (await gateway.call("GET", "/notices", key=key, params={"limit": 2})).json()["data"]
    cursor = {"cursor": first["next_cursor"]}
    rest = (await gateway.call("GET", "/notices", key=key, params=cursor)).json()["data"]
    starts = [one["failing_since"] for one in (*first["items"], *rest["items"])]
    assert starts == ["2026-06-13T12:00:04Z", "2026-06-13T12:00:02Z", "2026-06-13T12:00:00Z"]
    assert (first["has_more"], rest["has_more"]) == (True, False)


@pytest.mark.one_database
@pytest.mark.parametrize("cursor", ["dlv_0000000000000000", "x"])
async def test_a_cursor_of_another_list_is_refused(gateway: Gateway, cursor: str) -> None:
    key = await gateway.key(await gateway.account())

    for path in ("/notices", "/deliveries"):
        answer = await gateway.call("GET", path, key=key, params={"cursor": cursor})
        assert (answer.status_code, answer.json()["code"]) == (422, 2007)


async def send(gateway: Gateway, key: str) -> httpx.Response:
    body = {"platform": "claude", "amount_cents": 100, "recipient_email": "user@example.com"}
    return await gateway.call("POST", "/topup/send", key=key, json=body)


async def until_ready(gateway: Gateway) -> None:
    async with asyncio.timeout(10):
        # It asks at most once a second whether anything can be kept again.
        while (await checks(gateway))[0] == 503:  # noqa: ASYNC110
            await asyncio.sleep(0.1)


async def hide(tx: Transaction) -> None:
    await tx.execute("ALTER TABLE commit_tokens RENAME TO hidden")


async def show(tx: Transaction) -> None:
    await tx.execute("ALTER TABLE hidden RENAME TO commit_tokens")


async def test_readiness_is_red_while_nothing_can_be_kept_and_green_again_by_itself(
    gateway: Gateway,
) -> None:
    database = gateway.context.database
    await database.transaction(hide, durable=False)

    red = await checks(gateway)
    await database.transaction(show, durable=False)

    assert red == (503, {"database": "ok", "batches": "ok", "writes": "refused"})
    await until_ready(gateway)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_a_stopped_writer_turns_readiness_red_and_callers_are_told_in_time(
    gateway: Gateway, database_url: str
) -> None:
    key = await gateway.key(await gateway.account())
    turn_fd = os.open(f"{database_url.removeprefix('sqlite:///')}.turn", os.O_RDWR)
    fcntl.flock(turn_fd, fcntl.LOCK_EX)
    began_s = time.monotonic()

    sent = await send(gateway, key)
    took_s = time.monotonic() - began_s
    red = await checks(gateway)
    os.close(turn_fd)

    assert sent.status_code == 503
    assert took_s < 9.0
    assert red[0] == 503
    assert red[1]["writes"] == "refused"
    await until_ready(gateway)
    assert (await send(gateway, key)).status_code == 200


@pytest.mark.new_database
@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
async def test_a_read_only_server_turns_readiness_red(gateway: Gateway, database_url: str) -> None:
    key = await gateway.key(await gateway.account())
    name = database_url.rpartition("/")[2]
    end_sessions = """
        SELECT pg_terminate_backend(pid) FROM pg_stat_activity
        WHERE pid <> pg_backend_pid() AND datname = $1"""
    other = await asyncpg.connect(database_url)

    async def become(word: str) -> None:
        await other.execute(f"ALTER DATABASE {name} SET default_transaction_read_only = {word}")
        # Those that are open keep what they began with.
        await other.execute(end_sessions, name)

    try:
        await become("on")
        sent = await send(gateway, key)
        red = await checks(gateway)
        await other.execute("SET default_transaction_read_only = off")
        await become("off")
    finally:
        await other.close()

    assert sent.status_code == 503
    assert red == (503, {"database": "ok", "batches": "ok", "writes": "refused"})
    await until_ready(gateway)
    assert (await send(gateway, key)).status_code == 200
