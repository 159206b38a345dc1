"""What a supplier delivered reaches whoever may see it, everywhere, and nobody else."""

import json
from typing import Any

import pytest

from kernel.clock import FixedClock
from keys.signatures.signing import signature_headers
from runtime.setting_forms.groups import PlatformSetting
from tests.support.gateway import Gateway
from tests.support.gateway_worker import delivering
from tests.support.receiver import Receiver

SECRET = "whsec_" + "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="
SLOW = PlatformSetting(
    id="slow",
    fulfilment="http",
    options={"url": "https://service.example/topup", "secret": SECRET},
)
pytestmark = [
    pytest.mark.one_database,
    pytest.mark.fixed_clock,
    pytest.mark.gateway_settings(platforms=(SLOW,), webhook_allow_private=True),
]
SEND = {"platform": "slow", "amount_cents": 600, "recipient_email": "user@example.com"}
CODE = {
    "kind": "code",
    "value": "GIFT-7Q3X-9KVM",
    "redeem_url": "https://vendor.example/redeem?code=GIFT-7Q3X-9KVM",
    "instructions": "Enter GIFT-7Q3X-9KVM on the page.",
    "expires_at": "2027-01-01T00:00:00Z",
}
SHOWN = {
    "kind": "code",
    "value": "GIFT-7Q3X-9KVM",
    "value_hint": "9KVM",
    # A link that repeats the code is left out, since whoever reads the top-up sees it.
    "redeem_url": None,
    "instructions": "Enter **** on the page.",
    "expires_at": "2027-01-01T00:00:00Z",
}
HIDDEN = {**SHOWN, "value": None}
KEY = {"kind": "key", "value": 'sk-or-v1-"quoted"-0123456789'}


async def deliver(
    gateway: Gateway, clock: FixedClock, key: str, deliverable: dict[str, Any]
) -> str:
    """Sends, and settles as the supplier itself; returns the top-up's id."""
    sent = await gateway.call("POST", "/topup/send", key=key, json=SEND)
    topup_id = str(sent.json()["transaction_id"])
    word = {"transaction_id": topup_id, "status": "delivered", "deliverable": deliverable}
    body = json.dumps(word).encode()
    headers = signature_headers(
        secrets=[SECRET],
        message_id=topup_id,
        timestamp_s=clock.now_us() // 1_000_000,
        body=body,
    )
    answer = await gateway.call(
        "POST",
        f"/fulfilment/{topup_id}",
        content=body,
        headers={"Content-Type": "application/json", **headers},
    )
    assert answer.status_code == 200, answer.text
    return topup_id


async def test_a_code_is_shown_to_its_sender_and_hinted_at_to_a_reader(
    gateway: Gateway, clock: FixedClock
) -> None:
    account = await gateway.account()
    sender = await gateway.key(account, scopes=("topup:send", "topup:read", "webhooks:read"))
    reader = await gateway.key(account, scopes=("topup:read", "webhooks:read"))
    topup_id = await deliver(gateway, clock, sender, CODE)

    async def seen(key: str) -> list[tuple[Any, Any]]:
        status = (await gateway.call("GET", f"/topup/status/{topup_id}", key=key)).json()["data"]
        listed = (await gateway.call("GET", "/topup/history", key=key)).json()["data"]["items"]
        events = (await gateway.call("GET", "/events", key=key)).json()["data"]["items"]
        told = next(one["data"] for one in events if one["type"] == "topup.delivered")
        return [(one["voucher_code"], one["deliverable"]) for one in (status, listed[0], told)]

    assert await seen(sender) == [("GIFT-7Q3X-9KVM", SHOWN)] * 3
    assert await seen(reader) == [(None, HIDDEN)] * 3
    status = (await gateway.call("GET", f"/topup/status/{topup_id}", key=sender)).json()["data"]
    assert (status["new_balance_cents"], status["needs_review"]) == (0, False)
    assert (status["supplier"], status["cost_cents"]) == (None, None)


async def test_an_endpoint_gets_the_value_only_where_it_includes_codes(
    gateway: Gateway, clock: FixedClock
) -> None:
    account = await gateway.account()
    key = await gateway.key(account)
    async with Receiver() as told, Receiver() as plain:
        for receiver, has_codes in ((told, True), (plain, False)):
            body = {
                "url": receiver.url,
                "events": ["topup.delivered"],
                "include_codes": has_codes,
                "retry_schedule_s": [0],
            }
            made = await gateway.call("POST", "/webhooks/register", key=key, json=body)
            assert made.status_code < 300, made.text
        async with delivering(gateway):
            await deliver(gateway, clock, key, CODE)
            await deliver(gateway, clock, key, KEY)
            await told.at_least(2)
            await plain.at_least(2)

    def data(receiver: Receiver) -> list[tuple[Any, Any, Any]]:
        bodies = [json.loads(one.body)["data"] for one in receiver.received]
        bodies.sort(key=lambda one: one["deliverable"]["kind"])
        return [
            (one["voucher_code"], one["deliverable"]["kind"], one["deliverable"]["value"])
            for one in bodies
        ]

    assert data(told) == [("GIFT-7Q3X-9KVM", "code", "GIFT-7Q3X-9KVM"), (None, "key", KEY["value"])]
    assert data(plain) == [(None, "code", None), (None, "key", None)]


async def test_a_deliverable_that_cannot_be_kept_is_refused_and_settles_nothing(
    gateway: Gateway, clock: FixedClock
) -> None:
    key = await gateway.key(await gateway.account())
    with pytest.raises(AssertionError, match="2007"):
        await deliver(gateway, clock, key, {"kind": "code"})

    listed = (await gateway.call("GET", "/topup/history", key=key)).json()["data"]["items"]
    assert [one["status"] for one in listed] == ["pending"]
