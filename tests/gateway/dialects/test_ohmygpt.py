"""OhMyGPT: the vendor's fields, who may call what, charges, management tokens, refusals."""

import asyncio
from pathlib import Path

import pytest
import pytest_asyncio

from kernel.ids import number_of
from kernel.limits import BODY_BYTES_MAX
from keys.account import lock_tenants
from keys.oauth import token as oauth_token
from store.database import Transaction
from tests.support.gateway import Gateway, running, settings_of
from tests.support.oauth_agreement import REDIRECT, Agreement, agree, refused
from tests.support.recordings import form_of, recorded
from tests.support.refusals import are_all_refused

USER_CALLS = (
    "/user/oauth/user-info",
    "/user/oauth/balance",
    "/user/oauth/charge",
    "/pay/oa/stripe/create-order",
    "/pay/oa/stripe/create-invoice-order",
    "/user/oauth/management-token",
    "/user/oauth/management-token/update",
)
CHARGE = {"amount": "1.25", "remark": "Two pages", "order_no": "o-1"}
VERIFIER = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
CHALLENGE = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"


@pytest_asyncio.fixture
async def agreed(gateway: Gateway) -> Agreement:
    return await agree(gateway)


# Tokens


async def test_a_code_becomes_a_token(agreed: Agreement) -> None:
    answer = await agreed.issue(code=await agreed.code())

    assert answer.status_code == 200
    assert form_of(answer.text) == form_of(recorded("ohmygpt/issue-token.json"))
    body = answer.json()
    assert body["message"] == "Issue OAuth Token success"
    assert body["data"]["user_id"] == str(number_of(agreed.user_id))
    assert body["data"]["client_id"] == agreed.app.id
    assert body["data"]["token"].startswith("oat_")
    assert answer.headers["cache-control"] == "no-store"


@pytest.mark.one_database
async def test_json_is_taken_like_a_form(agreed: Agreement) -> None:
    fields = {"client_id": agreed.app.id, "client_secret": agreed.secret}
    code = await agreed.code()

    answer = await agreed.gateway.client.post(
        "/api/v1/user/oauth/issue-token", json={**fields, "code": code}
    )

    assert answer.json()["statusCode"] == 200


async def test_of_parallel_exchanges_one_wins(agreed: Agreement) -> None:
    code = await agreed.code()

    answers = await asyncio.gather(*(agreed.issue(code=code) for _ in range(12)))

    assert sorted(answer.status_code for answer in answers) == [200] + [400] * 11
    for answer in answers:
        if answer.status_code == 400:
            refused(answer, 400, "oauth_invalid_code_error")


@pytest.mark.one_database
async def test_the_proof_of_the_challenge_is_required(agreed: Agreement) -> None:
    code = await agreed.code(challenge=CHALLENGE)

    refused(await agreed.issue(code=code), 400, "oauth_invalid_code_error")
    refused(await agreed.issue(code=code, code_verifier="x" * 43), 400, "oauth_invalid_code_error")
    assert (await agreed.issue(code=code, code_verifier=VERIFIER)).status_code == 200


@pytest.mark.one_database
async def test_a_repeated_redirect_uri_must_be_the_codes(agreed: Agreement) -> None:
    code = await agreed.code()

    wrong = await agreed.issue(code=code, redirect_uri="https://app.example.com/other")
    right = await agreed.issue(code=code, redirect_uri=REDIRECT)

    refused(wrong, 400, "oauth_invalid_code_error")
    assert right.status_code == 200


@pytest.mark.one_database
@pytest.mark.parametrize(
    "fields",
    [
        {"client_secret": "oas_wrong"},
        {"client_id": "app_0000000000000000"},
        {"client_id": "é", "client_secret": "ü"},
    ],
)
async def test_a_stranger_to_the_secret_gets_nothing(
    agreed: Agreement, fields: dict[str, str]
) -> None:
    code = await agreed.code()

    refused(await agreed.issue(code=code, **fields), 401, "oauth_invalid_client_error")
    assert (await agreed.issue(code=code)).status_code == 200


async def test_another_app_cannot_use_the_code(agreed: Agreement) -> None:
    thief = await agree(agreed.gateway, email="thief@example.com")

    refused(await thief.issue(code=await agreed.code()), 400, "oauth_invalid_code_error")


async def test_wrong_codes_are_counted(agreed: Agreement) -> None:
    statuses: list[int] = []
    # One of sixty comes back each second, so that a slow machine may try some more.
    while 429 not in statuses and len(statuses) < 600:
        statuses.append((await agreed.issue(code="x" * 16)).status_code)

    assert set(statuses[:60]) == {400}
    assert statuses[-1] == 429


async def test_a_token_that_ends_is_refused_within_a_second(agreed: Agreement) -> None:
    token = await agreed.token()
    context = agreed.gateway.context
    found = await context.authenticator.authenticate(token)
    assert (await agreed.post("/user/oauth/balance", token=token)).status_code == 200

    async def end(tx: Transaction) -> None:
        await lock_tenants(tx, [found.tenant])
        await oauth_token.revoke(tx, found.tenant, found.credential_id, now_us=1)

    await context.database.transaction(end)

    async def statuses() -> list[int]:
        return [(await agreed.post("/user/oauth/balance", token=token)).status_code]

    assert await are_all_refused(statuses, within_s=1.0)
    answer = await agreed.post("/user/oauth/balance", token=token)
    body = refused(answer, 401, "oauth_invalid_token_error")
    assert form_of(answer.text) == form_of(recorded("ohmygpt/error-401.json"))
    assert "authenticate" in body["message"]


# Who may call what


@pytest.mark.one_database
@pytest.mark.parametrize("path", USER_CALLS)
async def test_only_an_apps_token_makes_user_calls(agreed: Agreement, path: str) -> None:
    gateway = agreed.gateway
    key = await gateway.key(agreed.user_id)
    system = await gateway.system_token(agreed.user_id)

    for credential in (key, system):
        answer = await agreed.post(path, CHARGE, token=credential)
        refused(answer, 403, "oauth_insufficient_scope_error")
        assert form_of(answer.text) == form_of(recorded("ohmygpt/error-403.json"))
    for unknown in (None, "oat_" + "0" * 32, "nonsense"):
        refused(await agreed.post(path, CHARGE, token=unknown), 401, "oauth_invalid_token_error")


@pytest.mark.parametrize(
    ("scope", "allowed"),
    [("general_api_access", 2), ("advanced_access", 3), ("trusted_advanced_access", 7)],
)
async def test_each_step_of_the_ladder_opens_its_own_calls(
    gateway: Gateway, scope: str, allowed: int
) -> None:
    agreed = await agree(gateway, scope=scope)
    token = await agreed.token()

    statuses = [
        (await agreed.post(path, {"amount": "1", "order_no": "o-1"}, token=token)).status_code
        for path in USER_CALLS
    ]

    assert statuses == [200] * allowed + [403] * (7 - allowed)


@pytest.mark.one_database
async def test_other_open_apis_are_read_only(agreed: Agreement) -> None:
    token, gateway = await agreed.token(), agreed.gateway

    for path in ("/topup/balance", "/platforms", "/packs", "/orders"):
        answer = await gateway.call("GET", path, key=token)
        assert answer.status_code == 200, (path, answer.text)
    for method, path, body in (
        ("POST", "/topup/send", {"platform": "claude", "amount_cents": 1000}),
        # Whoever reads a voucher's code may redeem it, past every cap.
        ("GET", "/topup/history", None),
        ("GET", "/wallets", None),
        ("GET", "/keys", None),
        ("POST", "/keys", {"name": "more"}),
        ("POST", "/tokens", {"name": "more"}),
        ("POST", "/orders", {"provider": "stripe", "amount_cents": 1000}),
        ("POST", "/usage", {"credits": 1, "description": "x"}),
        ("POST", "/codes/redeem", {"code": "TOPUP-0000-0000-0000"}),
        ("POST", "/sandbox/fund", {"amount_cents": 1000}),
        ("GET", "/webhooks", None),
        ("GET", "/events", None),
    ):
        answer = await gateway.call(method, path, key=token, json=body)
        assert (answer.status_code, answer.json()["code"]) == (403, 2009), (path, answer.text)


async def test_an_app_of_live_sees_the_live_wallet(gateway: Gateway) -> None:
    agreed = await agree(gateway, environment="live")

    answer = await agreed.post("/user/oauth/balance", token=await agreed.token())

    assert answer.json()["data"] == {"balance": "0.00", "free_balance": "0.00"}


# What the user is and has


@pytest.mark.one_database
async def test_user_info(agreed: Agreement) -> None:
    answer = await agreed.post("/user/oauth/user-info", token=await agreed.token())

    assert answer.json() == {
        "statusCode": 200,
        "message": "Get OAuth User Info success",
        "data": {
            "user_id": str(number_of(agreed.user_id)),
            "name": "Test",
            "email": "user@example.com",
            "client_id": agreed.app.id,
            "scope": "trusted_advanced_access",
            "environment": "staging",
            "email_verified": False,
        },
    }


@pytest.mark.one_database
async def test_the_balance_is_text_with_two_places(agreed: Agreement) -> None:
    token = await agreed.token()
    # $10,000.00 less half a cent is shown as $9,999.99.
    await agreed.post("/user/oauth/charge", {"amount": "0.005", "order_no": "x"}, token=token)

    answer = await agreed.post("/user/oauth/balance", token=token)

    assert form_of(answer.text) == form_of(recorded("ohmygpt/balance.json"))
    assert answer.json()["data"] == {"balance": "9999.99", "free_balance": "0.00"}


# Refusals


@pytest.mark.one_database
async def test_every_path_below_the_prefix_is_refused_in_this_shape(agreed: Agreement) -> None:
    client, token = agreed.gateway.client, await agreed.token()
    bearer = {"Authorization": f"Bearer {token}"}

    refused(await client.get("/api/v1/nowhere"), 404, "not_found_error")
    refused(await client.get("/api/v1"), 404, "not_found_error")
    gone = await client.get("/api/v1/user/oauth/balance")
    refused(gone, 405, "method_not_allowed_error")
    assert gone.headers["allow"] == "POST, OPTIONS"
    path = "/api/v1/user/oauth/charge"
    refused(
        await client.post(
            path, content=b"{", headers={**bearer, "Content-Type": "application/json"}
        ),
        400,
        "invalid_request_error",
    )
    refused(
        await client.post(path, content=b"x", headers={**bearer, "Content-Type": "text/plain"}),
        415,
        "invalid_request_error",
    )
    refused(
        await client.post(path, data={"remark": "x" * BODY_BYTES_MAX}, headers=bearer),
        413,
        "invalid_request_error",
    )


@pytest.mark.one_database
async def test_a_credentials_rate_is_limited_in_this_shape(
    database_url: str, tmp_path: Path
) -> None:
    async with running(settings_of(database_url, tmp_path, rate_limit_per_s=1)) as gateway:
        agreed = await agree(gateway)
        token = await agreed.token()

        answers = [await agreed.post("/user/oauth/balance", token=token) for _ in range(3)]

    limited = refused(answers[-1], 429, "rate_limit_error")
    assert limited["message"]
    assert int(answers[-1].headers["retry-after"]) >= 1


@pytest.mark.one_database
async def test_the_body_may_repeat_its_environment_only(agreed: Agreement) -> None:
    token = await agreed.token()

    same = await agreed.post("/user/oauth/balance", {"environment": "staging"}, token=token)
    other = await agreed.post("/user/oauth/balance", {"environment": "live"}, token=token)

    assert same.status_code == 200
    refused(other, 403, "oauth_insufficient_scope_error")


@pytest.mark.one_database
async def test_no_answer_shows_a_secret(agreed: Agreement) -> None:
    token = await agreed.token()
    code = await agreed.code()
    said = [
        (await agreed.issue(code=code, client_secret="oas_" + "x" * 43)).text,
        (await agreed.issue(code="y" * 16)).text,
        (await agreed.post("/user/oauth/user-info", token=token)).text,
        (await agreed.gateway.call("GET", "/topup/balance", key=token)).text,
        (await agreed.gateway.call("POST", "/topup/send", key=token, json={})).text,
    ]

    for secret in (token, code, agreed.secret, "oas_" + "x" * 43, "y" * 16):
        assert not [text for text in said if secret in text]
