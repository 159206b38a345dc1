"""Each documented error, made by a real call: a client that reads the error alone gets what it wanted, or
stops where the answer says that only a person helps.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple

import httpx
import pytest

from gateway.answers import response_codes as codes
from gateway.answers.response_codes import CODES
from tests.gateway.repair.tiny_client import TinyClient
from tests.support.gateway import API, Gateway
from tests.support.receiver import Received, Receiver

pytestmark = pytest.mark.one_database

SEND = {"platform": "claude", "amount_cents": 1000, "recipient_email": "user@example.com"}
# Made by a vendor or a database that is away; waiting is all that their answers ask for, as 4001's do.
NOT_MADE_HERE = {codes.PROVIDER_UNAVAILABLE, codes.INTERNAL, codes.PAYMENT_REQUIRED}
WANTED = "got what it wanted"
PERSON = "a person has to help"


class Wrong(NamedTuple):
    """A call that is refused: below the API, with this key."""

    method: str
    path: str
    key: str
    body: Any = None


Provoke = Callable[[Gateway, str], Awaitable[Wrong]]


async def _send(gateway: Gateway, key: str, **fields: Any) -> dict[str, Any]:
    answer = await gateway.call("POST", "/topup/send", key=key, json={**SEND, **fields})
    told: dict[str, Any] = answer.json()
    return told


async def _mistyped_key(_gateway: Gateway, _account: str) -> Wrong:
    return Wrong("POST", "/topup/send", "ak_staging_short", SEND)


async def _empty_wallet(gateway: Gateway, account: str) -> Wrong:
    key = await gateway.key(account)
    for _ in range(10):
        await _send(gateway, key, amount_cents=100_000)
    return Wrong("POST", "/topup/send", key, SEND)


def _wrong_field(name: str, value: object) -> Provoke:
    async def provoke(gateway: Gateway, account: str) -> Wrong:
        return Wrong("POST", "/topup/send", await gateway.key(account), {**SEND, name: value})

    return provoke


async def _repeated_reference(gateway: Gateway, account: str) -> Wrong:
    key = await gateway.key(account)
    await _send(gateway, key, reference="invoice 7")
    return Wrong("POST", "/topup/send", key, {**SEND, "reference": "invoice 7"})


async def _above_the_cap(gateway: Gateway, account: str) -> Wrong:
    return Wrong("POST", "/topup/send", await gateway.key(account, per_call_cents=500), SEND)


async def _used_up(gateway: Gateway, account: str) -> Wrong:
    key = await gateway.key(account, lifetime_cents=1000)
    await _send(gateway, key)
    return Wrong("POST", "/topup/send", key, SEND)


async def _without_scope(gateway: Gateway, account: str) -> Wrong:
    return Wrong("POST", "/topup/send", await gateway.key(account, scopes=["topup:read"]), SEND)


async def _revoked_key(gateway: Gateway, account: str) -> Wrong:
    key, made = await _child(gateway, account)
    await gateway.call("DELETE", f"/keys/{made['id']}", key=key)
    return Wrong("POST", "/topup/send", made["key"], SEND)


async def _child(gateway: Gateway, account: str) -> tuple[str, dict[str, Any]]:
    key = await gateway.key(account)
    made = await gateway.call("POST", "/keys", key=key, json={"name": "Child"})
    return key, made.json()["data"]


async def _redeemed_code(gateway: Gateway, account: str) -> Wrong:
    key = await gateway.key(account)
    code = {"code": (await _send(gateway, key))["data"]["voucher_code"]}
    await gateway.call("POST", "/vouchers/redeem", key=key, json=code)
    return Wrong("POST", "/vouchers/redeem", key, code)


async def _one_endpoint_too_many(gateway: Gateway, _account: str) -> Wrong:
    made = (await gateway.call("POST", "/keys/sandbox")).json()["data"]
    for _ in range(2):
        await gateway.call(
            "POST", "/webhooks/register", key=made["key"], json={"url": "https://192.0.2.1/hook"}
        )
    return Wrong("POST", "/webhooks/register", made["key"], {"url": "https://192.0.2.1/hook"})


async def _cancel_of_delivered(gateway: Gateway, account: str) -> Wrong:
    key = await gateway.key(account)
    sent = await _send(gateway, key)
    return Wrong("POST", "/topup/cancel", key, {"transaction_id": sent["transaction_id"]})


async def _unknown_path(gateway: Gateway, account: str) -> Wrong:
    return Wrong("GET", "/topup/ballance", await gateway.key(account))


async def _unknown_top_up(gateway: Gateway, account: str) -> Wrong:
    path = "/topup/status/txn_00000000000000000000000000"
    return Wrong("GET", path, await gateway.key(account))


async def _cancelled_before(gateway: Gateway, account: str) -> Wrong:
    key = await gateway.key(account)
    sent = await _send(gateway, key, recipient_email="pending@sandbox.test")
    body = {"transaction_id": sent["transaction_id"]}
    await gateway.call("POST", "/topup/cancel", key=key, json=body)
    return Wrong("POST", "/topup/cancel", key, body)


async def _used_voucher(gateway: Gateway, account: str) -> Wrong:
    key = await gateway.key(account)
    sent = await _send(gateway, key)
    code = {"code": sent["data"]["voucher_code"]}
    await gateway.call("POST", "/vouchers/redeem", key=key, json=code)
    path = f"/topup/{sent['transaction_id']}/reverse"
    return Wrong("POST", path, key, {"reason": "wrong person"})


async def _approve_of_an_ended_key(gateway: Gateway, account: str) -> Wrong:
    key, made = await _child(gateway, account)
    asked = await _send(gateway, made["key"], recipient_email="approval@sandbox.test")
    await gateway.call("DELETE", f"/keys/{made['id']}", key=key)
    approver = await gateway.key(account)
    return Wrong("POST", f"/approvals/{asked['data']['approval']['id']}/approve", approver, {})


async def _bulk_of_wrong_items(gateway: Gateway, account: str) -> Wrong:
    items = [{**SEND, "reference": one, "amount_cents": 10} for one in ("a", "b")]
    return Wrong("POST", "/topup/bulk", await gateway.key(account), {"items": items})


async def _foreign_address(gateway: Gateway, account: str) -> Wrong:
    key = await gateway.key(account, ip_allow_list=["192.0.2.0/24"])
    return Wrong("POST", "/topup/send", key, SEND)


async def _wrong_method(gateway: Gateway, account: str) -> Wrong:
    return Wrong("POST", "/topup/balance", await gateway.key(account))


async def _dead_receiver(gateway: Gateway, account: str) -> Wrong:
    key = await gateway.key(account)
    body = {"url": "https://192.0.2.1/hook"}
    made = (await gateway.call("POST", "/webhooks/register", key=key, json=body)).json()["data"]
    return Wrong("POST", f"/webhooks/{made['id']}/test", key, {"event": "topup.delivered"})


CASES: list[tuple[int, Provoke, str]] = [
    (codes.INVALID_KEY, _mistyped_key, WANTED),
    (codes.INSUFFICIENT_BALANCE, _empty_wallet, WANTED),
    (codes.INVALID_PLATFORM, _wrong_field("platform", "cluade"), WANTED),
    (codes.INVALID_RECIPIENT, _wrong_field("recipient_email", "user@"), WANTED),
    (codes.AMOUNT_OUT_OF_RANGE, _wrong_field("amount_cents", 10), WANTED),
    (codes.DUPLICATE, _repeated_reference, PERSON),
    (codes.MALFORMED, _wrong_field("curency", "USD"), WANTED),
    (codes.CAP_EXCEEDED, _above_the_cap, WANTED),
    (codes.CAP_EXCEEDED, _used_up, PERSON),
    (codes.MISSING_SCOPE, _without_scope, PERSON),
    (codes.KEY_ENDED, _revoked_key, PERSON),
    (codes.NOT_REDEEMABLE, _redeemed_code, PERSON),
    (codes.LIMIT_REACHED, _one_endpoint_too_many, PERSON),
    (codes.ALREADY_DELIVERED, _cancel_of_delivered, PERSON),
    (codes.NOT_FOUND, _unknown_path, WANTED),
    (codes.NOT_FOUND, _unknown_top_up, WANTED),
    (codes.ALREADY_SETTLED, _cancelled_before, PERSON),
    (codes.FAILED_REFUNDED, _wrong_field("recipient_email", "failed@sandbox.test"), PERSON),
    (codes.ALREADY_USED, _used_voucher, PERSON),
    (codes.REQUESTER_BLOCKED, _approve_of_an_ended_key, PERSON),
    (codes.ADDRESS_NOT_ALLOWED, _foreign_address, PERSON),
    (codes.METHOD_NOT_ALLOWED, _wrong_method, WANTED),
    (codes.DELIVERY_FAILED, _dead_receiver, PERSON),
]
# Tests of their own, below and of bulk sends: two end by waiting, the address of an example is no receiver, and
# of many items each has errors of its own.
APART = {codes.RATE_LIMITED, codes.KEY_IN_PROGRESS, codes.URL_INVALID, codes.NONE_ACCEPTED}


def test_no_documented_error_is_left_out() -> None:
    errors = {code for code, row in CODES.items() if not row.is_success}

    assert {code for code, _, _ in CASES} | APART | NOT_MADE_HERE == errors


@pytest.mark.parametrize(
    ("code", "provoke", "end"), CASES, ids=[f"{code}-{how.__name__}" for code, how, _ in CASES]
)
async def test_an_error_is_repaired_or_says_that_a_person_must(
    gateway: Gateway, code: int, provoke: Provoke, end: str
) -> None:
    wrong = await provoke(gateway, await gateway.account(email="me@example.com"))
    headers = {"Authorization": f"Bearer {wrong.key}"}
    refused = await gateway.call(wrong.method, wrong.path, key=wrong.key, json=wrong.body)
    client = TinyClient(gateway, headers)

    answer = await client.call(wrong.method, f"{gateway.url}{API}{wrong.path}", wrong.body)

    assert refused.json()["code"] == code
    assert answer.json()["success"] is (end == WANTED)
    assert client.asked_person is (end == PERSON)


@pytest.mark.gateway_settings(rate_limit_per_s=1)
async def test_who_is_too_fast_waits_as_long_as_it_is_told(gateway: Gateway) -> None:
    key = await gateway.key(await gateway.account())
    waited: list[float] = []

    async def wait(seconds: float) -> None:
        waited.append(seconds)
        await asyncio.sleep(seconds)

    client = TinyClient(gateway, {"Authorization": f"Bearer {key}"}, wait)
    url = f"{gateway.url}{API}/topup/balance"
    answers: list[httpx.Response] = []
    # The third waits; on a machine that stands still for a second, a later one.
    while not waited and len(answers) < 100:
        answers.append(await client.call("GET", url))

    assert {answer.json()["success"] for answer in answers} == {True}
    assert waited == [1]


async def test_who_repeats_a_call_that_still_runs_gets_its_answer(gateway: Gateway) -> None:
    key = await gateway.key(await gateway.account())
    came, is_free = asyncio.Event(), asyncio.Event()

    async def answer(_received: Received) -> int:
        came.set()
        await is_free.wait()
        return 200

    async with Receiver(answer) as receiver:
        made = await gateway.call("POST", "/webhooks/register", key=key, json={"url": receiver.url})
        url = f"{gateway.url}{API}/webhooks/{made.json()['data']['id']}/test"
        headers = {"Authorization": f"Bearer {key}", "Idempotency-Key": "one"}
        body = {"event": "topup.delivered"}
        first = asyncio.create_task(TinyClient(gateway, headers).call("POST", url, body))
        await came.wait()
        waited: list[float] = []

        async def wait(seconds: float) -> None:
            waited.append(seconds)
            is_free.set()
            await first

        second = await TinyClient(gateway, headers, wait).call("POST", url, body)

    assert first.result().json()["success"]
    assert second.content == first.result().content
    assert [0 < seconds <= 60 for seconds in waited] == [True]
    assert len(receiver.received) == 1


async def test_an_address_that_cannot_be_called_comes_with_one_that_can(gateway: Gateway) -> None:
    key = await gateway.key(await gateway.account())

    refused = await gateway.call(
        "POST", "/webhooks/register", key=key, json={"url": "ftp://example.com/hook"}
    )

    assert refused.json()["code"] == 5002
    assert [
        (problem["param"], problem["example"])
        for problem in refused.json()["data"]["error"]["errors"]
    ] == [("url", "https://example.com/hook")]
