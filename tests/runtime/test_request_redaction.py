"""What of a request may be kept: nothing that can be spent or signed in with, in whatever form it came."""

import json

import pytest
from hypothesis import given, strategies as st

from runtime.request_log.redact import BODY_BYTES_MAX, body_text, mask_text, query_text

JSON = "application/json"
KEY = "ak_live_7Qw2Er5Ty8Ui0Op3As6Df9Gh"
CODE = "ATU-7K2M-9QXW-4RTZ"


@pytest.mark.parametrize(
    ("body", "kept"),
    [
        # By its name.
        (b'{"password":"hunter2"}', '{"password":"***"}'),
        (b'{"code":"7K2M9QXW"}', '{"code":"***"}'),
        (b'{"deliverable":{"value":"sk-or-123"}}', '{"deliverable":{"value":"***"}}'),
        (b'{"headers":{"X-Shop":"s3cret"}}', '{"headers":{"X-Shop":"***"}}'),
        (b'{"secrets":{"management_key":"s3cret"}}', '{"secrets":{"management_key":"***"}}'),
        (b'{"tokens":["a1b2c3"]}', '{"tokens":["***"]}'),
        # By its look, wherever it stands.
        (b'{"note":"mine is ak_live_7Qw2Er5Ty8Ui"}', '{"note":"mine is ak_live_***"}'),
        (b'{"note":"atu 7K2M 9QXW 4RTZ"}', '{"note":"atu-***"}'),
        (b'{"code":123456}', '{"code":"***"}'),
        (b'{"code":"summer"}', '{"code":"***"}'),
        # Words and numbers stay.
        (b'{"input_tokens":12,"platform":"claude"}', '{"input_tokens":12,"platform":"claude"}'),
        # What is no JSON.
        (b'{"code": "7K2M9QXW", "platform"', '{"code": ***", "platform"'),
        (b'{"password":"hunt', '{"password":***'),
        (rb'{"codes":"a,b\n\"G-1,2\",5\nc", "platform"', '{"codes":***", "platform"'),
        (b"", ""),
        (b"\x00\xff", "��"),
    ],
)  # fmt: skip
def test_a_body_is_kept_without_secrets(body: bytes, kept: str) -> None:
    assert body_text(body, JSON) == kept


def test_an_answer_keeps_its_codes() -> None:
    answer = b'{"code":2007,"data":{"error":{"errors":[{"code":"missing_field"}],"value":"A1"}}}'

    assert body_text(answer, JSON, is_answer=True) == (
        '{"code":2007,"data":{"error":{"errors":[{"code":"missing_field"}],"value":"***"}}}'
    )


def test_forms_and_addresses_too() -> None:
    form = b"user=bob&password=hunter2&sign=9f8e&note=" + KEY.encode()
    assert body_text(form, "application/x-www-form-urlencoded") == (
        "user=bob&password=***&sign=***&note=ak_live_***"
    )
    assert query_text(f"limit=5&token={KEY}") == "limit=5&token=***"
    assert mask_text("/api/public/v1/vouchers/ATU7K2M9QXW4RTZ") == (
        "/api/public/v1/vouchers/ATU-***"
    )


@given(st.binary(max_size=200), st.binary(max_size=200), st.sampled_from([KEY, CODE]))
def test_a_secret_is_in_no_kept_text(before: bytes, after: bytes, secret: str) -> None:
    # A letter straight before or after it would make it another word.
    body = before + b' "' + secret.encode() + b'" ' + after
    for kind in (JSON, "text/csv"):
        kept = body_text(body, kind)
        assert secret not in kept
        assert len(kept) <= BODY_BYTES_MAX
        kept.encode()


def test_deep_and_long_bodies_are_cut() -> None:
    assert len(body_text(json.dumps({"a": "b" * 50_000}).encode(), JSON)) == BODY_BYTES_MAX
    assert body_text(b'{"a":' * 1_000 + b"1" + b"}" * 1_000, JSON)
