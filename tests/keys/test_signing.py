import base64
import time
from collections.abc import Sequence

import pytest
import standardwebhooks
import stripe
from hypothesis import given, strategies as st

from keys.signatures.signing import (
    Finding,
    InvalidSecret,
    ed25519_signature,
    new_webhook_secret,
    public_text,
    secret_key,
    signature_headers,
    signer_of,
    stripe_signature,
    verify,
)

BODY = '{"id":"evt_1","data":{"note":"naïve \\u00e9"}}'.encode()
OLDER = "whsec_" + base64.b64encode(b"o" * 32).decode()
NEWER = "whsec_" + base64.b64encode(b"n" * 32).decode()
T = 1_765_432_100
TIMELESS = ("timestamp", "webhook-timestamp")


def signed(
    *,
    secrets: Sequence[str] = (NEWER,),
    seeds: Sequence[bytes] = (),
    timestamp_s: int = T,
    body: bytes = BODY,
) -> dict[str, str]:
    return signature_headers(
        secrets=secrets,
        signers=[signer_of(seed) for seed in seeds],
        message_id="evt_1",
        timestamp_s=timestamp_s,
        body=body,
    )


def parts(findings: list[Finding]) -> list[tuple[str, str | None]]:
    return [(one.part, one.header) for one in findings]


def test_stripe_scheme_gives_the_published_answer() -> None:
    body = b'{"id":"evt_1","type":"checkout.session.completed"}'

    signature = stripe_signature("whsec_test_secret", 1_700_000_000, body)

    # By openssl dgst -sha256 -hmac whsec_test_secret, of the time, a full stop and the body.
    assert signature == "a13d4b1f9003bc2fb6c06224e878b6056185eaa50d40e1e7dc05517f8af41d7b"


def test_standard_scheme_gives_the_published_answer() -> None:
    made = signature_headers(
        secrets=["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"],
        message_id="msg_p5jXN8AQM9LWM0D4loKWxJek",
        timestamp_s=1_614_265_330,
        body=b'{"test": 2432232314}',
    )

    # The vector of the Standard Webhooks libraries' own tests.
    assert made["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_ed25519_gives_the_published_answers() -> None:
    """The vector of the Standard Webhooks library in Go for v1a, and the first two of RFC 8032, section 7.1."""
    seed = base64.b64decode("VEVTVFNJR05JTkdLRVlET05PVFVTRVRISVNGT1JBTlk=")
    made = signature_headers(
        secrets=[NEWER],
        signers=[signer_of(seed)],
        message_id="msg_p5jXN8AQM9LWM0D4loKWxJek",
        timestamp_s=1_614_265_330,
        body=b'{"test": 2432232314}',
    )
    first = bytes.fromhex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60")
    second = bytes.fromhex("4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb")

    assert made["webhook-signature"].split(" ")[1] == (
        "v1a,tQ9V2XOqn7jL/DQenEFpqIugdBVtiMmER5mhSkXBNwM0mkATuDe6KYYUuxqtaiHeYGb7KaaBRdM5WqyeFiL8Ag=="
    )
    # d75a9801 82b10ab7 d54bfed3 c964073a 0ee172f3 daa62325 af021a68 f707511a
    assert public_text(first) == "whpk_11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="
    assert base64.b64decode(ed25519_signature(signer_of(second), b"\x72")).hex() == (
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
        "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"
    )


@pytest.mark.parametrize("secret", [NEWER, OLDER])
def test_published_libraries_accept_a_request_signed_by_two_secrets(secret: str) -> None:
    headers = signed(
        secrets=[NEWER, OLDER], seeds=[b"k" * 32, b"o" * 32], timestamp_s=int(time.time())
    )

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


PUBLIC = public_text(b"k" * 32)
OTHER = public_text(b"o" * 32)


@pytest.mark.parametrize(
    ("public_key", "changes", "late_s", "expected"),
    [
        (PUBLIC, {}, 0, []),
        (PUBLIC, {"X-AiTopUp-Signature": "not looked at"}, 0, []),
        (PUBLIC, {"webhook-id": "evt_2"}, 0, [("bytes", "webhook-signature")]),
        (PUBLIC, {"webhook-signature": "v1a,x v1a,"}, 0, [("bytes", "webhook-signature")]),
        (PUBLIC, {"webhook-signature": "v1,AAAA"}, 0, [("header", "webhook-signature")]),
        (PUBLIC, {"webhook-timestamp": ""}, 0, [("header", "webhook-timestamp"), TIMELESS]),
        (PUBLIC, {}, 301, [TIMELESS]),
        (OTHER, {}, 0, [("bytes", "webhook-signature")]),
        (NEWER, {}, 0, [("public_key", None)]),
        ("whpk_!", {}, 0, [("public_key", None)]),
        ("whpk_QUJD", {}, 301, [("public_key", None), TIMELESS]),
    ],
)
def test_by_a_public_key_the_signature_v1a_alone_is_checked(
    public_key: str, changes: dict[str, str], late_s: int, expected: list[tuple[str, str]]
) -> None:
    headers = signed(seeds=[b"k" * 32]) | changes

    found = verify(headers=headers, body=BODY, public_key=public_key, now_s=T + late_s)

    assert parts(found) == expected


def test_who_gives_secret_and_public_key_has_both_checked() -> None:
    """A secret passes over v1a, as it did before there was any."""
    headers = signed(seeds=[b"k" * 32])

    def found(secret: str, public_key: str | None) -> list[tuple[str, str | None]]:
        return parts(
            verify(headers=headers, body=BODY, secret=secret, public_key=public_key, now_s=T)
        )

    assert found(NEWER, None) == found(NEWER, PUBLIC) == []
    assert found(NEWER, OTHER) == [("bytes", "webhook-signature")]
    assert found(OLDER, PUBLIC) == [
        ("bytes", "X-AiTopUp-Signature"),
        ("bytes", "webhook-signature"),
    ]


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
