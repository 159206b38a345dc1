"""Whatever is sent, every route answers in its own shape and with a code of the table, never 5xx."""

import json
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
import pytest_asyncio
from hypothesis import HealthCheck, given, settings as hypothesis_settings, strategies as st

from gateway.answers.response_codes import CODES
from gateway.app import SURFACES
from gateway.http.routing import Router
from gateway.openapi.operations import is_ours
from tests.support.gateway import Gateway, running, settings_of
from tests.support.openapi_check import check

FIELDS = ["success", "code", "message", "transaction_id", "status", "timestamp", "data"]
SEND = "/topup/send"
GOOD = {"platform": "claude", "amount_cents": 1000, "recipient_email": "user@example.com"}
JSON = {"Content-Type": "application/json"}


@pytest_asyncio.fixture
async def gateway(sqlite_template: Path, tmp_path: Path) -> AsyncIterator[Gateway]:
    shutil.copy(sqlite_template, tmp_path / "topup.db")
    async with running(settings_of(f"sqlite:///{tmp_path}/topup.db", tmp_path)) as opened:
        yield opened


@pytest_asyncio.fixture
async def key(gateway: Gateway) -> str:
    return await gateway.key(await gateway.account(email="me@example.com"))


def check_envelope(body: dict[str, Any], status: int) -> None:
    assert list(body) == FIELDS
    assert body["success"] is (status < 400)
    assert status in CODES[body["code"]].http_statuses


NONSENSE = [
    b"",
    b" ",
    b"{",
    b"[]",
    b"null",
    b"0",
    b'"text"',
    b"\x00\x01\x02",
    b"\xff\xfe{\x00}\x00",
    b'\xef\xbb\xbf{"a":1}',
    b"[" * 60_000,
    b'{"a":' * 10_000,
    b'{"amount_cents":' + b"9" * 10_000 + b"}",
    b'{"amount_cents":NaN}',
    b'{"amount_cents":1e999}',
    b'{"platform":"\\u0000"}',
    b'{"platform":"\\ud800"}',
    b'{"\\ud800":1}',
    b'{"platform":"\xed\xa0\x80"}',
    b'{"platform":"\xc2\x85"}',
    b'{"a":1,"a":2}',
    b'{"__proto__":{},"constructor":1}',
    b'{"platform":"' + b"x" * 60_000 + b'"}',
    b'{"url":"http://[::1","name":"\\u202e","recipient_email":"a@b@c","amount_cents":-1}',
    b'{"platform":"claude","amount_cents":9223372036854775807,"recipient_email":"a@b.example"}',
    b'{"platform":"claude","amount_cents":-9223372036854775808,"recipient_email":"a@b.example"}',
    b'{"platform":"claude","amount_cents":1000,"recipient_email":"\xe2\x80\xae@x.example"}',
    b'{"platform":"CLAUDE ","amount_cents":1000,"recipient_email":"' + b"a" * 300 + b'@x.example"}',
    b'{"overlap_s":-1,"name":"","scopes":["nope"],"expires_at":"soon","ip_allow_list":["x"]}',
]


@pytest.mark.parametrize("raw", NONSENSE)
@pytest.mark.sampled(3)
async def test_nonsense_never_breaks_a_route(gateway: Gateway, key: str, raw: bytes) -> None:
    for resource in Router(SURFACES):
        for method, route in resource.routes.items():
            if not route.is_unsafe or route.is_public:
                continue
            path = resource.template.replace("{", "x_").replace("}", "")
            answer = await gateway.client.request(
                method,
                path,
                content=raw,
                headers={**JSON, "Authorization": f"Bearer {key}"},
            )

            assert answer.status_code < 500, (method, path, answer.text)
            check(answer)
            if is_ours(resource):
                check_envelope(answer.json(), answer.status_code)


JSON_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.sampled_from(["claude", "user@example.com", "staging", "live", "http://x.example/"]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=10,
)
BODIES = st.dictionaries(
    st.sampled_from([*GOOD, "reference", "metadata", "note", "environment", "extra"]), JSON_VALUES
)


@hypothesis_settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(body=BODIES)
async def test_any_body_of_a_send_gets_a_clear_answer(
    gateway: Gateway, key: str, body: dict[str, Any]
) -> None:
    raw = json_of({**GOOD, **body})

    answer = await gateway.call("POST", SEND, key=key, content=raw, headers=JSON)

    assert answer.status_code < 500, (raw, answer.text)
    check_envelope(answer.json(), answer.status_code)
    allowed = {1001, 2002, 2003, 2004, 2005, 2006, 2007, 2009}
    assert answer.json()["code"] in allowed


@hypothesis_settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(raw=st.binary(max_size=300))
async def test_any_bytes_as_a_body_are_malformed(gateway: Gateway, key: str, raw: bytes) -> None:
    answer = await gateway.call("POST", SEND, key=key, content=raw, headers=JSON)

    assert answer.status_code in {400, 422}
    assert answer.json()["code"] == 2007


@hypothesis_settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(segment=st.text(st.characters(codec="utf-8"), min_size=1), query=st.text())
async def test_any_path_and_query_get_an_envelope(
    gateway: Gateway, key: str, segment: str, query: str
) -> None:
    path = f"/deliveries/{quoted(segment)}"

    one = await gateway.call("GET", path, key=key)
    many = await gateway.call("GET", f"/deliveries?status={quoted(query)}", key=key)

    assert one.status_code in {200, 404}
    assert many.status_code in {200, 422}
    check_envelope(one.json(), one.status_code)
    check_envelope(many.json(), many.status_code)


def json_of(value: dict[str, Any]) -> bytes:
    return json.dumps(value).encode()


def quoted(text: str) -> str:
    return quote(text, safe="", errors="replace")
