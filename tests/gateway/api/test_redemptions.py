"""POST /codes/redeem: what each kind of code answers, once, and that guessing ends soon."""

import asyncio
import csv
import io
import logging
from typing import Any

import pytest
import pytest_asyncio

from billing.catalog.coupon import create as create_coupon, new_coupon
from billing.credits.redemption_code import disable_batch, list_batches
from kernel.clock import FixedClock
from tests.support.gateway import Gateway
from tests.support.redemption_codes import codes_of

pytestmark = pytest.mark.fixed_clock

SEND = {"platform": "claude", "amount_cents": 500, "recipient_email": "user@example.com"}
WRONG = "TOPUP-0000-0000-0000"


@pytest_asyncio.fixture
async def key(gateway: Gateway) -> str:
    return await gateway.key(await gateway.account(email="me@example.com"))


async def redeem(gateway: Gateway, key: str | None, code: str, **more: Any) -> Any:
    return await gateway.call("POST", "/codes/redeem", key=key, json={"code": code}, **more)


async def test_a_code_answers_with_its_worth(gateway: Gateway, key: str) -> None:
    [code] = await codes_of(gateway, 1234)

    answer = await redeem(gateway, key, code.lower())

    assert (answer.status_code, answer.json()["code"]) == (200, 1000)
    data = answer.json()["data"]
    assert data.pop("id").startswith("rdm_")
    assert data == {
        "type": "code",
        "last4": code[-4:],
        "amount_cents": 123,
        "amount_micros": 1_234_000,
        "credits": 1234,
        "promotional": False,
        "expires_at": None,
        "redeemed_at": "2026-06-13T12:00:00Z",
        "balance_cents": 1_000_123,
    }
    assert code not in answer.text


async def test_codes_and_coupons_run_out_by_the_accounts_own_sandbox_clock(
    gateway: Gateway, key: str, clock: FixedClock
) -> None:
    ends_at = clock.now_us() + 60_000_000
    mine, others = await codes_of(gateway, count=2, expires_at=ends_at)
    coupon = new_coupon("staging", "MINUTE", now_us=clock.now_us(), percent=50, expires_at=ends_at)
    await gateway.context.database.transaction(lambda tx: create_coupon(tx, coupon))
    order = {"pack_id": "pack_starter", "provider": "sandbox", "coupon": "minute"}
    other = await gateway.key(await gateway.account())

    moved = await gateway.call("POST", "/sandbox/clock", key=key, json={"advance_s": 60})
    late_code = await redeem(gateway, key, mine)
    late_coupon = await gateway.call("POST", "/orders", key=key, json=order)
    in_time = [
        await redeem(gateway, other, others),
        await gateway.call("POST", "/orders", key=other, json=order),
    ]

    assert moved.status_code == 200
    for late in (late_code, late_coupon):
        assert (late.status_code, late.json()["code"]) == (410, 2011)
        assert late.json()["data"]["error"]["reason"] == "expired"
    assert [answer.status_code for answer in in_time] == [200, 201]


async def test_promotional_credit_says_when_it_ends(gateway: Gateway, key: str) -> None:
    [code] = await codes_of(gateway, is_promotional=True, promotional_days=30)

    data = (await redeem(gateway, key, code)).json()["data"]

    assert (data["promotional"], data["expires_at"]) == (True, "2026-07-13T12:00:00Z")


async def test_a_voucher_is_taken_too(gateway: Gateway, key: str) -> None:
    sent = await gateway.call("POST", "/topup/send", key=key, json=SEND)
    voucher = sent.json()["data"]["voucher_code"]
    other = await gateway.key(await gateway.account())

    answer = await redeem(gateway, other, voucher)
    again = await redeem(gateway, other, voucher)

    data = answer.json()["data"]
    assert (data["id"], data["type"], data["amount_cents"]) == (None, "voucher", 500)
    assert data["balance_cents"] == 1_000_500
    assert again.json()["data"]["error"]["reason"] == "redeemed"


async def test_statuses_tell_the_reasons_apart(
    gateway: Gateway, key: str, clock: FixedClock
) -> None:
    [used] = await codes_of(gateway)
    [foreign] = await codes_of(gateway, environment="live")
    [ended] = await codes_of(gateway, expires_at=clock.now_us() + 1_000_000)
    [disabled] = await codes_of(gateway)
    await redeem(gateway, key, used)
    database = gateway.context.database
    batches = await database.read(lambda tx: list_batches(tx, "staging", before_id=None, limit=1))
    await database.transaction(lambda tx: disable_batch(tx, batches[0].id, now_us=clock.now_us()))
    clock.advance_s(1)

    for code, status, reason in (
        (WRONG, 404, "unknown"),
        (foreign, 404, "unknown"),
        ("nonsense", 404, "unknown"),
        (used, 409, "redeemed"),
        (disabled, 409, "disabled"),
        (ended, 410, "expired"),
    ):
        answer = await redeem(gateway, key, code)
        found = answer.json()
        assert (answer.status_code, found["code"]) == (status, 2011)
        assert found["data"]["error"]["reason"] == reason


async def test_of_many_accounts_at_once_one_is_paid(gateway: Gateway) -> None:
    keys = [await gateway.key(await gateway.account()) for _ in range(12)]
    [code] = await codes_of(gateway)

    answers = await asyncio.gather(*(redeem(gateway, key, code) for key in keys))

    assert sorted(answer.status_code for answer in answers) == [200] + [409] * 11


async def test_the_same_request_again_gets_the_same_answer(gateway: Gateway, key: str) -> None:
    first_code, second_code = await codes_of(gateway, count=2)
    headers = {"Idempotency-Key": "code-1"}

    first = await redeem(gateway, key, first_code, headers=headers)
    again = await redeem(gateway, key, first_code, headers=headers)
    other = await redeem(gateway, key, second_code, headers=headers)

    assert first.content == again.content
    assert again.headers["Idempotent-Replayed"] == "true"
    assert (other.status_code, other.json()["code"]) == (409, 2006)


@pytest.mark.one_database
async def test_only_a_credential_that_may_change_billing_redeems(gateway: Gateway) -> None:
    [code] = await codes_of(gateway)
    account = await gateway.account()
    reader = await gateway.key(account, scopes=("billing:read", "topup:send"))
    writer = await gateway.key(account, scopes=("billing:write",))

    assert (await redeem(gateway, reader, code)).status_code == 403
    assert (await redeem(gateway, None, code)).status_code == 401
    assert (await redeem(gateway, writer, code)).status_code == 200


async def test_wrong_codes_are_soon_refused_and_cost_vouchers_the_same_budget(
    gateway: Gateway, key: str
) -> None:
    [code] = await codes_of(gateway)

    misses = [await redeem(gateway, key, WRONG) for _ in range(90)]

    assert [miss.status_code for miss in misses[:40]] == [404] * 40
    assert misses[-1].json()["code"] == 4001
    voucher = await gateway.call("GET", "/vouchers/ATU-0000-0000-0000-0000-0000", key=key)
    assert voucher.json()["code"] == 4001
    assert (await redeem(gateway, key, code)).json()["code"] == 4001
    # Another account is not made to pay for it.
    other = await gateway.key(await gateway.account())
    assert (await redeem(gateway, other, code)).status_code == 200


@pytest.mark.one_database
async def test_no_log_line_holds_a_code(
    gateway: Gateway, key: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    [code] = await codes_of(gateway)

    for _ in range(2):
        await redeem(gateway, key, code)
    await gateway.call("POST", "/codes/redeem", key=key, json={"code": code, code: 1})

    assert code not in caplog.text
    assert code.removeprefix("TOPUP-") not in caplog.text


async def test_what_brought_credit_is_listed_page_by_page_and_as_csv(
    gateway: Gateway, key: str, clock: FixedClock
) -> None:
    [code] = await codes_of(gateway, 1500)
    await redeem(gateway, key, code)
    clock.advance_s(1)
    order = {"provider": "sandbox", "amount_cents": 700}
    placed = (await gateway.call("POST", "/orders", key=key, json=order)).json()["data"]
    clock.advance_s(1)
    sent = (await gateway.call("POST", "/topup/send", key=key, json=SEND)).json()["data"]
    await redeem(gateway, key, sent["voucher_code"])
    stranger = await gateway.key(await gateway.account())

    lines, path = [], "/credits?limit=1"
    while path:
        page = (await gateway.call("GET", path, key=key)).json()["data"]
        lines += page["items"]
        path = f"/credits?limit=1&cursor={page['next_cursor']}" if page["has_more"] else ""
    written = await gateway.call("GET", "/credits?format=csv", key=key)
    wrong = await gateway.call("GET", "/credits?cursor=ord_1", key=key)
    theirs = (await gateway.call("GET", "/credits", key=stranger)).json()["data"]

    hint = sent["voucher_code"].rpartition("-")[2]
    assert [(one["kind"], one["number"], one["credits"], one["status"]) for one in lines] == [
        ("voucher", f"ATU-{hint}", 5000, "paid"),
        ("payment", placed["order_no"], 7000, "pending"),
        ("code", lines[2]["id"], 1500, "paid"),
    ]
    assert lines[2]["id"].startswith("rdm_")
    rows = list(csv.DictReader(io.StringIO(written.text, newline="")))
    assert [(row["kind"], row["credits"]) for row in rows] == [
        ("voucher", "5000"),
        ("payment", "7000"),
        ("code", "1500"),
    ]
    assert rows[1]["completed_at"] == ""
    assert (wrong.status_code, wrong.json()["data"]["error"]["param"]) == (422, "cursor")
    assert theirs["items"] == []
    assert sent["voucher_code"] not in written.text
    assert code not in written.text
