"""OhMyGPT: charges and management tokens."""

import asyncio

import pytest
import pytest_asyncio

from tests.support.gateway import Gateway
from tests.support.oauth_agreement import Agreement, agree, cents, refused
from tests.support.recordings import form_of, recorded

CHARGE = {"amount": "1.25", "remark": "Two pages", "order_no": "o-1"}


@pytest_asyncio.fixture
async def agreed(gateway: Gateway) -> Agreement:
    return await agree(gateway)


async def test_a_charge_moves_credit_to_the_owner(agreed: Agreement) -> None:
    token = await agreed.token()

    answer = await agreed.post("/user/oauth/charge", CHARGE, token=token)

    assert answer.status_code == 200
    data = answer.json()["data"]
    assert list(data) == ["charge_id", "order_no", "amount", "remark", "created_at"]
    assert (data["order_no"], data["amount"], data["remark"]) == ("o-1", "1.25", "Two pages")
    assert await cents(agreed.gateway, agreed.user_id) == 999_875
    assert await cents(agreed.gateway, agreed.owner_id) == 1_000_125


async def test_a_repeated_charge_is_answered_alike_and_another_body_is_a_conflict(
    agreed: Agreement,
) -> None:
    token = await agreed.token()
    first = await agreed.post("/user/oauth/charge", CHARGE, token=token)

    # 1.250 is the same amount.
    again = await agreed.post("/user/oauth/charge", {**CHARGE, "amount": "1.250"}, token=token)
    other = await agreed.post("/user/oauth/charge", {**CHARGE, "amount": "1.26"}, token=token)

    assert again.content == first.content
    refused(other, 409, "conflict_error")
    assert await cents(agreed.gateway, agreed.user_id) == 999_875


async def test_parallel_charges_of_one_order_no_are_one(agreed: Agreement) -> None:
    token = await agreed.token()

    answers = await asyncio.gather(
        *(agreed.post("/user/oauth/charge", CHARGE, token=token) for _ in range(20))
    )

    assert {answer.content for answer in answers} == {answers[0].content}
    assert await cents(agreed.gateway, agreed.user_id) == 999_875


async def test_an_idempotency_key_replays_a_charge(agreed: Agreement) -> None:
    token, headers = await agreed.token(), {"Idempotency-Key": "k-1"}
    first = await agreed.post("/user/oauth/charge", CHARGE, token=token, headers=headers)

    again = await agreed.post("/user/oauth/charge", CHARGE, token=token, headers=headers)
    other = await agreed.post(
        "/user/oauth/charge", {**CHARGE, "order_no": "o-2"}, token=token, headers=headers
    )

    assert (again.content, again.headers["idempotent-replayed"]) == (first.content, "true")
    refused(other, 409, "conflict_error")


async def test_the_grants_cap_ends_charges(gateway: Gateway) -> None:
    agreed = await agree(gateway, cap_micros=1_000_000, cap_period="day")
    token = await agreed.token()

    over = await agreed.post(
        "/user/oauth/charge", {"amount": "1.000001", "order_no": "a"}, token=token
    )
    exact = await agreed.post("/user/oauth/charge", {"amount": "1", "order_no": "b"}, token=token)
    later = await agreed.post("/user/oauth/charge", {"amount": "1", "order_no": "c"}, token=token)

    refused(over, 402, "charge_cap_exceeded_error")
    # No day has room for it.
    assert "retry-after" not in over.headers
    assert exact.status_code == 200
    refused(later, 402, "charge_cap_exceeded_error")
    assert int(later.headers["retry-after"]) > 0


async def test_an_empty_wallet_is_told_apart(gateway: Gateway) -> None:
    agreed = await agree(gateway, environment="live")

    answer = await agreed.post("/user/oauth/charge", CHARGE, token=await agreed.token())

    refused(answer, 402, "insufficient_balance_error")
    assert form_of(answer.text) == form_of(recorded("ohmygpt/error-402.json"))


NONSENSE = [
    {},
    {"amount": "1"},
    {"order_no": "o-1"},
    {"amount": "", "order_no": "o-1"},
    {"amount": "0", "order_no": "o-1"},
    {"amount": "0.000000", "order_no": "o-1"},
    {"amount": "-1", "order_no": "o-1"},
    {"amount": "+1", "order_no": "o-1"},
    {"amount": "1e3", "order_no": "o-1"},
    {"amount": "1.0000001", "order_no": "o-1"},
    {"amount": "1,5", "order_no": "o-1"},
    {"amount": "NaN", "order_no": "o-1"},
    {"amount": "١", "order_no": "o-1"},
    {"amount": "9" * 40, "order_no": "o-1"},
    {"amount": "9" * 41, "order_no": "o-1"},
    {"amount": "1", "order_no": ""},
    {"amount": "1", "order_no": "a b"},
    {"amount": "1", "order_no": "x" * 129},
    {"amount": "1", "order_no": "\x00"},
    {"amount": "1", "order_no": "o-1", "remark": "x" * 201},
    {"amount": "1", "order_no": "o-1", "remark": "a\nb"},
]


@pytest.mark.one_database
async def test_nonsense_charges_nothing(agreed: Agreement) -> None:
    token = await agreed.token()

    for fields in NONSENSE:
        answer = await agreed.post("/user/oauth/charge", fields, token=token)
        refused(answer, 422, "invalid_request_error")
    assert await cents(agreed.gateway, agreed.user_id) == 1_000_000


# Management tokens


async def test_the_first_call_makes_the_management_token(agreed: Agreement) -> None:
    token = await agreed.token()

    first = await agreed.post("/user/oauth/management-token", token=token)
    again = await agreed.post("/user/oauth/management-token", token=token)

    made = first.json()["data"]
    assert list(made) == [
        "id",
        "user_id",
        "client_id",
        "scope",
        "charge_cap",
        "charge_cap_period",
        "prefix",
        "last4",
        "created_at",
        "last_used_at",
        "expires_at",
        "token",
    ]
    assert made["token"].startswith("oat_")
    assert (made["prefix"], made["last4"]) == (made["token"][:8], made["token"][-4:])
    assert (made["charge_cap"], made["charge_cap_period"]) == ("10.00", "month")
    assert again.json()["data"] == {**made, "token": None}


async def test_an_update_rotates_it(agreed: Agreement) -> None:
    token = await agreed.token()
    old = (await agreed.post("/user/oauth/management-token", token=token)).json()["data"]

    fresh = (await agreed.post("/user/oauth/management-token/update", token=token)).json()["data"]

    assert fresh["id"] != old["id"]
    assert (await agreed.post("/user/oauth/balance", token=fresh["token"])).status_code == 200
    refused(
        await agreed.post("/user/oauth/balance", token=old["token"]),
        401,
        "oauth_invalid_token_error",
    )


async def test_a_management_token_has_the_grants_scope_and_cap_but_makes_no_other(
    agreed: Agreement,
) -> None:
    token = await agreed.token()
    made = (await agreed.post("/user/oauth/management-token", token=token)).json()["data"]

    charged = await agreed.post(
        "/user/oauth/charge", {"amount": "10", "order_no": "m-1"}, token=made["token"]
    )
    over = await agreed.post("/user/oauth/charge", CHARGE, token=token)
    for path in ("/user/oauth/management-token", "/user/oauth/management-token/update"):
        refused(await agreed.post(path, token=made["token"]), 403, "oauth_insufficient_scope_error")

    assert charged.status_code == 200
    refused(over, 402, "charge_cap_exceeded_error")


async def test_a_repeated_update_shows_the_same_secret(agreed: Agreement) -> None:
    token, headers = await agreed.token(), {"Idempotency-Key": "k-1"}
    path = "/user/oauth/management-token/update"

    first = await agreed.post(path, token=token, headers=headers)
    again = await agreed.post(path, token=token, headers=headers)

    assert first.content == again.content
