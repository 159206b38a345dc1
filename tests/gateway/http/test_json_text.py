"""Strict JSON: what has two readings is refused; what has one is read."""

import contextlib
import json
from typing import Any

import pytest
from hypothesis import given, strategies as st

from gateway.http.body import has_control
from gateway.http.fields import (
    Unreadable,
    has_unique_names,
    is_doubtful,
    parse,
    shown,
)
from kernel.errors import InvalidInput

UNREADABLE = [
    b"",
    b" ",
    b"{",
    b'{"a":1,}',
    b'{"a":01}',
    b'{"a":.5}',
    b'{"a":+1}',
    b"{'a':1}",
    b'{"a":1} {}',
    b'{"a":NaN}',
    b'{"a":Infinity}',
    b'{"a":-Infinity}',
    b'\xef\xbb\xbf{"a":1}',
    '{"a":1}'.encode("utf-16"),
    b'{"a":"\xff"}',
    b'{"a":"\xed\xa0\x80"}',
    b'{"a":"\x00"}',
    b'{"a":"line\nend"}',
    b"[" * 9 + b"]" * 9,
    b"[" * 60_000,
    b'{"a":' * 10_000,
]
REFUSED = [
    (b'{"a":1,"a":1}', "a"),
    (b'{"m":{"b":1,"b":2}}', "b"),
    (b'{"\\u0061":1,"a":2}', "a"),
    (b'{"a":9223372036854775808}', "a"),
    (b'{"a":-9223372036854775809}', "a"),
    (b'{"a":' + b"9" * 5000 + b"}", "a"),
    (b'{"a":1e400}', "a"),
    (b'{"a":"\\u0000"}', "a"),
    (b'{"a":"\\u001b[0m"}', "a"),
    (b'{"a":"\x7f"}', "a"),
    (b'{"a":"\xc2\x85"}', "a"),
    (b'{"a":"\\ud800"}', "a"),
    (b'{"a":["x",{"b":"\\udfff"}]}', "a[1].b"),
    (b'{"\\u0000":1}', "?"),
]


@pytest.mark.parametrize("raw", UNREADABLE)
def test_text_that_is_not_strict_json_is_unreadable(raw: bytes) -> None:
    with pytest.raises(Unreadable):
        parse(raw)


@pytest.mark.parametrize(("raw", "param"), REFUSED)
def test_a_value_that_could_harm_is_refused_by_name(raw: bytes, param: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        parse(raw)

    assert refused.value.param == param


def test_eight_levels_are_read_and_brackets_in_strings_do_not_count() -> None:
    assert parse(b"[" * 8 + b"]" * 8) == [[[[[[[[]]]]]]]]
    assert parse(b'{"a":"[[[[[[[[[[[["}') == {"a": "[[[[[[[[[[[["}


@pytest.mark.parametrize(
    "raw",
    [
        rb'{"a":"\"[[[[[[[[["}',
        rb'{"a":"\\","b":"[[[[[[[[["}',
        rb'["[\"[[[[[[[[[", "\\\"[[[[[[[[["]',
    ],
)
def test_brackets_beside_escaped_quotes_do_not_count(raw: bytes) -> None:
    assert parse(raw) == json.loads(raw)


@pytest.mark.parametrize("raw", [rb'{"a":["\\",' + b"[" * 8, rb'["\"",' + b"[" * 8])
def test_brackets_after_escapes_count(raw: bytes) -> None:
    with pytest.raises(Unreadable, match="deeper than 8"):
        parse(raw)


@pytest.mark.parametrize(
    "raw",
    [
        b"[" + b"[[]]," * 1000 + b"[" * 8 + b"]" * 9,
        b'{"a":{}},' + b"[" * 9,
        b"[{}," * 9,
    ],
)
def test_the_deepest_place_counts_wherever_it_is(raw: bytes) -> None:
    with pytest.raises(Unreadable):
        parse(raw)


def test_many_brackets_side_by_side_are_read() -> None:
    raw = b"[" + b"{}," * 1000 + b'{"a":[[[[[[]]]]]]}]'

    assert parse(raw) == json.loads(raw)


def test_the_ends_of_64_bits_are_read() -> None:
    assert parse(b"[9223372036854775807,-9223372036854775808]") == [2**63 - 1, -(2**63)]


def test_line_ends_and_tabs_in_strings_are_text() -> None:
    assert parse(b'{"note":"a\\n\\tb"}') == {"note": "a\n\tb"}


@pytest.mark.parametrize(
    "raw",
    [
        b'{"a":1,"a":2}',
        b'{"a":{"a":1}}',
        b'{"\\u0061":1}',
        b'{"a":"\x7f"}',
        b'{"m":{":b":"1",":b":"2"}}',
        b'{"m":{":":"x"},"amount":1,"amount":2}',
    ],
)
def test_doubtful_text_gets_a_second_look(raw: bytes) -> None:
    assert is_doubtful(raw) or not has_unique_names(raw)


@pytest.mark.parametrize(
    "raw",
    [
        b'{"url":"https://a.example/x:y","at":"2026-06-13T12:00:00Z"}',
        b'{"a" : ":b", ":c":":", "d": [":", ":"]}',
        b'{"a":{"b":[{"c":":"}]}}',
        b"[]",
    ],
)
def test_colons_in_values_cost_no_second_look(raw: bytes) -> None:
    assert has_unique_names(raw)


@pytest.mark.parametrize(
    "raw",
    [
        b'{"url":"https://a.example/","url":"https://b.example/"}',
        b'{"a":"x"\n , "a"\t:"y"}',
        b'{"x":"a,",":b":1,":b":2}',
    ],
)
def test_a_name_that_stands_twice_is_seen(raw: bytes) -> None:
    assert not has_unique_names(raw)


def test_a_name_is_cut_and_what_looks_like_a_credential_in_it_is_masked() -> None:
    key = "ak_live_" + "Zk3v" * 8

    assert shown("n" * 100_000) == "n" * 64
    assert shown("n" * 50 + key) == "n" * 50 + "ak_live_***"
    # A secret that begins in what is shown may end beyond it.
    assert shown("redis://u:" + "p" * 400 + "@host") == "redis://u:***@host"
    assert shown("redis://u:" + "p" * 4000 + "@host") == "redis://u:***@"


def test_the_seeds_body_needs_no_second_look() -> None:
    seed = b"""{
    "platform": "claude",
    "amount_cents": 1000,
    "recipient_email": "user@example.com"
  }"""

    assert not is_doubtful(seed)
    assert has_unique_names(seed)


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner),
    max_leaves=4,
)
PAIRS = st.lists(
    st.tuples(st.sampled_from(["a", "b", ":", ":a", '"', "{", ""]), JSON_VALUES), max_size=5
)


@given(PAIRS, st.booleans())
def test_plain_text_never_repeats_a_name(pairs: list[tuple[str, Any]], is_ascii: bool) -> None:
    members = ", ".join(
        f"{json.dumps(name)}: {json.dumps(value, ensure_ascii=is_ascii)}" for name, value in pairs
    )
    raw = ("{" + members + "}").encode("utf-8", "surrogatepass")

    if not is_doubtful(raw) and has_unique_names(raw):
        names = [name for name, _ in pairs]
        assert len(names) == len(set(names))


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(raw: bytes) -> None:
    with contextlib.suppress(Unreadable, InvalidInput):
        parse(raw)


@given(st.text(max_size=20))
def test_text_without_controls_is_read_as_written(text: str) -> None:
    raw = json.dumps({"a": text}).encode()

    if not has_control(text):
        assert parse(raw) == {"a": text}
