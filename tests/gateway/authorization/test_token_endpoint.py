"""What the token endpoint gives, refuses and ends."""

from itertools import count

import pytest
import pytest_asyncio

from tests.support.browser import signed_in
from tests.support.gateway import Gateway
from tests.support.mcp_client import VERIFIER
from tests.support.mcp_person import (
    Person,
    answered,
    client_id_of,
    exchange,
    pair_of,
    question,
    tokens_of,
    told,
)

pytestmark = pytest.mark.one_database
_numbers = count(1)


@pytest_asyncio.fixture
async def person(gateway: Gateway) -> Person:
    return Person(await signed_in(gateway, f"ann{next(_numbers)}@example.com"))


@pytest.mark.parametrize(
    ("change", "status", "error"),
    [
        ({"grant_type": "password"}, 400, "unsupported_grant_type"),
        ({"client_id": ""}, 401, "invalid_client"),
        ({"client_id": "mcc_nobody"}, 401, "invalid_client"),
        ({"code": ""}, 400, "invalid_request"),
        ({"code": "0" * 43}, 400, "invalid_grant"),
        ({"code_verifier": ""}, 400, "invalid_request"),
        ({"code_verifier": VERIFIER[:-1] + "_"}, 400, "invalid_grant"),
        ({"redirect_uri": "https://evil.example/"}, 400, "invalid_grant"),
        ({"resource": ""}, 400, "invalid_target"),
        ({"resource": "https://other.example/mcp"}, 400, "invalid_target"),
        ({"code": "x" * 3_000}, 400, "invalid_request"),
        ({"code": "x" * 70_000}, 413, "invalid_request"),
    ],
)
async def test_what_the_token_endpoint_refuses_and_in_which_words(
    gateway: Gateway, person: Person, change: dict[str, str], status: int, error: str
) -> None:
    client_id = await client_id_of(gateway)
    code = told(await answered(person.browser, question(gateway, client_id)))["code"]

    refused = await tokens_of(gateway, **{**exchange(gateway, client_id, code), **change})
    good = await tokens_of(gateway, **exchange(gateway, client_id, code))

    assert (refused.status_code, refused.json()["error"]) == (status, error)
    assert set(refused.json()) == {"error", "error_description"}
    assert refused.headers["cache-control"] == "no-store"
    assert good.status_code == 200


async def test_a_refresh_and_an_end(gateway: Gateway, person: Person) -> None:
    pair = await pair_of(gateway, person.browser)
    client_id = pair["client_id"]
    form = {"grant_type": "refresh_token", "client_id": client_id}

    following = await tokens_of(gateway, **form, refresh_token=pair["refresh_token"])
    again = await tokens_of(gateway, **form, refresh_token=pair["refresh_token"])
    ended = await gateway.client.post(
        "/oauth/revoke", data={"client_id": client_id, "token": following.json()["refresh_token"]}
    )
    unknown = await gateway.client.post("/oauth/revoke", data={"token": "mrt_x"})
    late = await tokens_of(gateway, **form, refresh_token=following.json()["refresh_token"])
    headers = {"Authorization": f"Bearer {following.json()['access_token']}"}

    assert again.json()["refresh_token"] == following.json()["refresh_token"]
    assert following.json()["token_type"] == "Bearer"
    assert (ended.status_code, unknown.status_code) == (200, 200)
    assert late.json()["error"] == "invalid_grant"
    assert (await gateway.client.post("/mcp", json={}, headers=headers)).status_code == 401
    page = await person.browser.get("/dashboard/keys")
    assert "revoked" in page.text
