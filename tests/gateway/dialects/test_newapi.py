"""Newapi: the fields in their vendor's types, what is bought and redeemed, refusals."""

from typing import Any

import pytest
import pytest_asyncio

from kernel.clock import FixedClock
from kernel.ids import number_of
from tests.support.dialect_calls import balance_cents, bearer, decide, get
from tests.support.gateway import Gateway
from tests.support.recordings import form_of, recorded
from tests.support.redemption_codes import codes_of

pytestmark = [pytest.mark.fixed_clock, pytest.mark.gateway_settings(newapi_discount="100:0.95")]

BASE = "/api/user"
NOON_S = 1_781_352_000  # 2026-06-13T12:00:00Z


@pytest_asyncio.fixture
async def account(gateway: Gateway) -> str:
    return await gateway.account(email="me@example.com")


@pytest_asyncio.fixture
async def key(gateway: Gateway, account: str) -> str:
    return await gateway.key(account)


async def post(gateway: Gateway, key: str, path: str, body: Any, **headers: str) -> Any:
    return await gateway.client.post(BASE + path, json=body, headers={**bearer(key), **headers})


@pytest.mark.one_database
async def test_info_has_the_contracts_fields(gateway: Gateway, key: str) -> None:
    answer = await gateway.client.get(f"{BASE}/topup/info", headers=bearer(key))

    data = answer.json()["data"]
    assert form_of(answer.text) == form_of(recorded("newapi/info.json"))
    assert (data["enable_stripe_topup"], data["enable_creem_topup"]) == (True, True)
    assert {"stripe", "creem", "myfatoorah"} <= {one["type"] for one in data["pay_methods"]}
    assert data["amount_options"] == [10, 20, 50, 100, 200, 500]
    assert data["discount"] == {"100": 0.95}


@pytest.mark.one_database
async def test_nothing_can_be_paid_in_live_without_credentials(
    gateway: Gateway, account: str
) -> None:
    live = await gateway.key(account, "live")

    data = (await get(gateway, live, f"{BASE}/topup/info"))["data"]
    refused = await post(gateway, live, "/pay", {"amount": 10})

    assert data["pay_methods"] == []
    flags = ("enable_online_topup", "enable_stripe_topup", "enable_creem_topup")
    assert [data[flag] for flag in flags] == [False, False, False]
    assert (refused.status_code, refused.json()["success"]) == (422, False)


async def test_an_amount_is_paid_and_every_history_shows_it(gateway: Gateway, key: str) -> None:
    before = await balance_cents(gateway, key)
    placed = await post(gateway, key, "/pay", {"amount": 10, "payment_method": "stripe"})
    body = placed.json()
    [pending] = (await get(gateway, key, f"{BASE}/topup/self"))["data"]

    await decide(gateway, body["data"])

    assert placed.status_code == 200
    assert form_of(placed.text) == form_of(recorded("newapi/pay.json"))
    assert (pending["status"], pending["complete_time"]) == ("pending", 0)
    answer = await gateway.client.get(f"{BASE}/topup/self", headers=bearer(key))
    assert form_of(answer.text) == form_of(recorded("newapi/self.json"))
    [line] = answer.json()["data"]
    order = (await gateway.call("GET", "/orders", key=key)).json()["data"]["items"][0]
    assert line == {
        "id": number_of(order["id"]),
        "amount": 10,
        "money": 10.0,
        "trade_no": body["trade_no"],
        "payment_method": "stripe",
        "create_time": NOON_S,
        "complete_time": NOON_S,
        "status": "success",
    }
    assert await balance_cents(gateway, key) - before == 1000
    [shown] = (await get(gateway, key, "/api/billing/topup-history"))["data"]
    assert (shown["id"], shown["credits"]) == (order["reference"], 10_000)


@pytest.mark.one_database
async def test_the_first_method_is_the_default(gateway: Gateway, key: str) -> None:
    info = await get(gateway, key, f"{BASE}/topup/info")

    await post(gateway, key, "/pay", {"amount": 10})

    [line] = (await get(gateway, key, f"{BASE}/topup/self"))["data"]
    assert line["payment_method"] == info["data"]["pay_methods"][0]["type"]


async def test_a_discount_lowers_what_is_paid_and_not_the_credit(
    gateway: Gateway, key: str
) -> None:
    before = await balance_cents(gateway, key)
    placed = await post(gateway, key, "/pay", {"amount": 100, "payment_method": "stripe"})
    await decide(gateway, placed.json()["data"])

    order = (await gateway.call("GET", "/orders", key=key)).json()["data"]["items"][0]
    [line] = (await get(gateway, key, f"{BASE}/topup/self"))["data"]

    assert (order["amount"], order["pay_amount"], order["credits"]) == (10_000, 9_500, 100_000)
    assert (line["amount"], line["money"]) == (100, 95.0)
    assert await balance_cents(gateway, key) - before == 10_000


async def test_a_code_is_quota_once(gateway: Gateway, key: str, account: str) -> None:
    [code] = await codes_of(gateway, 1000)

    answer = await post(gateway, key, "/topup", {"key": code})
    again = await post(gateway, key, "/topup", {"key": code})

    assert answer.status_code == 200
    assert form_of(answer.text) == form_of(recorded("newapi/topup.json"))
    assert answer.json()["data"] == 500_000
    assert "500000 quota" in answer.json()["message"]
    assert (again.status_code, again.json()) == (
        409,
        {"success": False, "message": "This code has already been redeemed."},
    )
    assert await balance_cents(gateway, key) == 1_000_100


async def test_why_a_code_is_refused_is_told_apart(
    gateway: Gateway, key: str, clock: FixedClock
) -> None:
    [ended] = await codes_of(gateway, expires_at=clock.now_us() + 1)
    clock.advance_s(1)

    unknown = await post(gateway, key, "/topup", {"key": "TOPUP-XXXX-XXXX-XXXX"})
    expired = await post(gateway, key, "/topup", {"key": ended})

    assert (unknown.status_code, expired.status_code) == (404, 410)
    assert unknown.json()["message"] != expired.json()["message"]
    for answer in (unknown, expired):
        assert form_of(answer.text) == form_of(recorded("newapi/failure.json"))


async def test_the_history_merges_payments_codes_and_vouchers_newest_first(
    gateway: Gateway, key: str, clock: FixedClock
) -> None:
    sent = await gateway.call(
        "POST",
        "/topup/send",
        key=key,
        json={"platform": "claude", "amount_cents": 300, "recipient_email": "a@example.com"},
    )
    voucher = sent.json()["data"]["voucher_code"]
    [code] = await codes_of(gateway, 2500)
    clock.advance_s(10)
    paid = (await post(gateway, key, "/pay", {"amount": 7, "payment_method": "stripe"})).json()
    clock.advance_s(10)
    await post(gateway, key, "/topup", {"key": code})
    clock.advance_s(10)
    await post(gateway, key, "/topup", {"key": voucher})

    lines = (await get(gateway, key, f"{BASE}/topup/self"))["data"]
    first = (await get(gateway, key, f"{BASE}/topup/self?p=1&page_size=2"))["data"]
    second = (await get(gateway, key, f"{BASE}/topup/self?p=2&page_size=2"))["data"]
    by_word = (await get(gateway, key, f"{BASE}/topup/self?keyword={paid['trade_no'][4:]}"))["data"]
    nothing = (await get(gateway, key, f"{BASE}/topup/self?keyword=%25_"))["data"]

    assert [(line["payment_method"], line["amount"]) for line in lines] == [
        ("voucher", 3),
        ("redemption", 2),
        ("stripe", 7),
    ]
    assert [line["create_time"] - NOON_S for line in lines] == [30, 20, 10]
    assert [line["status"] for line in lines] == ["success", "success", "pending"]
    assert lines[0]["trade_no"] == f"ATU-{voucher[-4:]}"
    assert first["items"] + second["items"] == lines
    assert (second["page"], second["page_size"], second["total"]) == (2, 2, 3)
    assert (by_word["items"], by_word["total"]) == ([lines[2]], 1)
    assert (nothing["items"], nothing["total"]) == ([], 0)
    assert voucher not in str(lines)


async def test_the_page_object_has_the_vendors_form(gateway: Gateway, key: str) -> None:
    await post(gateway, key, "/pay", {"amount": 7})

    answer = await gateway.client.get(f"{BASE}/topup/self?p=1", headers=bearer(key))

    assert form_of(answer.text) == form_of(recorded("newapi/self-page.json"))


@pytest.mark.one_database
async def test_the_token_is_taken_without_bearer_here_alone(gateway: Gateway, key: str) -> None:
    async def status(path: str, header: str) -> int:
        answer = await gateway.client.get(path, headers={"Authorization": header})
        return answer.status_code

    info = f"{BASE}/topup/info"
    assert await status(info, key) == 200
    assert await status(info, f"Basic {key}") == 401
    assert await status(info, key[:-1]) == 401
    assert await status(info, "") == 401
    assert await status("/api/public/v1/topup/balance", key) == 401
    assert await status("/api/billing/topup-packs", key) == 401


@pytest.mark.one_database
async def test_the_user_header_must_name_the_caller(
    gateway: Gateway, account: str, key: str
) -> None:
    own = {"New-Api-User": str(number_of(account))}
    other = {"New-Api-User": str(number_of(await gateway.account()))}
    [code] = await codes_of(gateway)
    calls: list[tuple[str, str, Any]] = [
        ("GET", "/topup/info", None),
        ("GET", "/topup/self", None),
        ("POST", "/pay", {"amount": 10}),
        ("POST", "/topup", {"key": code}),
    ]

    for method, path, body in calls:
        refused = await gateway.client.request(
            method, BASE + path, json=body, headers={**bearer(key), **other}
        )
        assert (refused.status_code, refused.json()["success"]) == (401, False)
        taken = await gateway.client.request(
            method, BASE + path, json=body, headers={**bearer(key), **own}
        )
        assert (taken.status_code, taken.json()["success"]) == (200, True)


async def test_a_system_token_is_the_vendors_access_token(gateway: Gateway, account: str) -> None:
    token = await gateway.system_token(account)

    assert (await get(gateway, token, f"{BASE}/topup/info"))["success"] is True


async def test_the_same_payment_again_under_a_key_is_one_order(gateway: Gateway, key: str) -> None:
    first, again = [
        await post(gateway, key, "/pay", {"amount": 10}, **{"Idempotency-Key": "pay-1"})
        for _ in range(2)
    ]
    other = await post(gateway, key, "/pay", {"amount": 20}, **{"Idempotency-Key": "pay-1"})

    assert first.content == again.content
    assert again.headers["Idempotent-Replayed"] == "true"
    assert (other.status_code, other.json()["success"]) == (409, False)
    assert len((await get(gateway, key, f"{BASE}/topup/self"))["data"]) == 1


@pytest.mark.one_database
@pytest.mark.parametrize("amount", [0, -5, 10_001, 10**18, 2**63, 1.5, "10", None, True, [], "ten"])
async def test_amounts_that_cannot_be_sold_make_no_order(
    gateway: Gateway, key: str, amount: Any
) -> None:
    refused = await post(gateway, key, "/pay", {"amount": amount})

    assert refused.status_code == 422, refused.text
    assert form_of(refused.text) == form_of(recorded("newapi/failure.json"))
    assert (await get(gateway, key, f"{BASE}/topup/self"))["data"] == []


@pytest.mark.one_database
async def test_a_refusal_names_the_field(gateway: Gateway, key: str) -> None:
    way = await post(gateway, key, "/pay", {"amount": 10, "payment_method": "cash"})

    assert way.json()["message"].startswith("payment_method: is one of alipay, ")


@pytest.mark.one_database
async def test_every_refusal_has_the_vendors_shape(gateway: Gateway, account: str) -> None:
    key, reader = await gateway.key(account), await gateway.key(account, scopes=("billing:read",))
    http, good, pay = gateway.client, bearer(key), f"{BASE}/pay"
    json_type = {**good, "Content-Type": "application/json"}
    answers = {
        401: [await http.get(f"{BASE}/topup/info"), await http.post(pay, json={"amount": 1})],
        403: [await post(gateway, reader, "/pay", {"amount": 10})],
        404: [
            await http.get(f"{BASE}/nothing", headers=good),
            await http.get(f"{BASE}/topup/self/9", headers=good),
            await post(gateway, key, "/topup", {"key": "nonsense"}),
        ],
        405: [await http.get(pay, headers=good)],
        413: [await http.post(pay, headers=good, json={"amount": 1, "x": "x" * 70_000})],
        415: [await http.post(pay, headers=good, content=b"amount=1")],
        400: [await http.post(pay, headers=json_type, content=b"{")],
        422: [
            await post(gateway, key, "/pay", {}),
            await post(gateway, key, "/pay", []),
            await post(gateway, key, "/pay", {"amount": 10, "payment_method": "gold"}),
            await http.get(f"{BASE}/topup/self?p=x", headers=good),
            await http.get(f"{BASE}/topup/self?page_size=101", headers=good),
        ],
    }

    for status, listed in answers.items():
        for answer in listed:
            assert answer.status_code == status, answer.text
            assert form_of(answer.text) == form_of(recorded("newapi/failure.json"))
            assert answer.json()["success"] is False
            assert answer.json()["message"]


async def test_guessing_through_the_dialect_ends_as_elsewhere(gateway: Gateway, key: str) -> None:
    wrong = {"key": "TOPUP-0000-0000-0000"}

    answers = [await post(gateway, key, "/topup", wrong) for _ in range(90)]

    assert [answer.status_code for answer in answers[:40]] == [404] * 40
    assert answers[-1].status_code == 429
    assert form_of(answers[-1].text) == form_of(recorded("newapi/failure.json"))
    assert int(answers[-1].headers["Retry-After"]) >= 1


@pytest.mark.one_database
async def test_a_fields_of_other_clients_are_passed_over(gateway: Gateway, key: str) -> None:
    answer = await post(gateway, key, "/pay", {"amount": 10, "top_up_code": "", "device": "web"})

    assert answer.status_code == 200
