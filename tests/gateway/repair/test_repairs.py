"""Errors repair themselves: a client that knows only an error's own fields makes the call that succeeds,
or stops where the answer says that only a person helps.
"""

import re
import shutil
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from gateway.answers.response_codes import CODES
from gateway.docs.code_repairs import REPAIRS
from gateway.http.routing import Router
from gateway.repair import nearest
from gateway.surfaces import SURFACES
from keys.token_format import new_api_key
from tests.gateway.repair.tiny_client import TinyClient
from tests.support.gateway import API, Gateway, running, settings_of

pytestmark = pytest.mark.one_database

RIGHT = {"platform": "claude", "amount_cents": 1000, "recipient_email": "user@example.com"}


@pytest_asyncio.fixture
async def key(gateway: Gateway) -> str:
    return await gateway.key(await gateway.account(email="me@example.com"))


@pytest.mark.parametrize(
    ("path", "body", "sent"),
    [
        # What was probably meant, an example, a bound.
        ("/topup/send", {**RIGHT, "platform": "cluade"}, {}),
        ("/topup/send", {**RIGHT, "platform": "Anthropic"}, {}),
        ("/topup/send", {**RIGHT, "recipient_email": "user@"}, {}),
        ("/topup/send", {**RIGHT, "amount_cents": 10}, {}),
        ("/topup/send", {**RIGHT, "amount_cents": 10**9}, {}),
        ("/topup/send", {**RIGHT, "amount_cents": 10.5}, {}),
        ("/topup/send", {**RIGHT, "amount_cents": "1000"}, {}),
        ("/topup/send", {"platform": "cluade", "amount_cents": 1, "recipient_email": "x"}, {}),
        ("/topup/send", {"platform": 7, "amount_cents": 1, "recipient_email": "x"}, {}),
        # Names.
        ("/topup/send", {"platform": "claude", "amount": 1000, "email": "user@example.com"}, {}),
        ("/topup/send", {**RIGHT, "currency": "USD"}, {}),
        ("/topup/send", {}, {}),
        ("/topup/send", {**RIGHT, "recipient": "self"}, {}),
        # Paths and methods.
        ("/topups/send", RIGHT, {}),
        ("/topup/sent", RIGHT, {}),
        ("/send", RIGHT, {}),
        # The wallet.
        ("/topup/send", {**RIGHT, "amount_cents": 100_000}, {"spend": True}),
    ],
)
async def test_a_client_that_reads_the_error_alone_sends(
    gateway: Gateway, key: str, path: str, body: dict[str, Any], sent: dict[str, Any]
) -> None:
    if sent:
        await empty_wallet(gateway, key)
    client = TinyClient(gateway, {"Authorization": f"Bearer {key}"})

    answer = await client.call("POST", gateway.url + API + path, body)

    assert (answer.json()["code"], client.asked_person) == (1001, False)


@pytest.mark.parametrize("path", ["/topup/send", "/v1/topup/send", "/public/v1/topup/send"])
async def test_who_forgot_the_prefix_is_told_the_address(
    gateway: Gateway, key: str, path: str
) -> None:
    client = TinyClient(gateway, {"Authorization": f"Bearer {key}"})

    answer = await client.call("POST", gateway.url + path, RIGHT)

    assert (answer.json()["code"], client.asked_person) == (1001, False)


async def test_who_knows_the_address_alone_is_shown_the_guide(gateway: Gateway) -> None:
    lost = await gateway.client.get("/v1")
    error = lost.json()["data"]["error"]
    links = {link["rel"]: link["href"] for link in error["links"]}

    assert lost.status_code == 404
    assert error["doc_url"] == f"{gateway.url}/docs/codes/3003"
    assert links["guide"] == f"{gateway.url}/llms.txt"
    assert "/keys/sandbox" in (await gateway.client.get(links["guide"])).text


async def test_a_wrong_method_is_answered_with_the_right_one_of_that_very_address(
    gateway: Gateway, key: str
) -> None:
    paths = ("/x402/topup", f"{API}/topup/txn_0VbmgAvO7EgVclXu/reverse", "/llms.txt")
    for path, method in zip(paths, ("GET", "GET", "POST"), strict=True):
        refused = await gateway.client.request(
            method, path, headers={"Authorization": f"Bearer {key}"}
        )
        [link] = refused.json()["data"]["error"]["links"]
        assert (refused.status_code, link["rel"]) == (405, "allowed")
        assert link["href"] == gateway.url + path


async def test_an_unknown_scope_is_answered_with_all_that_there_are(
    gateway: Gateway, key: str
) -> None:
    body = {"name": "agent", "scopes": ["topup:sned"]}
    refused = await gateway.call("POST", "/keys", key=key, json=body)

    [problem] = refused.json()["data"]["error"]["errors"]
    assert problem["param"] == "scopes"
    assert {"topup:send", "approvals:write"} <= set(problem["allowed"])


async def empty_wallet(gateway: Gateway, key: str) -> None:
    """$10,000.00 go in ten sends."""
    for _ in range(10):
        answer = await gateway.call(
            "POST", "/topup/send", key=key, json={**RIGHT, "amount_cents": 100_000}
        )
        assert answer.json()["code"] == 1001


async def test_a_cap_names_the_send_that_passes_now(gateway: Gateway) -> None:
    key = await gateway.key(await gateway.account(), per_day_cents=2_500)
    sent = await gateway.call("POST", "/topup/send", key=key, json=RIGHT)

    refused = await gateway.call(
        "POST", "/topup/send", key=key, json={**RIGHT, "amount_cents": 2_000}
    )
    error = refused.json()["data"]["error"]
    smaller = next(link for link in error["links"] if link["rel"] == "smaller_send")
    passed = await gateway.client.post(
        smaller["href"], json=smaller["body"], headers={"Authorization": f"Bearer {key}"}
    )
    empty = await gateway.call("POST", "/topup/send", key=key, json=RIGHT)

    assert (sent.json()["code"], refused.json()["code"]) == (1001, 2008)
    assert (error["max_now_cents"], smaller["body"]["amount_cents"]) == (1_500, 1_500)
    assert passed.json()["code"] == 1001
    assert [link["rel"] for link in empty.json()["data"]["error"]["links"]] == ["limits"]


@pytest.mark.parametrize(
    ("headers", "reason"),
    [
        ({}, "missing"),
        ({"X-API-Key": "ak_staging_x"}, "header"),
        ({"Authorization": "ak_staging_x"}, "scheme"),
        ({"Authorization": "Bearer sk-abc"}, "form"),
        ({"Authorization": "Bearer ak_staging_" + "0" * 32}, "checksum"),
    ],
)
async def test_who_has_no_good_key_is_told_its_form_and_gets_one(
    gateway: Gateway, headers: dict[str, str], reason: str
) -> None:
    url = f"{gateway.url}{API}/topup/send"
    refused = await gateway.client.post(url, json=RIGHT, headers=headers)
    client = TinyClient(gateway, headers)

    answer = await client.call("POST", url, RIGHT)

    error = refused.json()["data"]["error"]
    assert (refused.json()["code"], error["reason"]) == (2001, reason)
    assert answer.json()["code"] == 1001


async def test_only_a_person_helps_with_a_key_that_nobody_knows(gateway: Gateway) -> None:
    client = TinyClient(gateway, {"Authorization": f"Bearer {new_api_key('staging')}"})

    answer = await client.call("POST", f"{gateway.url}{API}/topup/send", RIGHT)

    assert (answer.json()["code"], client.asked_person) == (2001, True)
    assert answer.json()["data"]["error"]["reason"] == "unknown"


async def test_all_that_is_wrong_is_said_at_once(gateway: Gateway, key: str) -> None:
    wrong = {"platform": "cluade", "amount_cents": 5, "recipient_email": "nobody", "curency": "USD"}

    answer = await gateway.call("POST", "/topup/send", key=key, json=wrong)

    error = answer.json()["data"]["error"]
    assert (answer.status_code, answer.json()["code"]) == (422, 2007)
    assert {(one["param"], one["code"]) for one in error["errors"]} == {
        ("curency", 2007),
        ("platform", 2003),
        ("recipient_email", 2004),
        ("amount_cents", 2005),
    }
    platform = next(one for one in error["errors"] if one["param"] == "platform")
    assert (platform["allowed"], platform["did_you_mean"]) == (
        ["claude", "chatgpt", "gemini"],
        "claude",
    )


async def test_of_several_wrong_values_the_lowest_code_is_the_answers(
    gateway: Gateway, key: str
) -> None:
    wrong = {"platform": "claude", "amount_cents": 5, "recipient_email": "nobody"}

    answer = await gateway.call("POST", "/topup/send", key=key, json=wrong)

    assert answer.json()["code"] == 2004
    amount = answer.json()["data"]["error"]["errors"][1]
    assert (amount["minimum"], amount["maximum"], amount["example"]) == (100, 100_000, 1000)


async def test_an_amount_that_no_platform_takes_is_wrong_beside_an_unknown_one(
    gateway: Gateway, key: str
) -> None:
    # The three platforms that are offered at first take 100 to 100,000 cents each.
    for platform, amount, known in (
        ("nobody's", 99, 2003),
        ("nobody's", 100_001, 2003),
        (7, -1, 2007),
    ):
        wrong = {**RIGHT, "platform": platform, "amount_cents": amount}
        error = (await gateway.call("POST", "/topup/send", key=key, json=wrong)).json()
        [first, second] = error["data"]["error"]["errors"]
        assert (error["code"], first["param"], first["code"]) == (known, "platform", known)
        assert (second["param"], second["code"]) == ("amount_cents", 2005)
        assert (second["minimum"], second["maximum"]) == (100, 100_000)
    for amount in (100, 100_000):
        wrong = {**RIGHT, "platform": "nobody's", "amount_cents": amount}
        error = (await gateway.call("POST", "/topup/validate", key=key, json=wrong)).json()
        assert [one["code"] for one in error["data"]["error"]["errors"]] == [2003]


@pytest.mark.parametrize(
    ("method", "path", "body", "rels"),
    [
        ("POST", "/topup/send", {**RIGHT, "amount_cents": 1}, ["platforms"]),
        ("POST", "/topup/validate", {**RIGHT, "amount_cents": 1}, ["platforms"]),
        ("POST", "/orders", {"provider": "stripe", "amount_cents": 1}, ["packs"]),
        ("POST", "/sandbox/fund", {"amount_cents": 0}, ["balance"]),
        ("PUT", "/topup/balance/threshold", {"low_balance_threshold_cents": -1}, ["balance"]),
        ("POST", "/usage", {"credits": 0, "description": "x"}, ["guide"]),
        ("POST", "/holds", {"credits": 0, "description": "x"}, ["guide"]),
        ("POST", "/holds/hld_1/capture", {"credits": 0}, ["hold"]),
    ],
)
async def test_an_amount_out_of_range_leads_to_what_bounds_it(
    gateway: Gateway, key: str, method: str, path: str, body: dict[str, Any], rels: list[str]
) -> None:
    refused = await gateway.call(method, path, key=key, json=body)

    assert refused.json()["code"] == 2005
    assert [link["rel"] for link in refused.json()["data"]["error"].get("links", [])] == rels


async def test_each_error_has_pages_of_its_own_in_three_formats(gateway: Gateway) -> None:
    refused = (await gateway.call("GET", "/topup/balance")).json()
    address = refused["data"]["error"]["doc_url"]

    page = await gateway.client.get(address)

    assert address.endswith("/docs/codes/2001")
    assert page.status_code == 200
    for code, row in CODES.items():
        if row.is_success:
            continue
        path = f"/docs/codes/{code}"
        as_json = (await gateway.client.get(f"{path}.json")).json()
        as_text = (await gateway.client.get(f"{path}.md")).text
        as_page = (await gateway.client.get(path)).text
        assert (as_json["code"], as_json["repair"]) == (code, REPAIRS[code].sentence)
        assert f"# {code} {row.message}" in as_text
        assert f"<h1>{code} " in as_page
    assert (await gateway.client.get("/docs/codes/9999")).status_code == 404
    assert (await gateway.client.get("/docs/codes/abc.json")).status_code == 404


def test_every_code_of_an_error_has_a_repair_that_is_a_call_of_the_api() -> None:
    errors = {code for code, row in CODES.items() if not row.is_success}

    assert set(REPAIRS) == errors
    for repair in REPAIRS.values():
        if repair.call is not None:
            method, path = repair.call
            assert nearest(method, path) == (path, (method,)), path


async def test_refusals_before_anything_is_counted_have_the_limits_headers(
    sqlite_template: Path, tmp_path: Path
) -> None:
    database = tmp_path / "topup.db"
    shutil.copy(sqlite_template, database)
    settings = settings_of(f"sqlite:///{database}", tmp_path, rate_limit_per_s=200)
    async with running(settings) as gateway:
        paths = ("/topup/balance", "/nowhere", "/topup/send")
        answers = [await gateway.client.get(f"{API}{path}") for path in paths]

    assert [answer.status_code for answer in answers] == [401, 404, 405]
    for answer in answers:
        assert answer.headers["ratelimit-policy"] == '"default";q=400;w=2'
        assert answer.headers["ratelimit"] == '"default";r=400;t=0'


async def test_every_answer_of_the_api_has_the_limits_headers(
    sqlite_template: Path, tmp_path: Path
) -> None:
    database = tmp_path / "topup.db"
    shutil.copy(sqlite_template, database)
    settings = settings_of(f"sqlite:///{database}", tmp_path, rate_limit_per_s=200)
    calls = [
        (method, re.sub(r"\{\w+\}", "x", one.template))
        for one in Router(SURFACES)
        if one.surface.prefix == API
        for method in (*one.routes, "OPTIONS", "TRACE")
    ]
    without: list[tuple[str, str, int]] = []
    statuses: dict[tuple[str, str], int] = {}
    async with running(settings) as gateway:
        account = await gateway.account(email="me@example.com")
        for method, path in calls:
            # One of them ends the key that it comes with.
            given = {"Authorization": f"Bearer {await gateway.key(account)}"}
            async with gateway.client.stream(method, path, headers=given) as answer:
                statuses[method, path] = answer.status_code
            told = answer.headers.get("ratelimit-policy"), answer.headers.get("ratelimit", "")
            if told[0] != '"default";q=400;w=2' or not told[1].startswith('"default";r='):
                without.append((method, path, answer.status_code))

    assert without == []
    assert statuses["GET", f"{API}/codes"] == 200
    assert statuses["OPTIONS", f"{API}/codes"] == 204
    assert statuses["GET", f"{API}/events/stream"] == 200
    assert len(statuses) > 200


async def test_a_strangers_worst_names_cost_little_and_change_nothing(
    gateway: Gateway, key: str
) -> None:
    names = {f"{'amount_cents' * 5}{number}": 1 for number in range(500)}
    body = {**RIGHT, **names, "platform": "c" * 9_000}

    answer = await gateway.call("POST", "/topup/send", key=key, json=body)
    lost = await gateway.client.get(f"{API}/{'a/' * 2_000}")

    assert (answer.json()["code"], lost.status_code) == (2007, 404)
    assert len(answer.json()["data"]["error"]["errors"]) == 50
    assert len(answer.content) < 20_000


@pytest.mark.parametrize("amount", [10.0, "$10.00"])
async def test_an_amount_of_another_type_is_told_its_unit(
    gateway: Gateway, key: str, amount: object
) -> None:
    refused = await gateway.call(
        "POST", "/topup/send", key=key, json={**RIGHT, "amount_cents": amount}
    )

    (problem,) = refused.json()["data"]["error"]["errors"]
    assert problem["detail"].startswith("expected an integer, got ")
    assert problem["detail"].endswith(": it is a whole number of US cents, and 1000 means $10.00")


@pytest.mark.parametrize(
    ("metadata", "param"),
    [
        ({"team": "a", "order": 5}, "metadata.order"),
        ({"order": None}, "metadata.order"),
        ({"team": "a", "x" * 41: "b"}, "metadata." + "x" * 41),
    ],
)
async def test_a_pair_of_metadata_is_named(
    gateway: Gateway, key: str, metadata: dict[str, Any], param: str
) -> None:
    refused = await gateway.call(
        "POST", "/topup/send", key=key, json={**RIGHT, "metadata": metadata}
    )

    assert [one["param"] for one in refused.json()["data"]["error"]["errors"]] == [param]


async def test_a_tools_door_without_a_credential_has_whole_addresses(gateway: Gateway) -> None:
    refused = await gateway.client.post("/mcp", json={"jsonrpc": "2.0", "id": 1, "method": "ping"})

    data = refused.json()["error"]["data"]
    assert (refused.status_code, data["doc_url"]) == (401, f"{gateway.url}/docs/codes/2001")
    assert "resource_metadata" in refused.headers["www-authenticate"]


async def test_the_front_door_answers_programs_in_their_own_form(gateway: Gateway) -> None:
    def asked(accept: str) -> Any:
        return gateway.client.get("/", headers={"Accept": accept})

    found = (await asked("application/json")).json()
    text = await asked("text/plain")
    page = await asked("text/html,application/xhtml+xml,*/*;q=0.8")

    assert found["llms_txt"] == f"{gateway.url}/llms.txt"
    assert (await gateway.client.get(found["openapi"])).status_code == 200
    assert text.headers["content-type"].startswith("text/plain")
    assert text.text == (await gateway.client.get("/llms.txt")).text
    assert page.headers["content-type"].startswith("text/html")
    assert {one.headers["vary"] for one in (text, page)} == {"Accept"}
