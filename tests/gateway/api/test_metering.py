"""Usage by tokens over HTTP: batches, CloudEvents, the price list, the list of usage and its sums."""

import csv
import threading
from typing import Any

import httpx
import pytest
import pytest_asyncio

from billing.usage.price_rows import NewPrice
from gateway.http.body import read_aside
from kernel.limits import BODY_BYTES_MAX
from tests.support.gateway import Gateway
from tests.support.prices import GPT, price
from tests.support.stripe_life import operator_of

pytestmark = pytest.mark.fixed_clock

CALL = {"model": "gpt-4o", "input_tokens": 1200, "cached_tokens": 800, "output_tokens": 300}
EVENT = {"specversion": "1.0", "id": "17", "source": "/chat", "type": "ai.usage", "data": CALL}


@pytest_asyncio.fixture
async def account_id(gateway: Gateway) -> str:
    await price(gateway.context.database, GPT)
    return await gateway.account(email="me@example.com")


@pytest_asyncio.fixture
async def key(gateway: Gateway, account_id: str) -> str:
    return await gateway.key(account_id)


async def post(gateway: Gateway, key: str, body: Any, **headers: str) -> httpx.Response:
    return await gateway.call("POST", "/usage", key=key, json=body, headers=headers)


async def get(gateway: Gateway, key: str, path: str) -> Any:
    answer = await gateway.call("GET", path, key=key)
    assert answer.status_code == 200, answer.text
    return answer.json()["data"]


def fault(answer: httpx.Response) -> tuple[int, int, Any]:
    body = answer.json()
    return answer.status_code, body["code"], body["data"]["error"]["param"]


async def test_tokens_are_priced_and_a_repeated_reference_is_the_same_charge(
    gateway: Gateway, key: str
) -> None:
    first = await post(gateway, key, {**CALL, "reference": "call-1"})
    again = await post(gateway, key, {**CALL, "reference": "call-1"})
    other = await post(gateway, key, {**CALL, "output_tokens": 301, "reference": "call-1"})

    data = first.json()["data"]
    assert (data["amount_micros"], data["credits"], data["price_version"]) == (5000, 5, 1)
    assert (data["description"], data["repeated"]) == ("AI usage", False)
    assert again.json()["data"] == {**data, "repeated": True}
    assert (other.status_code, other.json()["code"]) == (409, 2006)


@pytest.mark.one_database
@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"model": None}, (422, 2007, "model")),
        ({"output_tokens": None}, (422, 2007, "output_tokens")),
        ({"cached_tokens": 1201}, (422, 2007, "cached_tokens")),
        ({"input_tokens": -1}, (422, 2007, "input_tokens")),
        ({"input_tokens": 10**10 + 1}, (422, 2007, "input_tokens")),
        ({"input_tokens": 0, "cached_tokens": 0, "output_tokens": 0}, (422, 2007, "input_tokens")),
        ({"credits": 5}, (422, 2007, "credits")),
        ({"model": "gpt-4p"}, (422, 2007, "model")),
        ({"tokens": 5}, (422, 2007, "tokens")),
    ],
)
async def test_what_cannot_be_priced_is_refused_by_its_field(
    gateway: Gateway, key: str, change: dict[str, Any], expected: tuple[int, int, str]
) -> None:
    answer = await post(gateway, key, {**CALL, **change})

    assert fault(answer) == expected
    if change.get("model"):
        error = answer.json()["data"]["error"]
        assert (error["reason"], error["did_you_mean"]) == ("unknown_model", "gpt-4o")


async def test_a_billion_tokens_are_the_same_to_the_micro_everywhere(
    gateway: Gateway, account_id: str, key: str
) -> None:
    """600,000,001 fresh tokens at $0.25 for a million are 150,000,000.25 micros, 400,000,000 cached ones at
    $0.125 are 50,000,000, 1,000,000,000 out at $1.00 are 1,000,000,000: 1,200,000,000.25, rounded up once.
    """
    charged, left = 1_200_000_001, 8_799_999_999  # of $10,000.00
    cheap = NewPrice(
        model="m", input_micros=250_000, output_micros=1_000_000, cached_micros=125_000
    )
    await price(gateway.context.database, cheap)
    tokens = {
        "input_tokens": 1_000_000_001,
        "cached_tokens": 400_000_000,
        "output_tokens": 1_000_000_000,
    }

    made = (await post(gateway, key, {"model": "m", "reference": "r", **tokens})).json()["data"]

    async def rows(path: str) -> list[dict[str, str]]:
        answer = await gateway.call("GET", f"{path}format=csv", key=key)
        return list(csv.DictReader(answer.text.lstrip("\ufeff").splitlines()))

    assert (made["amount_micros"], made["balance_micros"]) == (charged, left)
    [listed] = (await get(gateway, key, "/usage"))["items"]
    assert {name: listed[name] for name in tokens} == tokens
    assert listed["amount_micros"] == charged
    groups = await get(gateway, key, "/usage?group_by=model")
    assert {name: groups["total"][name] for name in tokens} == tokens
    assert [one["amount_micros"] for one in (groups["total"], *groups["items"])] == [charged] * 2
    for path in ("/usage?", "/usage?group_by=day&"):
        [row] = await rows(path)
        assert int(row["amount_micros"]) == charged
        assert {name: int(row[name]) for name in tokens} == tokens
    *_, transfer, closing = await rows("/topup/statement?")
    assert (int(transfer["change_micros"]), int(closing["balance_micros"])) == (-charged, left)
    operator = await operator_of(gateway, account_id)
    [month] = (await get(gateway, operator, "/reports/outstanding"))["items"]
    assert (month["used_micros"], month["closing_micros"]) == (-charged, left)


async def test_a_batch_has_a_verdict_for_each(gateway: Gateway, key: str) -> None:
    records = [
        {**CALL, "reference": "a"},
        {**CALL, "reference": "a"},
        {"reference": "b", "credits": "five"},
        {**CALL, "model": "unknown", "reference": "c"},
        {"credits": 0, "description": "x"},
    ]
    answer = await post(gateway, key, {"records": records}, **{"Idempotency-Key": "k"})
    replay = await post(gateway, key, {"records": records}, **{"Idempotency-Key": "k"})

    data = answer.json()["data"]
    assert answer.status_code == 200
    told = [(one["status"], one["reference"], one["code"]) for one in data["results"]]
    assert told == [
        ("charged", "a", None),
        ("repeated", "a", None),
        ("refused", "b", 2007),
        ("refused", "c", 2007),
        ("refused", None, 2005),
    ]
    assert (data["charged"], data["repeated"], data["refused"]) == (1, 1, 3)
    assert (data["amount_micros"], data["balance_micros"]) == (5000, 9_999_995_000)
    assert replay.content == answer.content


@pytest.mark.one_database
@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"records": []}, "records"),
        ({"records": 5}, "records"),
        ([CALL], "records"),
        ({"records": [CALL], "model": "x"}, "model"),
        ({"records": [CALL] * 1001}, "records"),
    ],
)
async def test_a_batch_that_is_none_is_refused(
    gateway: Gateway, key: str, body: Any, param: str
) -> None:
    answer = await post(gateway, key, body)

    assert fault(answer) == (422, 2007, param)


async def test_a_long_batch_of_nonsense_is_answered_with_the_first_faults_of_each(
    gateway: Gateway, key: str
) -> None:
    wrong = {f"field_{number}": 1 for number in range(60)}
    answer = await post(gateway, key, {"records": [wrong] * 100 + [CALL]})

    assert len(answer.request.content) > BODY_BYTES_MAX
    results = answer.json()["data"]["results"]
    assert [one["status"] for one in results] == ["refused"] * 100 + ["charged"]
    assert [one["param"] for one in results[99]["error"]["errors"]] == list(wrong)[:10]


async def test_a_long_body_is_read_beside_the_event_loop() -> None:
    assert await read_aside(threading.get_ident) != threading.get_ident()


async def test_cloud_events_are_records_under_their_source_and_id(
    gateway: Gateway, key: str
) -> None:
    structured = {"Content-Type": "application/cloudevents+json; charset=utf-8"}
    binary = {
        "ce-specversion": "1.0",
        "ce-id": "%31%37",
        "ce-source": "/chat",
        "ce-type": "ai.usage",
    }
    many = {"Content-Type": "application/cloudevents-batch+json"}

    one = await post(gateway, key, {**EVENT, "traceparent": "00-x"}, **structured)
    same = await post(gateway, key, CALL, **binary)
    batch = await post(gateway, key, [EVENT, {**EVENT, "id": "18"}, {"id": "19"}], **many)

    assert one.json()["data"]["reference"] == "/chat 17"
    assert same.json()["data"]["id"] == one.json()["data"]["id"]
    results = batch.json()["data"]["results"]
    assert [each["status"] for each in results] == ["repeated", "charged", "refused"]
    assert results[1]["reference"] == "/chat 18"


@pytest.mark.one_database
@pytest.mark.parametrize(
    ("change", "param"),
    [
        ({"specversion": "0.3"}, "specversion"),
        ({"id": ""}, "id"),
        ({"source": "a b"}, "source"),
        ({"data": {**CALL, "reference": "mine"}}, "reference"),
        ({"data": {**CALL, "modle": "x"}}, "data.modle"),
        ({"id": "x" * 124}, "id"),
    ],
)
async def test_a_cloud_event_that_is_wrong_is_refused_by_its_attribute(
    gateway: Gateway, key: str, change: dict[str, Any], param: str
) -> None:
    answer = await post(
        gateway, key, {**EVENT, **change}, **{"Content-Type": "application/cloudevents+json"}
    )

    assert fault(answer) == (422, 2007, param)


async def test_usage_is_listed_grouped_and_exported(
    gateway: Gateway, key: str, account_id: str
) -> None:
    reader = await gateway.key(account_id, scopes=("usage:read",))
    await post(gateway, key, {**CALL, "reference": "=1+1"})
    await post(gateway, key, {"credits": 2, "description": "x"})

    listed = await get(gateway, reader, "/usage?limit=1")
    rest = await get(gateway, reader, f"/usage?cursor={listed['next_cursor']}")
    by_model = await get(gateway, reader, "/usage?group_by=model&from=2026-06-13&to=2026-06-14")
    by_day = await get(gateway, reader, "/usage?group_by=day&limit=1")
    table = await gateway.call("GET", "/usage?format=csv&model=gpt-4o", key=reader)
    sums = await gateway.call("GET", "/usage?format=csv&group_by=day", key=reader)

    assert [one["amount_micros"] for one in listed["items"] + rest["items"]] == [2000, 5000]
    assert rest["next_cursor"] is None
    assert [(one["model"], one["amount_micros"], one["records"]) for one in by_model["items"]] == [
        ("gpt-4o", 5000, 1),
        (None, 2000, 1),
    ]
    assert (by_model["total"]["amount_micros"], by_model["from"]) == (7000, "2026-06-13T00:00:00Z")
    assert [(one["day"], one["input_tokens"]) for one in by_day["items"]] == [("2026-06-13", 1200)]
    lines = table.text.splitlines()
    assert len(lines) == 2
    assert lines[1].split(",")[9:] == ["'=1+1", "1200", "300", "800", "1"]
    assert sums.text.splitlines()[1].startswith("2026-06-13,,,,2,7000,7,1200,")


@pytest.mark.one_database
@pytest.mark.parametrize(
    ("query", "param"),
    [
        ("modle=x", "modle"),
        ("group_by=hour", "group_by"),
        ("group_by=day&reference=x", "reference"),
        ("group_by=day&from=2026-06-13T01:00:00Z", "from"),
        ("group_by=day&from=2025-01-01&to=2026-06-13", "from"),
        ("from=2026-06-14&to=2026-06-13", "from"),
        ("cursor=usg_1", "cursor"),
        ("from=yesterday", "from"),
    ],
)
async def test_a_filter_that_is_not_known_is_refused(
    gateway: Gateway, key: str, query: str, param: str
) -> None:
    answer = await gateway.call("GET", f"/usage?{query}", key=key)

    assert fault(answer) == (422, 2007, param)


async def test_an_agent_can_know_a_price(gateway: Gateway, account_id: str) -> None:
    reader = await gateway.key(account_id, scopes=("usage:write",))

    listed = await get(gateway, reader, "/prices")
    one = await get(gateway, reader, "/prices?model=gpt-4o")
    unknown = await gateway.call("GET", "/prices?model=gpt-4x", key=reader)

    assert listed == one
    assert listed["items"][0] | {"changed_at": None} == {
        "model": "gpt-4o",
        "input_micros": 2_500_000,
        "output_micros": 10_000_000,
        "cached_micros": 1_250_000,
        "version": 1,
        "changed_at": None,
    }
    assert fault(unknown) == (422, 2007, "model")


@pytest.mark.one_database
async def test_a_hold_is_extended_and_captured_by_tokens(gateway: Gateway, key: str) -> None:
    body = {"credits": 4, "description": "chat", "model": "gpt-4o", "overage": "owe", "ttl_s": 60}
    made = await gateway.call("POST", "/holds", key=key, json=body)
    path = f"/holds/{made.json()['data']['id']}"

    extended = await gateway.call("POST", f"{path}/extend", key=key, json={"ttl_s": 600})
    counts = {"input_tokens": 1200, "output_tokens": 300, "cached_tokens": 800}
    captured = await gateway.call("POST", f"{path}/capture", key=key, json=counts)

    assert extended.json()["data"]["expires_at"] == "2026-06-13T12:10:00Z"
    data = captured.json()["data"]
    assert (data["captured_micros"], data["overage_micros"], data["overage"]) == (4000, 1000, "owe")
    assert (data["price_version"], data["balance_micros"]) == (1, 9_999_995_000)
