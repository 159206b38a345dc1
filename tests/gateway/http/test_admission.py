"""Who is let in, how often, and what the log says about it."""

import logging
import shutil
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio

from gateway.http.access_log import AccessLog
from kernel.clock import FixedClock
from keys.principal import ACCOUNT_SCOPES
from tests.support.gateway import Gateway, running, settings_of

LOGGER = AccessLog.__module__
CALLS_MAX = 200


@pytest.fixture
def settings_base(sqlite_template: Path, tmp_path: Path) -> dict[str, Any]:
    shutil.copy(sqlite_template, tmp_path / "topup.db")
    return {"database_url": f"sqlite:///{tmp_path}/topup.db", "data_dir": tmp_path}


@pytest_asyncio.fixture
async def gateway(settings_base: dict[str, Any]) -> AsyncIterator[Gateway]:
    async with running(settings_of(**settings_base)) as opened:
        yield opened


@pytest.mark.parametrize(
    "header",
    [
        "",
        "Bearer",
        "Basic dXNlcjpwYXNz",
        "ak_staging_abc",
        "Bearer ak_staging_" + "x" * 32,
        "Bearer ak_live_" + "0" * 5000,
        "Bearer \xff\xfe",
        "Bearer a, Bearer b",
    ],
)
async def test_a_header_that_is_no_credential_is_2001(gateway: Gateway, header: str) -> None:
    answer = await gateway.client.get(
        "/api/public/v1/topup/balance",
        headers={b"Authorization": header.encode("latin-1")},
    )

    assert (answer.status_code, answer.json()["code"]) == (401, 2001)
    assert answer.headers["WWW-Authenticate"] == "Bearer"


async def test_the_scheme_is_read_in_any_case(gateway: Gateway) -> None:
    key = await gateway.key(await gateway.account())

    answer = await gateway.call("GET", "/topup/balance", headers={"Authorization": f"BEARER {key}"})

    assert answer.status_code == 200


async def test_a_revoked_key_is_2010(gateway: Gateway) -> None:
    account_id = await gateway.account()
    parent = await gateway.key(account_id)
    child = (await gateway.call("POST", "/keys", key=parent, json={"name": "c"})).json()["data"]

    await gateway.call("DELETE", f"/keys/{child['id']}", key=parent)
    answer = await gateway.call("GET", "/topup/balance", key=child["key"])

    assert (answer.status_code, answer.json()["code"]) == (401, 2010)
    assert answer.json()["data"]["error"]["reason"] == "revoked"


async def test_a_missing_scope_is_2009_and_names_it(gateway: Gateway) -> None:
    key = await gateway.key(await gateway.account(), scopes=["topup:read"])

    answer = await gateway.call("POST", "/topup/send", key=key, json={})

    assert (answer.status_code, answer.json()["code"]) == (403, 2009)
    assert answer.json()["data"]["error"]["required_scopes"] == ["topup:send"]


async def test_a_scope_is_judged_before_the_body(gateway: Gateway) -> None:
    key = await gateway.key(await gateway.account(), scopes=["topup:read"])

    answer = await gateway.call("POST", "/topup/send", key=key, content=b"{nonsense")

    assert answer.json()["code"] == 2009


async def test_an_address_outside_the_allow_list_is_4002(gateway: Gateway) -> None:
    account_id = await gateway.account()
    inside = await gateway.key(account_id, ip_allow_list=["127.0.0.0/8"])
    outside = await gateway.key(account_id, ip_allow_list=["192.0.2.0/24"])

    let_in = await gateway.call("GET", "/topup/balance", key=inside)
    refused = await gateway.call("GET", "/topup/balance", key=outside)
    claimed = await gateway.call(
        "GET", "/topup/balance", key=outside, headers={"X-Forwarded-For": "192.0.2.1"}
    )

    assert let_in.status_code == 200
    for answer in (refused, claimed):
        assert (answer.status_code, answer.json()["code"]) == (403, 4002)


async def test_a_trusted_proxy_says_who_calls(settings_base: dict[str, Any]) -> None:
    settings = settings_of(**settings_base, trusted_proxies="127.0.0.1/32")
    async with running(settings) as gateway:
        key = await gateway.key(await gateway.account(), ip_allow_list=["192.0.2.0/24"])

        answer = await gateway.call(
            "GET", "/topup/balance", key=key, headers={"X-Forwarded-For": "203.0.113.9, 192.0.2.1"}
        )

    assert answer.status_code == 200


async def test_a_body_that_names_the_other_environment_is_2009(gateway: Gateway) -> None:
    key = await gateway.key(await gateway.account(), "staging")

    answer = await gateway.call("POST", "/keys", key=key, json={"environment": "live"})
    query = await gateway.call("GET", "/keys?environment=live", key=key)
    same = await gateway.call("POST", "/keys", key=key, json={"environment": "staging"})

    assert (answer.status_code, answer.json()["code"]) == (403, 2009)
    assert query.json()["code"] == 2009
    assert same.status_code == 201


async def until_refused(gateway: Gateway, key: str) -> list[httpx.Response]:
    """The answers up to the first refusal. On a slow machine the bucket is filled again meanwhile."""
    answers: list[httpx.Response] = []
    while not answers or answers[-1].status_code == 200:
        assert len(answers) < CALLS_MAX
        answers.append(await gateway.call("GET", "/platforms", key=key))
    return answers


async def test_the_rate_limit_is_told_and_then_enforced(settings_base: dict[str, Any]) -> None:
    async with running(settings_of(**settings_base, rate_limit_per_s=1)) as gateway:
        key = await gateway.key(await gateway.account())

        first = await gateway.call("GET", "/codes")
        answers = await until_refused(gateway, key)

    # It needs no key, and uses nothing of a key's limit.
    assert first.headers["RateLimit-Policy"] == '"default";q=2;w=2'
    assert first.headers["RateLimit"] == '"default";r=2;t=0'
    assert answers[0].status_code == 200
    assert answers[0].headers["RateLimit-Policy"] == '"default";q=2;w=2'
    assert answers[0].headers["RateLimit"] == '"default";r=1;t=1'
    refused = answers[-1]
    assert (refused.status_code, refused.json()["code"]) == (429, 4001)
    assert refused.headers["RateLimit"].startswith('"default";r=0;')
    error = refused.json()["data"]["error"]
    assert (error["retryable"], error["next_action"], error["limit"]) == (True, "wait", 2)
    assert int(refused.headers["Retry-After"]) == error["retry_after_s"] >= 1


async def test_each_credential_has_its_own_bucket(settings_base: dict[str, Any]) -> None:
    async with running(settings_of(**settings_base, rate_limit_per_s=1)) as gateway:
        account_id = await gateway.account()
        busy, idle = await gateway.key(account_id), await gateway.key(account_id)
        await until_refused(gateway, busy)

        answer = await gateway.call("GET", "/platforms", key=idle)

    assert answer.status_code == 200


async def test_many_keys_have_no_more_than_their_account(settings_base: dict[str, Any]) -> None:
    settings = settings_of(**settings_base, rate_limit_per_s=2, rate_limit_account_per_s=3)
    async with running(settings) as gateway:
        account_id, other_id = await gateway.account(), await gateway.account()
        keys = [await gateway.key(account_id) for _ in range(8)]
        other = await gateway.key(other_id)

        began_s = time.monotonic()
        answers = [await gateway.call("GET", "/platforms", key=keys[n % 8]) for n in range(32)]
        took_s = time.monotonic() - began_s
        neighbour = await gateway.call("GET", "/platforms", key=other)

    # A burst of six, and three for each second that it took: 32 would be within the keys' limits.
    assert sum(answer.status_code == 200 for answer in answers) <= 6 + 3 * took_s + 1
    refused = next(answer for answer in answers if answer.status_code == 429)
    assert refused.json()["data"]["error"]["detail"] == "too many requests by this account"
    assert refused.headers["RateLimit-Policy"] == '"account";q=6;w=2'
    assert refused.headers["RateLimit"].startswith('"account";r=0;')
    assert neighbour.status_code == 200


async def test_a_sandbox_account_has_a_fifth(settings_base: dict[str, Any]) -> None:
    settings = settings_of(**settings_base, rate_limit_per_s=2, rate_limit_account_per_s=15)
    async with running(settings) as gateway:
        account_id = await gateway.account(is_sandbox=True)
        keys = [await gateway.key(account_id) for _ in range(4)]
        answers = [await gateway.call("GET", "/platforms", key=keys[n % 4]) for n in range(16)]

    policies = {answer.headers["RateLimit-Policy"] for answer in answers}
    assert policies == {'"default";q=4;w=2', '"account";q=6;w=2'}


async def test_rate_limit_zero_is_off(gateway: Gateway) -> None:
    key = await gateway.key(await gateway.account())

    answer = await gateway.call("GET", "/platforms", key=key)

    assert "RateLimit" not in answer.headers


async def test_an_agent_is_at_its_first_topup_in_two_calls(gateway: Gateway) -> None:
    made = await gateway.call("POST", "/keys/sandbox")
    data = made.json()["data"]

    sent = await gateway.call(
        "POST",
        "/topup/send",
        key=data["key"],
        json={"platform": "claude", "amount_cents": 1000, "recipient_email": "user@example.com"},
    )

    assert made.status_code == 201
    assert data["environment"] == "staging"
    assert data["account_id"].startswith("acc_")
    assert set(data["scopes"]) == set(ACCOUNT_SCOPES)
    assert sent.json()["code"] == 1001


async def test_five_sandbox_accounts_an_hour_for_one_address(gateway: Gateway) -> None:
    answers = [await gateway.call("POST", "/keys/sandbox") for _ in range(6)]

    assert [answer.status_code for answer in answers] == [201] * 5 + [429]
    # A token comes back each twelve minutes.
    assert 600 < int(answers[-1].headers["Retry-After"]) <= 720


async def test_self_service_can_be_turned_off(settings_base: dict[str, Any]) -> None:
    async with running(settings_of(**settings_base, self_serve_staging=False)) as gateway:
        answer = await gateway.call("POST", "/keys/sandbox")

    assert (answer.status_code, answer.json()["code"]) == (404, 3003)


async def test_there_is_no_sandbox_in_live(gateway: Gateway) -> None:
    answer = await gateway.call("POST", "/keys/sandbox", json={"environment": "live"})

    assert (answer.status_code, answer.json()["code"]) == (403, 2009)


async def test_a_request_is_one_wide_line(
    gateway: Gateway, caplog: pytest.LogCaptureFixture
) -> None:
    account_id = await gateway.account()
    key = await gateway.key(account_id)
    good = {"platform": "claude", "amount_cents": 1000, "recipient_email": "user@example.com"}

    with caplog.at_level(logging.INFO, logger=LOGGER):
        answer = await gateway.call(
            "POST", "/topup/send", key=key, json=good, headers={"X-Request-Id": "r-1"}
        )

    (record,) = [record for record in caplog.records if record.name == LOGGER]
    fields: dict[str, Any] = vars(record)["fields"]
    assert record.getMessage() == "request"
    assert fields.pop("duration_ms") >= 0
    assert fields.pop("credential_id").startswith("key_")
    assert fields == {
        "request_id": "r-1",
        "method": "POST",
        "route": "/api/public/v1/topup/send",
        "status": 200,
        "code": 1001,
        "account_id": account_id,
        "environment": "staging",
        "transaction_id": answer.json()["transaction_id"],
        "is_replay": False,
        "address": "127.0.0.1",
    }


async def test_a_line_holds_nothing_that_the_caller_made_up(
    gateway: Gateway, caplog: pytest.LogCaptureFixture
) -> None:
    key = await gateway.key(await gateway.account())

    with caplog.at_level(logging.INFO, logger=LOGGER):
        await gateway.call("GET", "/vouchers/ATU-HUNT-ER2X", key=key)
        await gateway.call("GET", "/hunter2?token=hunter2", key=key)
        await gateway.call("POST", "/topup/send", key=key, json={"hunter2": "hunter2"})
        await gateway.client.get("/hunter2")

    lines = [str(vars(record)["fields"]) for record in caplog.records if record.name == LOGGER]
    assert len(lines) == 4
    for line in lines:
        assert "hunt" not in line.lower()
        assert key not in line


async def test_a_key_past_its_end_is_2010(settings_base: dict[str, Any], clock: FixedClock) -> None:
    async with running(settings_of(**settings_base), clock) as gateway:
        account_id = await gateway.account()
        key = await gateway.key(account_id, expires_at=clock.now_us() + 60_000_000)
        before = await gateway.call("GET", "/topup/balance", key=key)

        clock.advance_s(60)
        after = await gateway.call("GET", "/topup/balance", key=key)

    assert before.status_code == 200
    assert (after.status_code, after.json()["code"]) == (401, 2010)
