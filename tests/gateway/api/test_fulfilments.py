"""A fulfilment's own word about a pending top-up: believed under its signature, for that top-up only."""

import json
from typing import Any

import httpx
import pytest

from billing.topups.supplier_words import load_words
from kernel.clock import FixedClock
from keys.signatures.signing import signature_headers
from runtime.setting_forms.groups import PlatformSetting
from tests.support.gateway import Gateway

SECRET = "whsec_" + "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="
OTHER_SECRET = "whsec_" + "OTg3NjU0MzIxMDk4NzY1NDMyMTA5ODc2NTQzMjEwOTg="
SLOW = PlatformSetting(
    id="slow",
    name="Slow",
    fulfilment="http",
    options={"url": "https://service.example/topup", "secret": SECRET},
)
pytestmark = [pytest.mark.fixed_clock, pytest.mark.gateway_settings(platforms=(SLOW,))]
SEND = {"platform": "slow", "amount_cents": 600, "recipient_email": "user@example.com"}


async def send(gateway: Gateway, key: str, **fields: Any) -> str:
    answer = await gateway.call("POST", "/topup/send", key=key, json={**SEND, **fields})
    assert answer.json()["status"] == "pending", answer.text
    return str(answer.json()["transaction_id"])


def signed(
    body: bytes, clock: FixedClock, *, message_id: str, secret: str = SECRET, age_s: int = 0
) -> dict[str, str]:
    now_s = clock.now_us() // 1_000_000
    return {
        "Content-Type": "application/json",
        **signature_headers(
            secrets=[secret], message_id=message_id, timestamp_s=now_s - age_s, body=body
        ),
    }


async def tell(
    gateway: Gateway, topup_id: str, body: bytes, headers: dict[str, str]
) -> httpx.Response:
    return await gateway.call("POST", f"/fulfilment/{topup_id}", content=body, headers=headers)


def word(topup_id: str, status: str = "delivered", **more: Any) -> bytes:
    return json.dumps({"transaction_id": topup_id, "status": status, **more}).encode()


@pytest.mark.parametrize("scheme", ["standard", "stripe", "both"])
async def test_a_signed_word_settles_its_top_up_once(
    gateway: Gateway, clock: FixedClock, scheme: str
) -> None:
    key = await gateway.key(await gateway.account())
    topup_id = await send(gateway, key)
    headers = signed(word(topup_id), clock, message_id=topup_id)
    if scheme == "standard":
        del headers["X-AiTopUp-Signature"]
    if scheme == "stripe":
        headers = {name: headers[name] for name in ("Content-Type", "X-AiTopUp-Signature")}

    settled = await tell(gateway, topup_id, word(topup_id), headers)
    again = await tell(gateway, topup_id, word(topup_id), headers)

    assert [one.json()["status"] for one in (settled, again)] == ["delivered", "delivered"]
    status = await gateway.call("GET", f"/topup/status/{topup_id}", key=key)
    assert status.json()["code"] == 1001


@pytest.mark.parametrize("scheme", ["standard", "stripe", "both"])
async def test_what_was_signed_for_one_top_up_settles_no_other(
    gateway: Gateway, clock: FixedClock, scheme: str
) -> None:
    key = await gateway.key(await gateway.account())
    first, second = await send(gateway, key), await send(gateway, key)
    headers = signed(word(first), clock, message_id=first)
    if scheme == "standard":
        del headers["X-AiTopUp-Signature"]
    if scheme == "stripe":
        headers = {name: headers[name] for name in ("Content-Type", "X-AiTopUp-Signature")}

    replayed = await tell(gateway, second, word(first), headers)

    assert (replayed.status_code, replayed.json()["code"]) == (401, 2001)
    status = await gateway.call("GET", f"/topup/status/{second}", key=key)
    assert status.json()["code"] == 1002


async def test_another_message_id_body_secret_or_time_is_refused(
    gateway: Gateway, clock: FixedClock
) -> None:
    key = await gateway.key(await gateway.account())
    first, second = await send(gateway, key), await send(gateway, key)
    body = word(second)
    attempts = [
        (body, signed(body, clock, message_id=first)),
        (body, signed(word(first), clock, message_id=second)),
        (body, signed(body, clock, message_id=second, secret=OTHER_SECRET)),
        (body, signed(body, clock, message_id=second, age_s=301)),
        (body, signed(body, clock, message_id=second, age_s=-301)),
        (body, {"Content-Type": "application/json"}),
        (word(first), signed(word(first), clock, message_id=second)),
    ]

    answers = [await tell(gateway, second, *attempt) for attempt in attempts]
    unknown = await tell(
        gateway,
        "txn_0000000000000000",
        word("txn_0000000000000000"),
        signed(word("txn_0000000000000000"), clock, message_id="txn_0000000000000000"),
    )
    unnamed = b'{"status": "delivered"}'
    without = await tell(gateway, second, unnamed, signed(unnamed, clock, message_id=second))

    assert {(one.status_code, one.json()["code"]) for one in (*answers, unknown)} == {(401, 2001)}
    assert (without.status_code, without.json()["code"]) == (422, 2007)
    status = await gateway.call("GET", f"/topup/status/{second}", key=key)
    assert status.json()["code"] == 1002


async def test_a_fulfilment_does_not_settle_what_waits_for_a_person(
    gateway: Gateway, clock: FixedClock
) -> None:
    key = await gateway.key(await gateway.account(), approval_threshold_cents=500)
    topup_id = await send(gateway, key)
    body = word(topup_id, "failed", reason="no such user")

    answer = await tell(gateway, topup_id, body, signed(body, clock, message_id=topup_id))

    assert (answer.status_code, answer.json()["code"]) == (403, 2009)
    assert answer.json()["data"]["error"]["reason"] == "awaits_approval"


async def test_a_word_against_its_own_word_is_answered_409_kept_and_changes_nothing(
    gateway: Gateway, clock: FixedClock
) -> None:
    key = await gateway.key(await gateway.account())
    topup_id = await send(gateway, key)

    async def say(status: str, **more: Any) -> httpx.Response:
        body = word(topup_id, status, **more)
        return await tell(gateway, topup_id, body, signed(body, clock, message_id=topup_id))

    code = {"kind": "code", "value": "GIFT-1234-5678"}
    other = {"kind": "code", "value": "GIFT-9999-0000"}
    settled = await say("delivered", deliverable=code)
    repeat = await say("delivered", deliverable=code)
    denied = await say("failed", reason="sold out")
    second = await say("delivered", deliverable=other)

    assert [one.status_code for one in (settled, repeat, denied, second)] == [200, 200, 409, 409]
    error = denied.json()
    assert (error["code"], error["status"], error["transaction_id"]) == (
        3004,
        "delivered",
        topup_id,
    )
    assert 'It said "failed" after it had delivered' in error["data"]["error"]["detail"]
    assert "GIFT" not in denied.text + second.text
    told = await gateway.call("GET", f"/topup/status/{topup_id}", key=key)
    assert told.json()["code"] == 1001
    kept = await gateway.context.database.read(lambda tx: load_words(tx, [topup_id]))
    assert sorted((one.word, one.why, one.hint) for one in kept[topup_id]) == [
        ("delivered", "second", "0000"),
        ("failed", "second", None),
    ]


async def test_a_code_of_another_top_up_is_answered_409_and_waits_for_a_person(
    gateway: Gateway, clock: FixedClock
) -> None:
    key = await gateway.key(await gateway.account())
    first, second = await send(gateway, key), await send(gateway, key)
    code = {"kind": "code", "value": "GIFT-1234-5678"}
    answers = []
    for topup_id in (first, second):
        body = word(topup_id, deliverable=code)
        headers = signed(body, clock, message_id=topup_id)
        answers.append(await tell(gateway, topup_id, body, headers))

    assert [one.status_code for one in answers] == [200, 409]
    assert answers[1].json()["status"] == "pending"
    assert (
        f"The same was delivered for {first} before."
        in answers[1].json()["data"]["error"]["detail"]
    )
    told = await gateway.call("GET", f"/topup/status/{second}", key=key)
    assert told.json()["code"] == 1002
