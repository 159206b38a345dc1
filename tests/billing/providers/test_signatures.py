"""Nothing of a notification is believed before its signature, whatever the forger knows but a key."""

import base64
import hashlib
import hmac
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from billing.providers.protocol import NotificationRefused, Received, Unconfirmed
from kernel.clock import SECOND_US, FixedClock
from keys.signatures.signing import stripe_signature
from tests.support.providers import (
    NAMES,
    NOW_S,
    from_creem,
    from_stripe,
    posted,
    provider,
    recorded,
    stand_in,
)

STRIPE_BODY = b'{"id":"evt_1","type":"checkout.session.completed"}'
STRIPE_V1 = "a13d4b1f9003bc2fb6c06224e878b6056185eaa50d40e1e7dc05517f8af41d7b"
CREEM_BODY = b'{"id":"evt_x","eventType":"checkout.completed"}'
CREEM_SIGNATURE = "cd02bac7e6fd96e81bf5df6c84a31068b550cc997df8b5211eda5e1eacc57c44"
MYFATOORAH_SIGNATURE = "+zaaCzWZPMjAkwse+E1PbAcjCX24Ay0v7FZI0cX1VxQ="
EPAY_QUERY = (
    b"money=73.00&name=TUC10&out_trade_no=USR1NOabc&pid=1000&trade_no=T1"
    b"&trade_status=TRADE_SUCCESS&type=alipay&param="
    b"&sign=ccdb803c956b1d840c6f976bf1dd5562&sign_type=MD5"
)


def refusal(name: str, received: Received, **settings: Any) -> str | None:
    """Why it is refused; "form" means that the signature is genuine."""
    with pytest.raises(NotificationRefused) as refused:
        provider(name, **settings).read(received)
    return refused.value.reason


def stripe_header(*signatures: str, at_s: int = NOW_S) -> str:
    return ",".join([f"t={at_s}", *(f"v1={one}" for one in signatures)])


def test_known_answer_of_stripe() -> None:
    assert stripe_signature("whsec_test_secret", NOW_S, STRIPE_BODY) == STRIPE_V1
    genuine = posted(b"stripe-signature", stripe_header(STRIPE_V1), STRIPE_BODY)

    assert refusal("stripe", genuine) == "form"  # genuine, and without an object


def test_known_answer_of_creem() -> None:
    assert refusal("creem", posted(b"creem-signature", CREEM_SIGNATURE, CREEM_BODY)) == "form"
    forged = posted(b"creem-signature", CREEM_SIGNATURE, CREEM_BODY + b" ")
    assert refusal("creem", forged) == "signature"


def test_known_answer_of_myfatoorah() -> None:
    body = recorded("myfatoorah-v2-payment")

    said = provider("myfatoorah").read(posted(b"myfatoorah-signature", MYFATOORAH_SIGNATURE, body))

    assert isinstance(said.facts[0], Unconfirmed)


def test_known_answer_of_epay() -> None:
    said = provider("epay").read(Received("GET", {}, EPAY_QUERY, b""))
    by_form = provider("epay").read(Received("POST", {}, b"", EPAY_QUERY))

    assert said == by_form
    assert said.event_id == "T1:TRADE_SUCCESS"


def test_known_answer_of_an_epay_client_library() -> None:
    query = b"money=moneyv&device=devicev&sign=3854cc9f022e0fb821bd2e002260245d&sign_type=MD5"

    # Genuine, and nobody's: it names no merchant.
    assert refusal("epay", Received("GET", {}, query, b""), key="1234567") == "form"


def genuine(name: str) -> Received:
    if name == "stripe":
        return from_stripe(recorded("stripe-session-paid"))
    if name == "creem":
        return from_creem(recorded("creem-checkout-completed"))
    if name == "epay":
        return Received("GET", {}, EPAY_QUERY, b"")
    body = recorded("myfatoorah-v2-payment")
    return posted(b"myfatoorah-signature", MYFATOORAH_SIGNATURE, body)


@pytest.mark.parametrize("name", NAMES)
def test_a_notification_without_a_signature_is_refused(name: str) -> None:
    given = genuine(name)
    query = given.query.partition(b"&sign=")[0]

    assert refusal(name, replace(given, headers={}, query=query)) == "signature"


@pytest.mark.parametrize("name", NAMES)
def test_a_notification_under_another_secret_is_refused(name: str) -> None:
    secret = "key" if name == "epay" else "webhook_secret"

    assert refusal(name, genuine(name), **{secret: "whsec_other"}) == "signature"


@pytest.mark.parametrize("name", NAMES)
def test_after_a_rotation_both_secrets_verify(name: str) -> None:
    field, old = {
        "creem": ("webhook_secret", "creem_secret"),
        "epay": ("key", "KEY"),
        "myfatoorah": ("webhook_secret", "mf_secret"),
        "stripe": ("webhook_secret", "whsec_test_secret"),
    }[name]

    rotated: dict[str, Any] = {field: f"whsec_new, {old}"}
    said = provider(name, **rotated).read(genuine(name))

    assert said == provider(name).read(genuine(name))


@pytest.mark.parametrize("empty", ["", " ", ",", " , "])
@pytest.mark.parametrize(
    ("name", "forge"),
    [
        ("stripe", lambda body: from_stripe(body, secret="")),
        ("creem", lambda body: from_creem(body, secret="")),
        (
            "myfatoorah",
            lambda body: posted(
                b"myfatoorah-signature",
                base64.b64encode(
                    hmac.digest(
                        b"",
                        b"Invoice.Id=6097700,Invoice.Status=PAID,Transaction.Status=SUCCESS,"
                        b"Transaction.PaymentId=07076097700327714676,Invoice.ExternalIdentifier=",
                        hashlib.sha256,
                    )
                ).decode(),
                body,
            ),
        ),
    ],
)
def test_an_empty_secret_verifies_nothing(
    name: str, forge: Callable[[bytes], Received], empty: str
) -> None:
    body = recorded(
        {
            "stripe": "stripe-session-paid",
            "creem": "creem-checkout-completed",
            "myfatoorah": "myfatoorah-v2-payment",
        }[name]
    )

    assert refusal(name, forge(body), webhook_secret=empty) == "signature"


def test_an_empty_key_of_epay_verifies_nothing() -> None:
    text = "money=73.00&out_trade_no=o&pid=1000&trade_no=T1&trade_status=TRADE_SUCCESS"
    sign = hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()
    forged = Received("GET", {}, f"{text}&sign={sign}&sign_type=MD5".encode(), b"")

    assert refusal("epay", forged, key="") == "signature"
    # Without a merchant's id there is no key either.
    assert refusal("epay", genuine("epay"), pid="") == "signature"


@pytest.mark.parametrize(
    ("off_s", "is_refused"), [(0, False), (300, False), (-300, False), (301, True), (-301, True)]
)
def test_stripe_events_are_believed_for_five_minutes_either_way(
    off_s: int, *, is_refused: bool
) -> None:
    clock = FixedClock((NOW_S + off_s) * SECOND_US)
    one = provider("stripe", clock=clock)

    if not is_refused:
        assert one.read(genuine("stripe")).event_id == "evt_1Qr8"
        return
    with pytest.raises(NotificationRefused) as refused:
        one.read(genuine("stripe"))
    assert refused.value.reason == "timestamp"


def test_any_signature_of_stripe_may_be_the_genuine_one() -> None:
    body = recorded("stripe-session-paid")
    ours = stripe_signature("whsec_test_secret", NOW_S, body)
    old = stripe_signature("whsec_old", NOW_S, body)
    header = f"t={NOW_S},v1={old},v0={ours},v1={ours}"

    said = provider("stripe").read(posted(b"stripe-signature", header, body))

    assert said.event_id == "evt_1Qr8"


@pytest.mark.parametrize(
    "header",
    [
        "",
        "v1={ours}",
        "t=,v1={ours}",
        "t=x,v1={ours}",
        "t=1700000000.0,v1={ours}",
        "t=-1700000000,v1={ours}",
        "t=١٧٠٠٠٠٠٠٠٠,v1={ours}",
        "t=9999999999999999999999,v1={ours}",
        "t=1700000000,t=1700000000,v1={ours}",
        "t=1700000001,v1={ours}",
        "t=1700000000,v0={ours}",
        "t=1700000000,v1=",
        "t=1700000000,v1=é",
        "t=1700000000,v1={ours}0",
        "t=1700000000," + "v2=x," * 2000 + "v1={ours}",
    ],
)
def test_headers_that_are_not_stripes_are_refused(header: str) -> None:
    body = recorded("stripe-session-paid")
    ours = stripe_signature("whsec_test_secret", NOW_S, body)

    given = posted(b"stripe-signature", header.replace("{ours}", ours), body)

    assert refusal("stripe", given) == "signature"


@pytest.mark.parametrize("name", NAMES)
def test_a_stand_in_does_not_believe_live_and_live_not_the_stand_in(name: str) -> None:
    with pytest.raises(NotificationRefused) as refused:
        stand_in(name).read(genuine(name))

    assert refused.value.reason == "signature"
