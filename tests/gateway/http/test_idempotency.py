"""One effect and one answer for a key, across parallel calls, environments and restarts."""

import asyncio
import base64
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from store.database import Transaction
from tests.support.gateway import Gateway, running, settings_of

HOOK = "http://127.0.0.1:9009/hook"


@pytest_asyncio.fixture
async def key(gateway: Gateway) -> str:
    return await gateway.key(await gateway.account(email="me@example.com"))


async def rows_of(gateway: Gateway, statement: str) -> list[Any]:
    async def work(tx: Transaction) -> list[Any]:
        return list(await tx.fetch(statement))

    return await gateway.context.database.read(work)


async def test_parallel_mints_with_one_key_make_one_key(gateway: Gateway, key: str) -> None:
    headers = {"Idempotency-Key": "mint-1"}

    answers = await asyncio.gather(
        *(
            gateway.call("POST", "/keys", key=key, json={"name": "one"}, headers=headers)
            for _ in range(20)
        )
    )

    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.content for answer in answers}) == 1
    replayed = [answer.headers.get("Idempotent-Replayed") for answer in answers]
    assert sorted(replayed, key=str) == [None] + ["true"] * 19
    assert len(await rows_of(gateway, "SELECT id FROM api_keys WHERE name = 'one'")) == 1


async def test_a_secret_is_stored_sealed_and_replayed_open(gateway: Gateway, key: str) -> None:
    headers = {"Idempotency-Key": "register-1"}
    body = {"url": HOOK}
    first = await gateway.call("POST", "/webhooks/register", key=key, json=body, headers=headers)
    secret = first.json()["data"]["secret"]

    second = await gateway.call("POST", "/webhooks/register", key=key, json=body, headers=headers)

    assert second.content == first.content
    (row,) = await rows_of(gateway, "SELECT body, is_sealed FROM idempotency_keys")
    assert row["is_sealed"] == 1
    assert secret.encode() not in row["body"]
    assert base64.b64decode(secret.removeprefix("whsec_")) not in row["body"]


@pytest.mark.parametrize("platform", ["claude", "pending"])
async def test_a_claim_link_is_replayed_and_not_stored(
    gateway: Gateway, key: str, platform: str
) -> None:
    to = "user@example.com" if platform == "claude" else "pending@sandbox.test"
    body = {"platform": "claude", "amount_cents": 500, "recipient_email": to}
    headers = {"Idempotency-Key": "send-1"}

    first = await gateway.call("POST", "/topup/send", key=key, json=body, headers=headers)
    second = await gateway.call("POST", "/topup/send", key=key, json=body, headers=headers)
    status = await gateway.call("GET", f"/topup/status/{first.json()['transaction_id']}", key=key)

    claim_url = first.json()["data"]["claim_url"]
    assert second.content == first.content
    assert claim_url == status.json()["data"]["claim_url"]
    (row,) = await rows_of(gateway, "SELECT body FROM idempotency_keys")
    assert claim_url.rpartition("/")[2].encode() not in row["body"]
    assert len(row["body"]) > 100


async def test_the_answer_survives_a_restart(database_url: str, tmp_path: Path) -> None:
    settings = settings_of(database_url, tmp_path)
    headers = {"Idempotency-Key": "register-1"}
    async with running(settings) as before:
        key = await before.key(await before.account())
        first = await before.call(
            "POST", "/webhooks/register", key=key, json={"url": HOOK}, headers=headers
        )

    async with running(settings) as after:
        second = await after.call(
            "POST", "/webhooks/register", key=key, json={"url": HOOK}, headers=headers
        )

    assert second.content == first.content
    assert second.headers["Idempotent-Replayed"] == "true"


async def test_another_request_under_the_key_is_2006(gateway: Gateway, key: str) -> None:
    headers = {"Idempotency-Key": "same"}
    await gateway.call("POST", "/keys", key=key, json={"name": "one"}, headers=headers)

    body = await gateway.call("POST", "/keys", key=key, json={"name": "two"}, headers=headers)
    path = await gateway.call("POST", "/tokens", key=key, json={"name": "one"}, headers=headers)

    for answered in (body, path):
        assert (answered.status_code, answered.json()["code"]) == (409, 2006)


async def test_a_reused_key_names_the_top_up_of_the_first_request(
    gateway: Gateway, key: str
) -> None:
    headers = {"Idempotency-Key": "sent"}
    order = {"platform": "claude", "amount_cents": 1000, "recipient_email": "pending@sandbox.test"}
    first = await gateway.call("POST", "/topup/send", key=key, json=order, headers=headers)
    told = {"transaction_id": first.json()["transaction_id"]}
    await gateway.call("POST", "/topup/cancel", key=key, json=told)

    other = {**order, "amount_cents": 2000}
    refused = await gateway.call("POST", "/topup/send", key=key, json=other, headers=headers)
    minted = await gateway.call("POST", "/keys", key=key, json={"name": "x"}, headers=headers)

    for answered in (refused, minted):
        envelope = answered.json()
        assert (answered.status_code, envelope["code"], envelope["success"]) == (409, 2006, False)
        # As it stands now, not as the first answer told it.
        assert (envelope["transaction_id"], envelope["status"]) == (*told.values(), "cancelled")


async def test_a_reused_key_of_another_kind_of_request_names_no_top_up(
    gateway: Gateway, key: str
) -> None:
    headers = {"Idempotency-Key": "minted"}
    await gateway.call("POST", "/keys", key=key, json={"name": "one"}, headers=headers)
    refused = await gateway.call("POST", "/keys", key=key, json={"name": "two"}, headers=headers)

    assert (refused.json()["transaction_id"], refused.json()["status"]) == (None, "error")


async def test_spacing_and_order_of_a_body_do_not_make_another_request(
    gateway: Gateway, key: str
) -> None:
    headers = {"Idempotency-Key": "same", "Content-Type": "application/json"}
    texts = (
        b'{"name":"one","scopes":["topup:send"]}',
        b'{ "scopes": ["topup:send"],\n "name": "\\u006fne" }',
        b'{"environment":"staging","name":"one","scopes":["topup:send"],"expires_at":null}',
    )

    answers = [
        await gateway.call("POST", "/keys", key=key, content=text, headers=headers)
        for text in texts
    ]

    assert [answered.status_code for answered in answers] == [201, 201, 201]
    assert len({answered.content for answered in answers}) == 1


async def test_a_refusal_is_not_kept_so_it_can_be_repaired(gateway: Gateway, key: str) -> None:
    headers = {"Idempotency-Key": "repair"}
    refused = await gateway.call(
        "POST", "/keys", key=key, json={"name": "", "scopes": []}, headers=headers
    )

    repaired = await gateway.call("POST", "/keys", key=key, json={"name": "ok"}, headers=headers)

    assert refused.status_code == 422
    assert repaired.status_code == 201


async def test_the_same_key_of_another_environment_or_account_is_another_key(
    gateway: Gateway,
) -> None:
    mine, theirs = await gateway.account(), await gateway.account()
    secrets = [
        await gateway.key(mine, "staging"),
        await gateway.key(mine, "live"),
        await gateway.key(theirs, "staging"),
    ]
    headers = {"Idempotency-Key": "k"}

    answers = [
        await gateway.call("POST", "/keys", key=secret, json={}, headers=headers)
        for secret in secrets
    ]

    assert len({answered.json()["data"]["id"] for answered in answers}) == 3


async def test_no_other_credential_is_given_a_stored_secret(gateway: Gateway, key: str) -> None:
    child = (await mint(gateway, key, "child", ["keys:write", "webhooks:write"]))["key"]
    asked: list[tuple[str, dict[str, Any], str]] = [
        ("/keys", {"name": "fresh", "scopes": ["topup:read"]}, "key"),
        ("/tokens", {"name": "fresh"}, "token"),
        ("/webhooks/register", {"url": HOOK}, "secret"),
    ]
    for path, body, secret in asked:
        headers = {"Idempotency-Key": f"once{path}"}
        first = await gateway.call("POST", path, key=key, json=body, headers=headers)
        answer = await gateway.call("POST", path, key=child, json=body, headers=headers)
        again = await gateway.call("POST", path, key=key, json=body, headers=headers)

        assert answer.status_code == 409
        assert answer.json()["code"] == 2006
        assert answer.json()["data"]["error"]["reason"] == "other_credential"
        assert first.json()["data"][secret] not in answer.text
        assert again.content == first.content


async def test_a_key_belongs_to_its_credential_through_every_rotation(
    gateway: Gateway, key: str
) -> None:
    send = {"platform": "claude", "amount_cents": 500, "recipient_email": "you@example.com"}
    headers = {"Idempotency-Key": "send-1"}
    made = await mint(gateway, key, "child", ["topup:send"])
    parents, childs = [
        await gateway.call("POST", "/topup/send", key=one, json=send, headers=headers)
        for one in (key, made["key"])
    ]
    rotated = await gateway.call("POST", f"/keys/{made['id']}/rotate", key=key)

    replayed = await gateway.call(
        "POST", "/topup/send", key=rotated.json()["data"]["key"], json=send, headers=headers
    )

    assert parents.json()["transaction_id"] != childs.json()["transaction_id"]
    assert "Idempotent-Replayed" not in childs.headers
    assert replayed.content == childs.content


async def mint(gateway: Gateway, key: str, name: str, scopes: list[str]) -> dict[str, Any]:
    answer = await gateway.call("POST", "/keys", key=key, json={"name": name, "scopes": scopes})
    assert answer.status_code == 201, answer.text
    return dict(answer.json()["data"])


@pytest.mark.one_database
async def test_a_malformed_key_is_2007(gateway: Gateway, key: str) -> None:
    for text in ("", "a b", "x" * 256, "\xe9", "tab\tbed"):
        answered = await gateway.call(
            "POST",
            "/keys",
            key=key,
            json={},
            headers={"Idempotency-Key": text.encode("latin-1")},  # type: ignore[dict-item]
        )

        assert (answered.status_code, answered.json()["code"]) == (422, 2007), text
        assert answered.json()["data"]["error"]["param"] == "Idempotency-Key"


@pytest.mark.one_database
async def test_two_keys_on_one_request_are_refused(gateway: Gateway, key: str) -> None:
    answered = await gateway.client.post(
        "/api/public/v1/keys",
        json={},
        headers=[
            ("Authorization", f"Bearer {key}"),
            ("Idempotency-Key", "a"),
            ("Idempotency-Key", "b"),
        ],
    )

    assert answered.json()["code"] == 2007


@pytest.mark.one_database
async def test_a_key_means_nothing_without_a_credential_or_on_a_dry_run(
    gateway: Gateway, key: str
) -> None:
    headers = {"Idempotency-Key": "k"}
    await gateway.call("POST", "/keys/sandbox", headers=headers)
    await gateway.call("POST", "/keys/sandbox", headers=headers)
    good = {"platform": "claude", "amount_cents": 1000}
    await gateway.call("POST", "/topup/validate", key=key, json=good, headers=headers)

    assert await rows_of(gateway, "SELECT digest FROM idempotency_keys") == []
    assert len(await rows_of(gateway, "SELECT id FROM accounts WHERE is_sandbox = 1")) == 2


async def test_a_test_ping_is_sent_once_for_a_key(gateway: Gateway, key: str) -> None:
    made = await gateway.call("POST", "/webhooks/register", key=key, json={"url": HOOK})
    path = f"/webhooks/{made.json()['data']['id']}/test"
    headers = {"Idempotency-Key": "ping"}

    first = await gateway.call("POST", path, key=key, headers=headers)
    second = await gateway.call("POST", path, key=key, headers=headers)

    assert (first.status_code, first.json()["code"]) == (422, 5001)
    assert second.content == first.content
    assert len(await rows_of(gateway, "SELECT id FROM attempts")) == 1
