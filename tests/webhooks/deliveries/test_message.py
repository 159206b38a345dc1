import json
import time
from collections.abc import Sequence

import pytest
import standardwebhooks
import stripe

from kernel.trace import Span
from keys.signatures.signing import (
    ed25519_signature,
    new_webhook_secret,
    signer_of,
    stripe_signature,
)
from keys.vault import SealBroken, Vault
from tests.support.webhook_rows import new_vault
from webhooks.deliveries.message import (
    SecretCache,
    message_headers,
    settlement_of,
    shown_headers,
    stored_headers,
)
from webhooks.deliveries.sealed import (
    OlderSecret,
    SigningKey,
    sealed_headers,
    sealed_keys,
    sealed_older,
    sealed_secret,
)
from webhooks.deliveries.stage import Claimed, Target
from webhooks.http.transport import SendResult

NOW_US = 1_781_352_000_400_000
BODY = b'{"id":"evt_1"}'


def target(
    vault: Vault,
    secret: str,
    *,
    older: Sequence[OlderSecret] = (),
    headers: dict[str, str] | None = None,
    keys: Sequence[SigningKey] = (),
) -> Target:
    return Target(
        "we_1",
        "https://hooks.example.com/",
        sealed_secret(vault, "we_1", secret),
        sealed_older(vault, "we_1", older),
        max((one.until_us for one in older), default=None),
        sealed_headers(vault, "we_1", headers or {}),
        (0, 5, 30),
        None,
        None,
        sealed_keys(vault, "we_1", keys),
    )


def claimed(to: Target, *, number: int = 1) -> Claimed:
    return Claimed(
        "dlv_1", "evt_1", "topup.delivered", "acc_1", "live", number, 1, 0, NOW_US, to, BODY
    )


def signed(one: Claimed, vault: Vault, now_us: int = NOW_US) -> dict[str, str]:
    return dict(message_headers(one, SecretCache(vault).open(one.target), now_us=now_us))


def test_the_requests_id_and_trace_stand_beside_what_is_signed() -> None:
    vault = new_vault()
    # An endpoint of before may have headers of its own of these names: they are not sent.
    to = target(vault, new_webhook_secret(), headers={"x-request-id": "own", "X-Own": "1"})
    opened = SecretCache(vault).open(to)
    span = Span("order-77", "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7", "01", "rojo=1")

    plain = message_headers(claimed(to), opened, now_us=NOW_US)
    traced = message_headers(claimed(to), opened, now_us=NOW_US, span=span)

    # The rest, the signatures too, is as it is without them.
    assert [pair for pair in traced if pair not in plain] == [
        ("X-Request-Id", "order-77"),
        ("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"),
        ("tracestate", "rojo=1"),
    ]
    assert [pair for pair in traced if pair in plain] == plain
    assert [name for name, _ in plain if name.lower() == "x-request-id"] == []


def test_the_headers_are_the_contracts() -> None:
    vault = new_vault()

    headers = signed(claimed(target(vault, new_webhook_secret()), number=2), vault)

    assert list(headers) == [
        "Content-Type",
        "User-Agent",
        "X-AiTopUp-Event",
        "X-AiTopUp-Delivery",
        "X-AiTopUp-Attempt",
        "X-AiTopUp-Signature",
        "webhook-id",
        "webhook-timestamp",
        "webhook-signature",
    ]
    assert headers["Content-Type"] == "application/json"
    assert headers["User-Agent"] == "AiTopUp-Webhooks/1"
    assert headers["X-AiTopUp-Event"] == "topup.delivered"
    assert headers["X-AiTopUp-Delivery"] == "dlv_1"
    assert headers["X-AiTopUp-Attempt"] == "2"
    assert headers["webhook-id"] == "evt_1"
    assert headers["webhook-timestamp"] == "1781352000"
    assert headers["X-AiTopUp-Signature"].startswith("t=1781352000,v1=")


def test_while_a_rotation_overlaps_the_published_libraries_accept_both_secrets() -> None:
    vault = new_vault()
    new, old = new_webhook_secret(), new_webhook_secret()
    # The libraries compare the timestamp with the machine's clock.
    now_us = time.time_ns() // 1000
    one = claimed(target(vault, new, older=[OlderSecret(old, now_us + 1)]))

    headers = signed(one, vault, now_us)

    for secret in (new, old):
        assert stripe.WebhookSignature.verify_header(
            BODY.decode(), headers["X-AiTopUp-Signature"], secret, tolerance=300
        )
        assert standardwebhooks.Webhook(secret).verify(BODY, headers) == {"id": "evt_1"}


def test_every_older_secret_signs_until_its_own_overlap_ends() -> None:
    vault = new_vault()
    newest, middle, oldest = (new_webhook_secret() for _ in range(3))
    older = [OlderSecret(middle, NOW_US + 10), OlderSecret(oldest, NOW_US + 20)]
    one = claimed(target(vault, newest, older=older))

    def in_force(now_us: int) -> set[str]:
        # The timestamp's second is the same throughout, so a secret always makes the same one.
        signatures = signed(one, vault, now_us)["X-AiTopUp-Signature"].split(",")[1:]
        assert len(set(signatures)) == len(signatures)
        return {
            secret
            for secret in (newest, middle, oldest)
            if f"v1={stripe_signature(secret, 1_781_352_000, BODY)}" in signatures
        }

    assert in_force(NOW_US + 9) == {newest, middle, oldest}
    assert in_force(NOW_US + 10) == {newest, oldest}
    assert in_force(NOW_US + 20) == {newest}


def test_every_private_key_signs_until_its_own_overlap_ends_the_newest_first() -> None:
    vault = new_vault()
    keys = [SigningKey(b"n" * 32, None), SigningKey(b"o" * 32, NOW_US + 10)]
    one = claimed(target(vault, new_webhook_secret(), keys=keys))
    # Ed25519 makes the same signature of the same bytes each time.
    new, old = (ed25519_signature(signer_of(key.seed), b"evt_1.1781352000." + BODY) for key in keys)

    overlapping = signed(one, vault, NOW_US + 9)["webhook-signature"].split(" ")[1:]
    later = signed(one, vault, NOW_US + 10)["webhook-signature"].split(" ")[1:]
    without = signed(claimed(target(vault, new_webhook_secret())), vault)["webhook-signature"]

    assert overlapping == [f"v1a,{new}", f"v1a,{old}"]
    assert later == [f"v1a,{new}"]
    assert "v1a" not in without


def test_after_the_overlap_only_the_new_secret_signs() -> None:
    vault = new_vault()
    one = claimed(
        target(vault, new_webhook_secret(), older=[OlderSecret(new_webhook_secret(), NOW_US)])
    )

    headers = signed(one, vault)

    assert headers["X-AiTopUp-Signature"].count("v1=") == 1
    assert headers["webhook-signature"].count("v1,") == 1


def test_what_is_shown_is_what_was_sent_but_for_what_is_masked() -> None:
    vault = new_vault()
    to = target(vault, new_webhook_secret(), headers={"Authorization": "Bearer s3"})
    one = claimed(to, number=3)
    span = Span("order-77", "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7", "01", "rojo=1")
    sent = message_headers(one, SecretCache(vault).open(to), now_us=NOW_US, span=span)
    outcome = SendResult(200, None, None, {}, b"", False, None, {}, 0, 0)

    row = settlement_of(one, outcome, sent, ended_at_us=NOW_US).attempt.request_headers
    attempt = shown_headers(
        json.loads(row),
        delivery_id="dlv_1",
        event_id="evt_1",
        event_type="topup.delivered",
        number=3,
    )

    masked = {"X-AiTopUp-Signature", "webhook-signature", "Authorization", "tracestate"}
    assert list(attempt.items()) == [
        (name, "********" if name in masked else value) for name, value in sent
    ]
    # What the delivery tells is not kept a second time.
    assert json.loads(row) == {
        "webhook-timestamp": "1781352000",
        "X-Request-Id": "order-77",
        "traceparent": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        "tracestate": "********",
        "Authorization": "********",
    }


@pytest.mark.parametrize("change", ["another value", "another name", "fewer"])
def test_a_message_that_begins_otherwise_is_kept_whole(change: str) -> None:
    vault = new_vault()
    one = claimed(target(vault, new_webhook_secret()))
    sent = message_headers(one, SecretCache(vault).open(one.target), now_us=NOW_US)
    if change == "another value":
        sent[1] = ("User-Agent", "AiTopUp-Webhooks/2")
    elif change == "another name":
        sent[8] = ("webhook-signatures", sent[8][1])
    else:
        del sent[2:]

    found = json.loads(stored_headers(sent))

    assert list(found) == [name for name, _ in sent]
    assert (
        shown_headers(found, delivery_id="dlv_9", event_id="evt_9", event_type="ping", number=9)
        == found
    )


def test_a_keyring_never_takes_a_rotated_secret_for_the_one_before() -> None:
    vault = new_vault()
    secret_cache = SecretCache(vault)
    old, new = new_webhook_secret(), new_webhook_secret()

    assert secret_cache.open(target(vault, old)).secret.text == old
    assert secret_cache.open(target(vault, new)).secret.text == new


def test_a_keyring_is_bounded() -> None:
    vault = new_vault()
    secret_cache = SecretCache(vault, endpoints_max=2)

    for _ in range(5):
        secret_cache.open(target(vault, new_webhook_secret()))

    assert len(secret_cache._opened) == 2


def test_a_missing_master_key_is_told_apart() -> None:
    with pytest.raises(SealBroken):
        SecretCache(Vault([b"x" * 32])).open(target(new_vault(), new_webhook_secret()))


def test_an_attempt_starts_its_duration_before_its_end() -> None:
    vault = new_vault()
    outcome = SendResult(200, None, None, {}, b"ok", False, "192.0.2.1", {"dns": 0.1}, 10, 2_510)

    settlement = settlement_of(
        claimed(target(vault, new_webhook_secret())), outcome, [], ended_at_us=NOW_US
    )

    attempt = settlement.attempt
    assert (attempt.started_at, attempt.duration_us) == (NOW_US - 2_500, 2_500)
    assert attempt.timings_ms == '{"dns":0.1}'
    assert (settlement.status, settlement.next_attempt_at_us) == ("delivered", None)


def test_a_header_that_was_stored_with_an_underscore_is_sent_no_more() -> None:
    vault = new_vault()
    stored = {"Transfer_Encoding": "chunked", "X-Own": "1"}

    headers = signed(claimed(target(vault, new_webhook_secret(), headers=stored)), vault)

    assert headers["X-Own"] == "1"
    assert "Transfer_Encoding" not in headers
