import base64
import time
from collections.abc import Sequence

import pytest
import standardwebhooks
import stripe
from hypothesis import given, strategies as st

from keys.signing import (
    Finding,
    InvalidSecret,
    new_webhook_secret,
    secret_key,
    signature_headers,
    standard_signature,
    stripe_signature,
    verify,
)

BODY = '{"id":"evt_1","data":{"note":"naïve \\u00e9"}}'.encode()
OLDER = "whsec_" + base64.b64encode(b"o" * 32).decode()
NEWER = "whsec_" + base64.b64encode(b"n" * 32).decode()
T = 1_765_432_100


def signed(
    *, secrets: Sequence[str] = (NEWER,), timestamp_s: int = T, body: bytes = BODY
) -> dict[str, str]:
    return signature_headers(
        secrets=secrets, message_id="evt_1", timestamp_s=timestamp_s, body=body
    )


def parts(findings: list[Finding]) -> list[tuple[str, str | None]]:
    return [(one.part, one.header) for one in findings]


def test_stripe_scheme_gives_the_published_answer() -> None:
    body = b'{"id":"evt_1","type":"checkout.session.completed"}'

    signature = stripe_signature("whsec_test_secret", 1_700_000_000, body)

    # providers.md, section 1.
    assert signature == "a13d4b1f9003bc2fb6c06224e878b6056185eaa50d40e1e7dc05517f8af41d7b"


def test_standard_scheme_gives_the_published_answer() -> None:
    key = secret_key("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")

    signature = standard_signature(
        key, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, b'{"test": 2432232314}'
    )

    # The vector of the Standard Webhooks libraries' own tests.
    assert signature == "g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


@pytest.mark.parametrize("secret", [NEWER, OLDER])
def test_published_libraries_accept_a_request_signed_by_two_secrets(secret: str) -> None:
    headers = signed(secrets=[NEWER, OLDER], timestamp_s=int(time.time()))

    assert stripe.WebhookSignature.verify_header(
        BODY.decode(), headers["X-AiTopUp-Signature"], secret, tolerance=300
    )
    assert standardwebhooks.Webhook(secret).verify(BODY, headers)["id"] == "evt_1"


def test_published_libraries_refuse_a_changed_body() -> None:
    headers = signed(timestamp_s=int(time.time()))

    with pytest.raises(stripe.SignatureVerificationError):
        stripe.WebhookSignature.verify_header(
            BODY.decode() + " ", headers["X-AiTopUp-Signature"], NEWER, tolerance=300
        )
    with pytest.raises(standardwebhooks.WebhookVerificationError):
        standardwebhooks.Webhook(NEWER).verify(BODY + b" ", headers)


def test_newest_secret_signs_first() -> None:
    both, newest = signed(secrets=[NEWER, OLDER]), signed(secrets=[NEWER])

    assert both["X-AiTopUp-Signature"].startswith(newest["X-AiTopUp-Signature"] + ",v1=")
    assert both["webhook-signature"].startswith(newest["webhook-signature"] + " v1,")
    assert both["webhook-id"] == "evt_1"
    assert both["webhook-timestamp"] == "1765432100"


def test_new_secret_holds_32_random_bytes() -> None:
    first, second = new_webhook_secret(), new_webhook_secret()

    assert len(secret_key(first)) == 32
    assert first != second
    assert len(first) == 50


@pytest.mark.parametrize("size", [24, 32, 64])
def test_secret_of_24_to_64_bytes_is_accepted(size: int) -> None:
    assert secret_key("whsec_" + base64.b64encode(b"x" * size).decode()) == b"x" * size


@pytest.mark.parametrize(
    "secret",
    [
        "",
        "whsec_",
        "whsec_" + base64.b64encode(b"x" * 23).decode(),
        "whsec_" + base64.b64encode(b"x" * 65).decode(),
        base64.b64encode(b"x" * 32).decode(),
        "WHSEC_" + base64.b64encode(b"x" * 32).decode(),
        NEWER + "\n",
        NEWER.rstrip("="),
        "whsec_" + "é" * 40,
        "whsec_" + "-_" * 20,
    ],
)
def test_secret_of_another_form_is_refused_without_being_shown(secret: str) -> None:
    with pytest.raises(InvalidSecret) as refused:
        secret_key(secret)

    assert refused.value.param == "secret"
    assert len(secret) < 10 or secret.strip() not in refused.value.detail


@given(st.binary(max_size=200), st.integers(0, 10**11), st.binary(min_size=24, max_size=64))
def test_what_is_signed_verifies(body: bytes, timestamp_s: int, key: bytes) -> None:
    secret = "whsec_" + base64.b64encode(key).decode()
    headers = signed(secrets=[OLDER, secret], timestamp_s=timestamp_s, body=body)

    assert verify(headers=headers, body=body, secret=secret, now_s=timestamp_s + 300) == []


@pytest.mark.parametrize(
    ("name", "scheme"), [("x-aitopup-signature", "stripe"), ("webhook-signature", "standard")]
)
def test_one_scheme_alone_suffices_whatever_the_case_of_its_names(name: str, scheme: str) -> None:
    headers = {key.upper(): value for key, value in signed().items()}
    kept = {
        key: value
        for key, value in headers.items()
        if (key == "X-AITOPUP-SIGNATURE") == (scheme == "stripe")
    }

    assert verify(headers=kept, body=BODY, secret=NEWER, now_s=T) == []


def test_old_and_early_timestamps_are_found() -> None:
    old = verify(headers=signed(), body=BODY, secret=NEWER, now_s=T + 301)
    early = verify(headers=signed(), body=BODY, secret=NEWER, now_s=T - 301)

    both = [("timestamp", "X-AiTopUp-Signature"), ("timestamp", "webhook-timestamp")]
    assert parts(old) == both
    assert parts(early) == both
    assert "301 s old" in old[0].detail
    assert "301 s in the future" in early[0].detail


def test_wrong_secret_and_changed_bytes_are_found() -> None:
    wrong_secret = verify(headers=signed(), body=BODY, secret=OLDER, now_s=T)
    changed = verify(headers=signed(), body=b"{}", secret=NEWER, now_s=T)

    both = [("bytes", "X-AiTopUp-Signature"), ("bytes", "webhook-signature")]
    assert parts(wrong_secret) == both
    assert parts(changed) == both


@pytest.mark.parametrize(
    ("received", "said"),
    [
        (BODY + b"\n", "white space"),
        (b'{"id": "evt_1", "data": {"note": "na\xc3\xafve \\u00e9"}}', "written again"),
        (b'{\n  "id": "evt_1",\n  "data": {"note": "na\\u00efve \\u00e9"}\n}', "written again"),
    ],
)
def test_the_likely_slip_is_named(received: bytes, said: str) -> None:
    body = b'{"id":"evt_1","data":{"note":"na\xc3\xafve \xc3\xa9"}}'
    original = body if said == "written again" else BODY

    findings = verify(headers=signed(body=original), body=received, secret=NEWER, now_s=T)

    assert parts(findings) == [("bytes", "X-AiTopUp-Signature"), ("bytes", "webhook-signature")]
    assert all(said in one.detail for one in findings)


def test_changed_bytes_that_are_no_json_are_found() -> None:
    findings = verify(headers=signed(), body=b"\xff{", secret=NEWER, now_s=T)

    assert parts(findings) == [("bytes", "X-AiTopUp-Signature"), ("bytes", "webhook-signature")]


def test_bad_secret_is_found_beside_the_rest() -> None:
    findings = verify(headers=signed(), body=BODY, secret="sk_live_1", now_s=T + 999)

    assert [one.part for one in findings] == ["secret", "timestamp", "timestamp"]
    assert "sk_live_1" not in str(findings)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"X-AiTopUp-Signature": "abc"}, [("header", "X-AiTopUp-Signature")]),
        ({"X-AiTopUp-Signature": "t=1,t=2,v1=aa"}, [("header", "X-AiTopUp-Signature")]),
        ({"X-AiTopUp-Signature": f"t={T}"}, [("header", "X-AiTopUp-Signature")]),
        ({"X-AiTopUp-Signature": f"t={T},v0=aa"}, [("header", "X-AiTopUp-Signature")]),
        ({"X-AiTopUp-Signature": f"t={T},v1=é"}, [("bytes", "X-AiTopUp-Signature")]),
        ({"X-AiTopUp-Signature": "t=²,v1=aa"}, [("header", "X-AiTopUp-Signature")]),
        ({"webhook-signature": "nothing"}, [("header", "webhook-signature")]),
        ({"webhook-signature": ""}, [("header", "webhook-signature")]),
        ({"webhook-signature": "v1,\udcff"}, [("bytes", "webhook-signature")]),
        ({"webhook-id": ""}, [("header", "webhook-id")]),
        ({"webhook-timestamp": "yesterday"}, [("timestamp", "webhook-timestamp")]),
        ({"webhook-timestamp": "9" * 5000}, [("timestamp", "webhook-timestamp")]),
        ({"webhook-id": "i" * 5000}, [("header", "webhook-signature")]),
    ],
)
def test_malformed_headers_are_found_and_never_raise(
    changes: dict[str, str], expected: list[tuple[str, str]]
) -> None:
    headers = signed() | changes

    assert parts(verify(headers=headers, body=BODY, secret=NEWER, now_s=T)) == expected


def test_no_signature_header_is_a_finding() -> None:
    assert parts(verify(headers={}, body=BODY, secret=NEWER, now_s=T)) == [("header", None)]


@given(
    st.dictionaries(
        st.sampled_from(
            ["X-AiTopUp-Signature", "webhook-id", "webhook-timestamp", "webhook-signature"]
        ),
        st.text(max_size=60),
    ),
    st.binary(max_size=60),
    st.text(max_size=60),
)
def test_nothing_unsigned_verifies_and_nothing_raises(
    headers: dict[str, str], body: bytes, secret: str
) -> None:
    assert verify(headers=headers, body=body, secret=secret, now_s=T) != []
