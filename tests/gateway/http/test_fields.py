"""Bodies and queries are exactly their structs, and a refusal names every bad field."""

from typing import Annotated

import pytest
from hypothesis import given, strategies as st
from msgspec import UNSET, Meta, UnsetType

from gateway.http.fields import EnvironmentMismatch, Shape, Unreadable, canonical, cursor_id
from kernel.errors import InvalidInput
from kernel.fields import Fields, Int64, LooseFields, Page, Time, time_us


class Send(Fields, frozen=True, kw_only=True):
    platform: Annotated[str, Meta(max_length=10)]
    amount_cents: Int64
    metadata: dict[str, str] = {}  # noqa: RUF012 msgspec copies it
    note: str | None | UnsetType = UNSET  # noqa: RUF036 as the API files have it


class Listing(Page, frozen=True, kw_only=True):
    status: str | None = None
    created_after: Time | None = None


SEND = Shape(Send)
LISTING = Shape(Listing)


def refused(raw: bytes) -> list[tuple[str, str]]:
    with pytest.raises(InvalidInput) as refusal:
        SEND.decode(raw, "staging")
    return [(error["param"], error["detail"]) for error in refusal.value.extra["errors"]]


def test_a_good_body_is_its_struct() -> None:
    body = SEND.decode(b'{"platform": "claude", "amount_cents": 1000}', "staging")

    assert body == Send(platform="claude", amount_cents=1000)


def test_every_bad_field_is_named() -> None:
    assert refused(b'{"platform":7,"amount_cents":"1000","amuont":1}') == [
        ("amuont", "unknown field"),
        ("platform", "expected a string, got an integer"),
        (
            "amount_cents",
            "expected an integer, got a string: it is a whole number of US cents, and 1000 means $10.00",
        ),
    ]


@pytest.mark.parametrize("amount", ["10.5", "true", "null", '"1000"', "[]", "{}", "1e3", "10.0"])
def test_an_amount_is_an_integer_and_nothing_else(amount: str) -> None:
    errors = refused(b'{"platform":"claude","amount_cents":%s}' % amount.encode())

    assert [param for param, _ in errors] == ["amount_cents"]


class Caps(Fields, frozen=True, kw_only=True):
    per_day_cents: Int64 | None = None


class Mint(Fields, frozen=True, kw_only=True):
    caps: Caps | None = None
    tags: dict[Annotated[str, Meta(min_length=1)], str] = {}  # noqa: RUF012 msgspec copies it


@pytest.mark.parametrize(
    ("raw", "param", "detail"),
    [
        (b'{"caps":[]}', "caps", "expected an object or null, got a list"),
        (
            b'{"caps":{"per_day_cents":1.5}}',
            "caps.per_day_cents",
            "expected an integer or null, got a number",
        ),
        (b'{"caps":{"per_dey":1}}', "caps.per_dey", "unknown field"),
        (b'{"tags":{"":"x"}}', "tags", "expected a string of length >= 1"),
        # A credential that strayed into the place of a name is not repeated.
        (b'{"caps":{"ak_live_%s":1}}' % (b"a" * 32), "caps.ak_live_***", "unknown field"),
    ],
)
def test_what_is_wrong_inside_a_field_is_said_in_words(raw: bytes, param: str, detail: str) -> None:
    with pytest.raises(InvalidInput) as refusal:
        Shape(Mint).decode(raw, "staging")

    assert refusal.value.extra["errors"] == [{"param": param, "detail": detail}]


def test_missing_fields_are_named() -> None:
    assert refused(b"{}") == [("platform", "is required"), ("amount_cents", "is required")]


def test_a_bad_member_is_found_inside_its_field() -> None:
    errors = refused(b'{"platform":"claude","amount_cents":1,"metadata":{"a":1}}')

    assert errors == [("metadata.a", "expected a string, got an integer")]


def test_an_over_long_string_says_its_limit() -> None:
    errors = refused(b'{"platform":"claude-claude","amount_cents":1}')

    assert errors == [("platform", "expected a string of length <= 10")]


def test_a_refusal_never_repeats_a_value() -> None:
    with pytest.raises(InvalidInput) as refusal:
        SEND.decode(b'{"platform":["hunter2"],"amount_cents":"hunter2"}', "staging")

    assert "hunter2" not in str(refusal.value.extra) + refusal.value.detail


def test_the_credentials_own_environment_is_dropped() -> None:
    body = SEND.decode(b'{"environment":"staging","platform":"claude","amount_cents":1}', "staging")

    assert body == Send(platform="claude", amount_cents=1)


@pytest.mark.parametrize("named", [b'"live"', b'"prod"', b'""'])
def test_another_environment_is_refused(named: bytes) -> None:
    with pytest.raises(EnvironmentMismatch):
        SEND.decode(b'{"environment":%s,"platform":"a","amount_cents":1}' % named, "staging")


def test_without_a_credential_environment_is_an_unknown_field() -> None:
    with pytest.raises(InvalidInput):
        SEND.decode(b'{"environment":"staging","platform":"a","amount_cents":1}', None)


@pytest.mark.parametrize("raw", [b"[]", b"null", b'"x"', b"1"])
def test_a_body_is_an_object(raw: bytes) -> None:
    with pytest.raises(InvalidInput):
        SEND.decode(raw, "staging")


MEMBERS = st.lists(
    st.sampled_from(
        [
            '"platform":"a"',
            '"platform":"a:b"',
            '"amount_cents":1',
            '"note":null',
            r'"note":"\":\""',
            '"metadata":{}',
            '"metadata":{"x":"1"}',
            '"metadata":{"x":"1","x":"2"}',
            '"metadata":{":":":"}',
        ]
    ),
    max_size=6,
)


@given(MEMBERS)
def test_no_name_stands_twice_in_a_body_that_is_taken(members: list[str]) -> None:
    raw = "{" + ",".join(members) + "}"
    names = [member.partition(":")[0] for member in members]
    is_good = (
        len(names) == len(set(names))
        and {'"platform"', '"amount_cents"'} <= set(names)
        and '"x":"1","x"' not in raw
    )

    if is_good:
        assert SEND.decode(raw.encode(), None).platform in {"a", "a:b"}
    else:
        with pytest.raises(InvalidInput):
            SEND.decode(raw.encode(), None)


class Registered(Fields, frozen=True, kw_only=True):
    """Like /webhooks/register: a default that is left out weighs up a colon that was dropped."""

    url: str
    description: str = ""


@pytest.mark.parametrize(
    "raw",
    [
        b'{"url":"http://a.example","url":"http://b.example","description":""}',
        b'{"url":"a:b:c","url":"x"}',
        b'{"url":"x","url":"a:b"}',
    ],
)
def test_a_name_that_stands_twice_is_refused_whatever_its_values_hold(raw: bytes) -> None:
    with pytest.raises(InvalidInput) as refused:
        Shape(Registered).decode(raw, None)

    assert refused.value.param == "url"


class Loose(LooseFields, frozen=True, kw_only=True):
    a: int = 0


@pytest.mark.parametrize("raw", [b'{"x":' * 3000 + b"1" + b"}" * 3000, b'{"x":' + b"[" * 3000])
def test_a_body_of_a_thousand_levels_is_refused(raw: bytes) -> None:
    with pytest.raises(Unreadable):
        Shape(Loose).decode(raw, None)


def test_text_that_is_no_json_is_unreadable() -> None:
    with pytest.raises(Unreadable):
        SEND.decode(b"platform=claude", "staging")


def test_equal_requests_have_equal_canonical_bytes() -> None:
    first = SEND.decode(b'{"platform":"a","amount_cents":1,"metadata":{"x":"1","y":"2"}}', None)
    other = SEND.decode(
        b'{ "metadata": {"y":"2", "x":"1"}, "amount_cents":1, "platform":"\\u0061"}', None
    )

    assert canonical(first) == canonical(other)


def test_null_and_absent_differ_where_a_patch_tells_them_apart() -> None:
    absent = SEND.decode(b'{"platform":"a","amount_cents":1}', None)
    null = SEND.decode(b'{"platform":"a","amount_cents":1,"note":null}', None)

    assert canonical(absent) != canonical(null)


def test_a_default_that_is_written_out_is_the_same_request() -> None:
    absent = LISTING.decode(b"{}", None)
    written = LISTING.decode(b'{"status":null,"limit":50}', None)

    assert canonical(absent) == canonical(written)


def test_a_query_is_read_in_its_types() -> None:
    query = LISTING.of_query(b"limit=200&status=failed&cursor=abc", "staging")

    assert (query.limit, query.status, query.cursor) == (200, "failed", "abc")


@pytest.mark.parametrize(
    "query",
    [
        b"limit=0",
        b"limit=201",
        b"limit=ten",
        b"limit=null",
        b"limit=",
        b"limit=1.5",
        b"limit=99999999999999999999999",
        b"limit=1&limit=2",
        b"cursor=",
        b"statsu=failed",
        b"status=%00",
        b"status=%ff",
        b"status=a%1b%5b0m",
        b"status=" + b"x" * 5000,
        b"&".join(b"a%d=1" % number for number in range(60)),
    ],
)
def test_a_wrong_query_is_refused(query: bytes) -> None:
    with pytest.raises(InvalidInput):
        LISTING.of_query(query, "staging")


def test_times_need_a_zone() -> None:
    # 2026-06-13T12:00:00Z is 1,781,352,000 Unix seconds (GNU date).
    assert time_us("2026-06-13T12:00:00Z", "created_after") == 1_781_352_000_000_000
    assert time_us("2026-06-13T14:00:00+02:00", "created_after") == 1_781_352_000_000_000
    for wrong in ("2026-06-13T12:00:00", "yesterday", "", "1781352000", "9999-99-99T00:00:00Z"):
        with pytest.raises(InvalidInput):
            time_us(wrong, "created_after")


def test_a_cursor_is_an_id_of_its_list() -> None:
    assert cursor_id("dlv_5FxpKAp3PpCQccNv", "dlv") == "dlv_5FxpKAp3PpCQccNv"
    for wrong in ("key_5FxpKAp3PpCQccNv", "dlv_", "dlv_short", "x", "dlv_5FxpKAp3PpCQcc'v"):
        with pytest.raises(InvalidInput):
            cursor_id(wrong, "dlv")
