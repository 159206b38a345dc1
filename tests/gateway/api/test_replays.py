"""Replay jobs as their callers see them, on both databases; the steps are in tests/webhooks."""

import asyncio
from typing import Any

import httpx
import pytest
import pytest_asyncio

from kernel.clock import FixedClock
from kernel.tenant import Tenant
from tests.support.gateway import Gateway
from tests.support.replay_history import Past, execute, given_past, rows, run_to_the_end
from tests.support.webhook_rows import given_endpoint

pytestmark = pytest.mark.fixed_clock


class Merchant:
    """An account with a key, an endpoint and three failed deliveries of the last minute."""

    def __init__(self, gateway: Gateway, tenant: Tenant, key: str, endpoint_id: str) -> None:
        self.gateway = gateway
        self.tenant = tenant
        self.key = key
        self.endpoint_id = endpoint_id

    async def post(
        self, path: str, body: dict[str, Any] | None = None, **arguments: Any
    ) -> httpx.Response:
        json = {} if body is None else body
        return await self.gateway.call("POST", path, key=self.key, json=json, **arguments)

    async def replay(self, body: dict[str, Any], **arguments: Any) -> httpx.Response:
        return await self.post(f"/webhooks/{self.endpoint_id}/replay", body, **arguments)

    async def get(self, path: str) -> dict[str, Any]:
        answer = await self.gateway.call("GET", path, key=self.key)
        assert answer.status_code == 200, answer.text
        return dict(answer.json()["data"])


@pytest_asyncio.fixture
async def merchant(gateway: Gateway, clock: FixedClock) -> Merchant:
    account_id = await gateway.account()
    tenant = Tenant(account_id, "staging")
    database = gateway.context.database
    endpoint, _ = await given_endpoint(database, clock, tenant)
    past = [Past(created_s=seconds, settled_s=20) for seconds in (60, 50, 40)]
    await given_past(database, tenant, endpoint.id, past)
    return Merchant(gateway, tenant, await gateway.key(account_id), endpoint.id)


async def test_a_replay_is_begun_watched_and_done(merchant: Merchant, clock: FixedClock) -> None:
    begun = await merchant.replay({"since": "2026-06-13T11:59:10Z", "rate_per_s": 5})
    data = begun.json()["data"]
    await run_to_the_end(merchant.gateway.context.database, clock)
    shown = await merchant.get(f"/replays/{data['id']}")
    listed = await merchant.get("/replays")

    assert (begun.status_code, begun.json()["code"]) == (202, 1000)
    assert data == {
        "id": data["id"],
        "status": "running",
        "paused_reason": None,
        "matched": 2,
        "queued": 0,
        "done": 0,
        "delivered": 0,
        "failed": 0,
        "rate_per_s": 5,
        "ramp": False,
        "endpoint_id": merchant.endpoint_id,
        "delivery_status": "failed",
        "events": [],
        "like": None,
        "since": "2026-06-13T11:59:10Z",
        "until": "2026-06-13T12:00:00Z",
        "created_at": "2026-06-13T12:00:00Z",
        "expected_end_at": None,
        "ended_at": None,
    }
    assert data["id"].startswith("rpl_")
    assert (shown["status"], shown["matched"], shown["done"]) == ("done", 2, 2)
    assert listed == {"items": [shown], "next_cursor": None, "has_more": False}
    deliveries = await merchant.get("/deliveries?status=delivered")
    assert all(one["replay_of"] for one in deliveries["items"])
    assert len(deliveries["items"]) == 2


async def test_a_dry_run_counts_and_writes_nothing(merchant: Merchant) -> None:
    body = {"until": "2026-06-13T11:59:20Z", "dry_run": True}

    counted = await merchant.replay(body, headers={"Idempotency-Key": "once"})
    begun = await merchant.replay({**body, "dry_run": False}, headers={"Idempotency-Key": "once"})

    assert counted.status_code == 202
    assert counted.json()["data"] == {
        "dry_run": True,
        "matched": 2,
        "rate_per_s": 50,
        "endpoint_id": merchant.endpoint_id,
        "delivery_status": "failed",
        "events": [],
        "like": None,
        "since": "1970-01-01T00:00:00Z",
        "until": "2026-06-13T11:59:20Z",
    }
    assert begun.status_code == 202
    assert begun.json()["data"]["matched"] == 2
    assert len((await merchant.get("/replays"))["items"]) == 1


async def test_the_same_key_begins_one_replay(merchant: Merchant) -> None:
    headers = {"Idempotency-Key": "once"}

    first = await merchant.replay({}, headers=headers)
    again = await merchant.replay({}, headers=headers)
    other = await merchant.replay({"rate_per_s": 1}, headers=headers)

    assert again.content == first.content
    assert again.headers["Idempotent-Replayed"] == "true"
    assert (other.status_code, other.json()["code"]) == (409, 2006)
    assert len((await merchant.get("/replays"))["items"]) == 1


async def test_no_replay_is_made_unless_its_answer_is_kept(
    merchant: Merchant, clock: FixedClock
) -> None:
    database = merchant.gateway.context.database
    await merchant.replay({"events": ["order.paid"]}, headers={"Idempotency-Key": "before"})
    # No other answer can be kept, as if the database were lost just then.
    await execute(database, "CREATE UNIQUE INDEX one_answer ON idempotency_keys (status)")
    failed = await merchant.replay({}, headers={"Idempotency-Key": "once"})
    left = await rows(database, "SELECT id FROM replays WHERE event_types = ''")
    await execute(database, "DROP INDEX one_answer")
    clock.advance_s(3600)  # beyond any lease

    again = await merchant.replay({}, headers={"Idempotency-Key": "once"})

    assert (failed.status_code, left) == (503, [])
    assert (again.status_code, again.json()["data"]["matched"]) == (202, 3)
    made = await rows(database, "SELECT id FROM replays ORDER BY id")
    told = "SELECT subject_id AS id FROM audit_log WHERE action = 'replay.created' ORDER BY 1"
    assert [one["id"] for one in await rows(database, told)] == [one["id"] for one in made]
    assert len(made) == 2


async def test_calls_at_once_under_one_key_begin_one_replay(merchant: Merchant) -> None:
    headers = {"Idempotency-Key": "once"}

    answers = await asyncio.gather(*(merchant.replay({}, headers=headers) for _ in range(4)))

    assert {(one.status_code, one.content) for one in answers} == {(202, answers[0].content)}
    assert len((await merchant.get("/replays"))["items"]) == 1


async def test_it_is_paused_resumed_and_cancelled(merchant: Merchant) -> None:
    id_ = (await merchant.replay({})).json()["data"]["id"]
    seen = []
    for change in ("pause", "pause", "resume", "resume", "cancel", "cancel"):
        answer = await merchant.post(f"/replays/{id_}/{change}")
        seen.append((answer.status_code, answer.json()["data"]["status"]))

    refused = await merchant.post(f"/replays/{id_}/resume")

    assert seen == [
        (200, "paused"),
        (200, "paused"),
        (200, "running"),
        (200, "running"),
        (200, "cancelled"),
        (200, "cancelled"),
    ]
    assert (refused.status_code, refused.json()["code"]) == (409, 3004)
    assert refused.json()["data"]["error"]["reason"] == "cancelled"


@pytest.mark.one_database
@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"since": "yesterday"}, "since"),
        ({"until": "2026-06-13T11:00:00"}, "until"),
        ({"since": "2026-06-13T11:00:00Z", "until": "2026-06-13T11:00:00Z"}, "since"),
        ({"status": "pending"}, "status"),
        ({"events": ["no.such"]}, "events"),
        ({"events": "topup.delivered"}, "events"),
        ({"rate_per_s": 0}, "rate_per_s"),
        ({"rate_per_s": 1.5}, "rate_per_s"),
        ({"dry_run": 1}, "dry_run"),
        ({"sinse": "2026-06-13T11:00:00Z"}, "sinse"),
    ],
)
async def test_a_bad_field_is_named(merchant: Merchant, body: dict[str, Any], param: str) -> None:
    refused = await merchant.replay(body)

    assert (refused.status_code, refused.json()["code"]) == (422, 2007)
    assert refused.json()["data"]["error"]["param"] == param


async def test_another_account_or_environment_finds_neither_endpoint_nor_replay(
    merchant: Merchant,
) -> None:
    gateway = merchant.gateway
    id_ = (await merchant.replay({})).json()["data"]["id"]
    strangers = [
        await gateway.key(merchant.tenant.account_id, "live"),
        await gateway.key(await gateway.account()),
    ]

    for key in strangers:
        for method, path in (
            ("POST", f"/webhooks/{merchant.endpoint_id}/replay"),
            ("GET", f"/replays/{id_}"),
            ("POST", f"/replays/{id_}/pause"),
            ("POST", f"/replays/{id_}/resume"),
            ("POST", f"/replays/{id_}/cancel"),
        ):
            body: dict[str, Any] | None = None if method == "GET" else {}
            answer = await gateway.call(method, path, key=key, json=body)
            assert (answer.status_code, answer.json()["code"]) == (404, 3003), path
        dry = await gateway.call(
            "POST",
            f"/webhooks/{merchant.endpoint_id}/replay",
            key=key,
            json={"dry_run": True},
        )
        listed = await gateway.call("GET", "/replays", key=key)
        assert dry.status_code == 404
        assert listed.json()["data"]["items"] == []
    [row] = await rows(gateway.context.database, "SELECT status FROM replays")
    assert row["status"] == "running"


@pytest.mark.one_database
async def test_reading_and_changing_need_their_scopes(merchant: Merchant) -> None:
    gateway = merchant.gateway
    reader = await gateway.key(merchant.tenant.account_id, scopes=("webhooks:read",))
    writer = await gateway.key(merchant.tenant.account_id, scopes=("webhooks:write",))
    id_ = (await merchant.replay({})).json()["data"]["id"]

    denied = [
        await gateway.call("POST", f"/replays/{id_}/cancel", key=reader, json={}),
        await gateway.call(
            "POST", f"/webhooks/{merchant.endpoint_id}/replay", key=reader, json={"dry_run": True}
        ),
        await gateway.call("GET", f"/replays/{id_}", key=writer),
        await gateway.call("GET", "/replays", key=writer),
    ]

    assert [(one.status_code, one.json()["code"]) for one in denied] == [(403, 2009)] * 4


async def test_a_second_press_is_refused_with_the_first_ones_id(merchant: Merchant) -> None:
    first = (await merchant.replay({})).json()["data"]["id"]

    second = await merchant.replay({})

    assert second.status_code == 409
    body = second.json()
    assert (body["code"], body["data"]["error"]["reason"]) == (2012, "replay_running")
    assert body["data"]["error"]["replay_id"] == first


async def test_lists_are_paged_newest_first(merchant: Merchant) -> None:
    types = ("topup.delivered", "topup.failed", "order.paid")
    made = [await merchant.replay({"events": [one]}) for one in types]
    ids = [one.json()["data"]["id"] for one in made]

    first = await merchant.get("/replays?limit=2")
    second = await merchant.get(f"/replays?limit=2&cursor={first['next_cursor']}")

    assert [one["id"] for one in first["items"]] == [ids[2], ids[1]]
    assert [one["id"] for one in second["items"]] == [ids[0]]
    assert second["has_more"] is False
