"""An MCP client signs in with its own SDK's OAuth: registration, consent, tokens, step-up, refresh, end."""

from collections.abc import Mapping
from itertools import count
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import pytest_asyncio
from mcp.client.auth import OAuthFlowError

from gateway.http.session_cookie import TOKEN_FIELD
from gateway.surfaces import SURFACES
from tests.support.browser import PASSWORD, new_browser, signed_in
from tests.support.gateway import Gateway
from tests.support.mcp_agent import code_of, data_of
from tests.support.mcp_person import (
    PATH,
    REDIRECT,
    Kept,
    Person,
    answered,
    client_id_of,
    form_of,
    pair_of,
    question,
    signing_in,
    told,
)

pytestmark = pytest.mark.one_database
_numbers = count(1)


@pytest_asyncio.fixture
async def person(gateway: Gateway) -> Person:
    return Person(await signed_in(gateway, f"ann{next(_numbers)}@example.com"))


async def test_a_client_that_knows_the_address_alone_signs_in_sends_and_asks_for_more(
    gateway: Gateway, person: Person
) -> None:
    kept = Kept()
    async with signing_in(gateway, person, kept) as agent:
        names = {tool.name for tool in (await agent.client.list_tools()).tools}
        sent = await agent.send(amount_cents=1000)
        own = data_of(await agent.use("get_key"))
        # Not offered; the gateway's 403 says what is missing, and the client asks for it.
        redeemed = await agent.use("redeem_code", {"code": "NOSUCH", "idempotency_key": "r-1"})
        more = data_of(await agent.use("get_key"))

    assert {"send_topup", "get_status", "get_balance"} <= names
    assert "redeem_code" not in names
    assert code_of(sent) == 1001
    assert own["name"] == "Probe Desk"
    assert own["scopes"] == ["topup:send", "topup:read"]
    assert len(person.asked) == 2
    assert "billing%3Awrite" in person.asked[1]
    assert more["id"] == own["id"]
    assert "billing:write" in more["scopes"]
    assert code_of(redeemed) != 2009


async def test_waiting_and_the_limits_of_the_consent_hold_for_a_token(
    gateway: Gateway, person: Person
) -> None:
    person.fields = {"approval_above": "5.00", "per_call": "15.00"}
    async with signing_in(gateway, person, Kept()) as agent:
        waiting = await agent.send(amount_cents=1000)
        looked = await agent.use(
            "wait_for", {"approval_id": data_of(waiting)["approval"]["id"], "wait_s": 1}
        )
        refused = await agent.send(amount_cents=1600)

    assert code_of(waiting) == 3006
    assert data_of(looked)["status"] == "pending"
    assert code_of(refused) == 2008


async def test_the_page_says_that_a_client_sees_what_others_sent(
    gateway: Gateway, person: Person
) -> None:
    url = question(gateway, await client_id_of(gateway))
    page = await person.browser.request("GET", url)
    form = form_of(page.text)
    other = {"platform": "claude", "amount": "5.00", "recipient_email": "other@example.com"}
    send = {"step": "send", "intent": "sent-by-a-person", "csrf_token": form["csrf_token"]}
    await person.browser.send("/dashboard/send", {**other, **send})
    async with signing_in(gateway, person, Kept()) as agent:
        seen = data_of(await agent.use("get_history"))["items"]

    assert form["scopes"] == ["topup:send", "topup:read"]
    assert "all top-ups of your account, with their recipients" in page.text
    assert [one["recipient_email"] for one in seen] == ["other@example.com"]


async def test_who_denies_gives_nothing(gateway: Gateway, person: Person) -> None:
    person.decision = "deny"

    with pytest.RaisesGroup(OAuthFlowError, flatten_subgroups=True, allow_unwrapped=True):
        async with signing_in(gateway, person, Kept()):
            pass

    assert "error=access_denied" in person.landed


async def test_what_a_client_finds_first(gateway: Gateway) -> None:
    refused = await gateway.client.post(f"{gateway.url}/mcp", json={})
    resource = await gateway.client.get("/.well-known/oauth-protected-resource/mcp")
    server = (await gateway.client.get("/.well-known/oauth-authorization-server")).json()

    assert refused.status_code == 401
    assert refused.headers["www-authenticate"] == (
        'Bearer scope="topup:send topup:read", resource_metadata='
        f'"{gateway.url}/.well-known/oauth-protected-resource/mcp"'
    )
    assert resource.json()["resource"] == f"{gateway.url}/mcp"
    assert resource.json()["authorization_servers"] == [gateway.url]
    assert server["issuer"] == gateway.url
    assert server["code_challenge_methods_supported"] == ["S256"]
    assert server["token_endpoint_auth_methods_supported"] == ["none"]
    for path in ("oauth-authorization-server/mcp", "openid-configuration"):
        assert (await gateway.client.get(f"/.well-known/{path}")).json() == server


async def test_a_token_is_for_mcp_alone(gateway: Gateway, person: Person) -> None:
    pair = await pair_of(gateway, person.browser)
    headers = {"Authorization": f"Bearer {pair['access_token']}"}
    listed = {"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {}}
    accepts = {**headers, "Accept": "application/json, text/event-stream"}

    let_in = await gateway.client.post("/mcp", json=listed, headers=accepts)
    routes = [
        (route.method, surface.prefix + route.path.replace("{", "").replace("}", ""))
        for surface in SURFACES
        for route in surface.routes
        if not route.is_public
    ]
    found = {
        (await gateway.client.request(method, path, headers=headers)).status_code
        for method, path in routes
    }

    assert let_in.status_code == 200
    assert len(routes) > 100
    assert found == {401}


async def test_a_bad_token_is_told_so(gateway: Gateway) -> None:
    answer = await gateway.client.post("/mcp", json={}, headers={"Authorization": "Bearer mat_x"})

    assert answer.status_code == 401
    assert 'error="invalid_token"' in answer.headers["www-authenticate"]


async def test_a_key_without_the_scope_is_told_by_the_tool_and_not_to_sign_in(
    gateway: Gateway,
) -> None:
    key = await gateway.key(await gateway.account(), scopes=["topup:read"])
    headers = {
        "Authorization": f"Bearer {key}",
        "Accept": "application/json, text/event-stream",
    }
    asked = {
        "jsonrpc": "2.0",
        "id": 1,
        "method": "tools/call",
        "params": {"name": "redeem_code", "arguments": {}},
    }

    answer = await gateway.client.post("/mcp", json=asked, headers=headers)

    assert answer.status_code == 200
    assert "www-authenticate" not in answer.headers


@pytest.mark.parametrize(
    ("more", "error"),
    [
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"code_challenge": None}, "invalid_request"),
        ({"code_challenge_method": None}, "invalid_request"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
        ({"code_challenge": "short"}, "invalid_request"),
        ({"resource": None}, "invalid_target"),
        ({"resource": "https://other.example/mcp"}, "invalid_target"),
        ({"scope": "admin keys:write"}, "invalid_scope"),
    ],
)
async def test_what_is_wrong_with_a_question_is_told_to_the_client(
    gateway: Gateway, person: Person, more: Mapping[str, str | None], error: str
) -> None:
    client_id = await client_id_of(gateway)

    answer = await person.browser.request("GET", question(gateway, client_id, **more))

    assert answer.status_code == 303
    assert answer.headers["location"].startswith(f"{REDIRECT}?")
    assert told(answer) == {"error": error, "state": "s&1", "iss": gateway.url}


async def test_a_link_of_ours_sends_nobody_to_a_strangers_page_by_itself(
    gateway: Gateway, person: Person
) -> None:
    elsewhere = "https://signin.evil.example/topup"
    client_id = await client_id_of(gateway, elsewhere)
    url = question(gateway, client_id, redirect_uri=elsewhere, resource=None)

    answer = await person.browser.request("GET", url)

    assert answer.status_code == 400
    assert "location" not in answer.headers
    assert "invalid_target" in answer.text
    # The way back is the person's own decision.
    assert f'href="{elsewhere}?error=invalid_target&amp;state=s%261&amp;iss=' in answer.text


@pytest.mark.parametrize(
    "redirect_uri",
    [
        None,
        "",
        REDIRECT + "/",
        REDIRECT + "?a=b",
        REDIRECT + "#x",
        REDIRECT.replace("callback", "Callback"),
        REDIRECT.replace("callback", "%63allback"),
        REDIRECT.replace("http", "https"),
        REDIRECT.replace("127.0.0.1", "127.0.0.1@evil.example"),
        REDIRECT.replace("127.0.0.1", "127.0.0.1.evil.example"),
        REDIRECT.replace("127.0.0.1", "localhost"),
        "javascript:alert(1)",
        "//evil.example/callback",
    ],
)
async def test_nobody_is_sent_where_the_client_did_not_register(
    gateway: Gateway, person: Person, redirect_uri: str | None
) -> None:
    client_id = await client_id_of(gateway)

    answer = await person.browser.request(
        "GET", question(gateway, client_id, redirect_uri=redirect_uri)
    )

    assert answer.status_code == 422
    assert "location" not in answer.headers


async def test_another_port_of_the_same_program_is_the_same_program(
    gateway: Gateway, person: Person
) -> None:
    client_id, other = await client_id_of(gateway), REDIRECT.replace("3030", "4040")

    answer = await answered(person.browser, question(gateway, client_id, redirect_uri=other))

    assert answer.headers["location"].startswith(f"{other}?code=")


async def test_a_parameter_that_comes_twice_goes_nowhere(gateway: Gateway, person: Person) -> None:
    client_id = await client_id_of(gateway)
    url = question(gateway, client_id)

    two_clients = await person.browser.request("GET", f"{url}&client_id=mcc_other")
    two_resources = await person.browser.request("GET", f"{url}&resource=https%3A%2F%2Fx.example")

    assert two_clients.status_code == 422
    assert two_resources.status_code == 422


async def test_who_is_not_signed_in_signs_in_first_and_comes_back(gateway: Gateway) -> None:
    url = question(gateway, await client_id_of(gateway))

    browser = new_browser(gateway)
    answer = await browser.request("GET", url)
    page = await browser.request("GET", answer.headers["location"])

    assert answer.status_code == 303
    assert parse_qs(urlsplit(answer.headers["location"]).query)["next"] == [url]
    assert "A program requests access to your account." in page.text


async def test_live_takes_the_password_and_only_where_it_is_open(gateway: Gateway) -> None:
    open_one = await signed_in(gateway, "live@example.com")
    closed = await signed_in(gateway, "closed@example.com", has_live=False)
    url = question(gateway, await client_id_of(gateway))

    without = await answered(open_one, url, key_environment="live")
    wrong = await answered(open_one, url, key_environment="live", password="no")
    right = await answered(open_one, url, key_environment="live", password=PASSWORD)
    refused = await answered(closed, url, key_environment="live", password=PASSWORD)

    assert (without.status_code, wrong.status_code) == (403, 401)
    assert "Allow" in without.text
    assert "Live needs it." in without.text
    # What the API says of it is for programs.
    assert "/dashboard/confirm" not in without.text
    assert right.status_code == 303
    assert refused.status_code == 403


@pytest.mark.parametrize(
    "fields",
    [
        {"scopes": []},
        {"scopes": ["admin"]},
        {"per_day": "lots"},
        {"per_day": "-1"},
        {"expires_on": "2020-01-01"},
        {"expires_on": "tomorrow"},
        {"recipients": "not-an-address"},
        {"platforms": "cluade"},
        {"key_environment": "prod"},
        {"decision": "maybe"},
    ],
)
async def test_a_form_that_is_wrong_is_shown_again(
    gateway: Gateway, person: Person, fields: dict[str, Any]
) -> None:
    url = question(gateway, await client_id_of(gateway))

    answer = await answered(person.browser, url, **fields)

    assert answer.status_code == 422, answer.text
    assert "location" not in answer.headers
    assert "Desk" in answer.text


async def test_a_form_of_another_site_grants_nothing(gateway: Gateway, person: Person) -> None:
    url = question(gateway, await client_id_of(gateway))
    page = await person.browser.request("GET", url)
    form = {**form_of(page.text), "decision": "allow"}
    form.pop(TOKEN_FIELD)

    answer = await person.browser.send(PATH, form, headers={"Origin": "https://evil.example"})

    assert answer.status_code == 403
