"""What staging may store is refused above a quota and without room on the disk, by every door; live goes on."""

from typing import Any

import httpx
import pytest

from kernel.clock import DAY_US, FixedClock, parse_rfc3339
from tests.support.browser import signed_in
from tests.support.gateway import Gateway
from tests.support.gateway_worker import delivering
from tests.support.mcp_agent import agent, error_of
from tests.support.operator_pages import account_of, operator, press
from tests.support.receiver import Receiver

SEND: dict[str, Any] = {"platform": "claude", "amount_cents": 100, "recipient_email": "a@mail.com"}
PENDING = {**SEND, "recipient_email": "pending@sandbox.test"}
MIDNIGHT = "2026-06-14T00:00:00Z"
NO_ROOM = 10**9
CHANGES: tuple[tuple[str, str, dict[str, Any]], ...] = (
    ("POST", "/topup/send", SEND),
    ("POST", "/topup/bulk", {"items": [SEND]}),
    ("POST", "/usage", {"amount_micros": 5_000, "description": "t"}),
    ("POST", "/holds", {"amount_micros": 9_000, "description": "a job"}),
    ("POST", "/keys", {"name": "more"}),
    ("POST", "/webhooks/register", {"url": "https://example.com/hook"}),
    ("POST", "/sandbox/fund", {"amount_cents": 100}),
)


async def fill(gateway: Gateway, account_id: str) -> None:
    """As the sweep marks it."""
    until = parse_rfc3339(MIDNIGHT)
    await gateway.context.database.transaction(
        lambda tx: tx.execute(
            "UPDATE accounts SET staging_full_until = :until WHERE id = :id",
            until=until,
            id=account_id,
        )
    )


@pytest.mark.fixed_clock
async def test_a_full_account_is_refused_by_each_door_until_midnight_and_its_live_key_never(
    gateway: Gateway, clock: FixedClock
) -> None:
    account_id = await gateway.account()
    key, live = await gateway.key(account_id), await gateway.key(account_id, "live")
    token = await gateway.system_token(account_id)
    other = await gateway.key(await gateway.account())
    held = (await gateway.call("POST", "/topup/send", key=key, json=PENDING)).json()

    await fill(gateway, account_id)
    clock.advance_s(1)

    for credential in (key, token):
        for method, path, body in CHANGES:
            refused = await gateway.call(method, path, key=credential, json=body)
            assert (refused.status_code, refused.json()["code"]) == (429, 4001), path
            error = refused.json()["data"]["error"]
            assert (error["reason"], error["resets_at"]) == ("staging_quota", MIDNIGHT)
            assert error["next_action"] == "wait"
            # From 12:00:01 on.
            assert error["retry_after_s"] == 12 * 3600 - 1
            assert MIDNIGHT in error["detail"]
    async with agent(gateway, key) as client:
        assert error_of(await client.send()) == (4001, "wait")
    dialect = await gateway.client.post(
        "/api/billing/topup",
        json={"pack_id": "pack_pro"},
        headers={"Authorization": f"Bearer {key}"},
    )
    assert dialect.status_code == 429, dialect.text
    # Reading and what gives back go on, as does everybody else.
    assert (await gateway.call("GET", "/topup/balance", key=key)).status_code == 200
    cancel = {"transaction_id": held["transaction_id"]}
    assert (await gateway.call("POST", "/topup/cancel", key=key, json=cancel)).json()[
        "code"
    ] == 3001
    assert (await gateway.call("POST", "/topup/send", key=other, json=SEND)).json()["code"] == 1001
    # Live has no credit, which is another thing.
    assert (await gateway.call("POST", "/topup/send", key=live, json=SEND)).json()["code"] == 2002

    clock.advance_s(DAY_US // 2_000_000)
    assert (await gateway.call("POST", "/topup/send", key=key, json=SEND)).json()["code"] == 1001


@pytest.mark.fixed_clock
async def test_what_a_full_account_may_still_call_stores_no_answer_but_finds_those_of_before(
    gateway: Gateway, clock: FixedClock
) -> None:
    account_id = await gateway.account()
    key = await gateway.key(account_id)
    child = (await gateway.call("POST", "/keys", key=key, json={"name": "child"})).json()["data"]
    path = f"/keys/{child['id']}/pause"

    async def pause(name: str) -> httpx.Response:
        headers = {"Idempotency-Key": name}
        return await gateway.call("POST", path, key=key, json={}, headers=headers)

    before = await pause("before")
    stored = await answers(gateway)
    await fill(gateway, account_id)
    clock.advance_s(1)
    after = [await pause(f"after-{number}") for number in range(3)]

    assert {one.status_code for one in (before, *after)} == {200}
    assert (await pause("before")).content == before.content
    assert await answers(gateway) == stored


async def answers(gateway: Gateway) -> int:
    """How many answers are stored under an Idempotency-Key."""
    rows = await gateway.context.database.read(
        lambda tx: tx.fetch("SELECT COUNT(*) AS count FROM idempotency_keys")
    )
    return int(rows[0]["count"])


@pytest.mark.one_database
@pytest.mark.fixed_clock
async def test_a_person_reads_it_where_they_pressed(gateway: Gateway, clock: FixedClock) -> None:
    ann = await signed_in(gateway, "ann@mail.com")
    await fill(gateway, await account_of(ann))
    clock.advance_s(1)

    form = {"platform": "claude", "amount": "1.00", "recipient_email": "u@mail.com", "step": "send"}
    refused = await press(ann, "/dashboard/send", "/dashboard/send", **form)

    assert f"Staging accepts changes again at {MIDNIGHT}" in refused.text
    boss = await operator(gateway)
    shown = await boss.get(f"/dashboard/admin/accounts/{await account_of(ann)}")
    assert "staging is full until" in shown.text


async def test_webhooks_of_what_was_accepted_go_out_from_a_full_account(gateway: Gateway) -> None:
    account_id = await gateway.account()
    key = await gateway.key(account_id)
    async with Receiver() as receiver:
        registered = await gateway.call(
            "POST", "/webhooks/register", key=key, json={"url": receiver.url}
        )
        assert registered.status_code == 201, registered.text
        assert (await gateway.call("POST", "/topup/send", key=key, json=SEND)).status_code == 200
        await fill(gateway, account_id)
        async with delivering(gateway):
            await receiver.at_least(1)


@pytest.mark.gateway_settings(staging_reserve_mb=NO_ROOM, staging_database_max_mb=1)
async def test_without_room_staging_is_refused_and_live_and_readiness_go_on(
    gateway: Gateway,
) -> None:
    account_id = await gateway.account()
    key, live = await gateway.key(account_id), await gateway.key(account_id, "live")

    for method, path, body in CHANGES:
        refused = await gateway.call(method, path, key=key, json=body)
        assert (refused.status_code, refused.json()["code"]) == (503, 5000), path
        error = refused.json()["data"]["error"]
        assert (error["reason"], error["retry_after_s"]) == ("storage_reserve", 60)
    sandbox = await gateway.call("POST", "/keys/sandbox", json={})
    assert (sandbox.status_code, sandbox.json()["code"]) == (503, 5000)
    assert (await gateway.call("GET", "/topup/balance", key=key)).status_code == 200
    assert (await gateway.call("POST", "/topup/send", key=live, json=SEND)).json()["code"] == 2002
    assert (await gateway.client.get("/readyz")).status_code == 200
    assert "topup_staging_closed 1.0" in (await gateway.client.get("/metrics")).text
    boss = await operator(gateway)
    assert "Staging is closed" in (await boss.get("/dashboard/admin/home")).text


@pytest.mark.gateway_settings(sandbox_total_mb_per_day=1)
async def test_no_sandbox_is_made_once_all_of_them_stored_as_much_as_they_may(
    gateway: Gateway,
) -> None:
    assert (await gateway.call("POST", "/keys/sandbox", json={})).status_code == 201
    now_us = gateway.context.clock.now_us()
    await gateway.context.database.transaction(
        lambda tx: tx.insert(
            "staging_storage",
            ("account_id", "day_start_at", "rows_stored", "bytes_stored", "counted_until_at"),
            [("unverified", now_us // DAY_US * DAY_US, 1, 1024 * 1024, now_us)],
        )
    )

    refused = await gateway.call("POST", "/keys/sandbox", json={})

    assert (refused.status_code, refused.json()["code"]) == (429, 4001)
    assert refused.json()["data"]["error"]["reason"] == "staging_quota"
