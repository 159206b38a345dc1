"""POST /x402/topup paid by card: the protocol authors' own client pays, and one payment is one top-up."""

import asyncio
import json
from pathlib import Path

import httpx
import pytest
from mpp import Challenge, Receipt

from kernel.clock import SystemClock
from tests.support.card_payer import SHOWN, card_client
from tests.support.card_shop import PATH, CardShop, challenge_of, problem_of
from tests.support.gateway import Gateway, running, settings_of
from tests.support.paying import BODY, delivered_cents, findings, make_due, rows, sweep
from tests.support.stripe_api import customers, tokens
from tests.support.stripe_api.server import serving


async def test_the_authors_own_client_pays_by_card(database_url: str, tmp_path: Path) -> None:
    async with serving(SystemClock()) as stripe:
        settings = settings_of(
            database_url, tmp_path, stripe_profile_id="profile_ours", **stripe.settings("live")
        )
        async with running(settings) as gateway:
            asked = await gateway.client.post(PATH, json=BODY)
            async with card_client(
                gateway.url, lambda cents: tokens.grant(stripe.account, cents)
            ) as client:
                paid = await client.post(PATH, json=BODY)
            charges = stripe.account.every("charge")
            (row,) = await rows(gateway)
            delivered = await delivered_cents(gateway)
            wrong = await findings(gateway)

    challenge = challenge_of(asked)
    assert (challenge.method, challenge.intent) == ("stripe", "charge")
    assert challenge.request == {
        "amount": "1000",
        "currency": "usd",
        "methodDetails": {"networkId": "profile_ours", "paymentMethodTypes": ["card"]},
    }
    assert challenge.header is None
    told = paid.json()
    assert (paid.status_code, told["code"], told["status"]) == (200, 1001, "delivered")
    assert told["data"]["voucher_code"] is not None
    receipt = Receipt.from_payment_receipt(paid.headers["payment-receipt"])
    assert (receipt.status, receipt.method) == ("success", "stripe")
    assert (
        receipt.reference == told["data"]["payment"]["settlement"] == charges[0]["payment_intent"]
    )
    assert "private" in paid.headers["cache-control"]
    assert [one["amount"] for one in charges] == [1000]
    assert charges[0]["metadata"] == {"payment_id": row.id, "origin": "machine_payment"}
    assert "user@example.com" not in json.dumps(charges)
    assert (row.protocol, row.state, row.payer) == ("mpp", "paid", "spt_…0001")
    # What was shown can be charged: it lies sealed alone.
    assert "spt_000001" not in repr(row)
    assert (delivered, wrong) == (1000, [])


async def test_a_repeated_payment_is_the_same_top_up_and_only_its_challenge_shows_the_code(
    shop: CardShop,
) -> None:
    challenge, token = await shop.ask(), shop.grant()(1000)
    paid = await shop.show(challenge, token)

    repeated = await shop.show(challenge, token)
    other_token = await shop.show(challenge, shop.grant()(1000))
    other_challenge = await shop.show(await shop.ask(), token)
    other_body = await shop.show(challenge, token, recipient_email="me@example.com")

    assert (paid.status_code, paid.json()["code"]) == (200, 1001)
    assert repeated.json()["data"] == paid.json()["data"]
    assert other_token.json()["data"] == paid.json()["data"]
    assert other_challenge.json()["transaction_id"] == paid.json()["transaction_id"]
    assert other_challenge.json()["data"]["voucher_code"] is None
    assert (other_body.status_code, other_body.json()["code"]) == (409, 2006)
    assert other_body.json()["data"]["error"]["param"] == "Authorization"
    assert shop.charged == [1000]
    assert await findings(shop.gateway) == []


async def test_a_challenge_ends_and_a_known_payment_does_not(shop: CardShop) -> None:
    late, kept = await shop.ask(), await shop.ask()
    token = shop.grant()(1000)
    paid = await shop.show(kept, token)
    shop.pass_time(900)

    refused = await shop.show(late, shop.grant()(1000))
    repeated = await shop.show(kept, token)

    assert problem_of(refused) == "payment-expired"
    assert repeated.json()["data"] == paid.json()["data"]
    assert shop.charged == [1000]


@pytest.mark.parametrize(
    ("number", "reason"),
    [
        (customers.DECLINED, "card_declined"),
        (customers.NO_FUNDS, "insufficient_funds"),
        (customers.ASKS_EACH_TIME, "authentication_required"),
    ],
)
async def test_a_declined_card_is_told_and_another_token_pays(
    shop: CardShop, number: str, reason: str
) -> None:
    challenge, token = await shop.ask(), shop.grant(number)(1000)

    declined = await shop.show(challenge, token)
    asked = len(shop.stripe.asked)
    again = await shop.show(challenge, token)
    is_asked = len(shop.stripe.asked) > asked
    paid = await shop.pay()

    assert problem_of(declined) == problem_of(again) == "verification-failed"
    assert reason in declined.json()["data"]["error"]["detail"]
    assert not is_asked
    assert {one["status"] for one in shop.stripe.account.every("payment_intent")} <= {
        "succeeded",
        "canceled",
        "requires_payment_method",
    }
    assert (paid.status_code, shop.charged) == (200, [1000])
    assert sorted(one.state for one in await rows(shop.gateway)) == ["paid", "refused"]
    assert await findings(shop.gateway) == []


async def test_a_token_that_cannot_pay_is_refused_before_anything_is_kept(shop: CardShop) -> None:
    used = shop.grant()(1000)
    tokens.use(shop.stripe.account, used, 1000)
    cases = {
        "token_unknown": "spt_999999",
        "token_ended": used,
        "token_limit": shop.grant()(999),
        "token_currency": shop.grant(currency="eur")(1000),
        "token_expired": shop.grant(life_s=0)(1000),
    }

    for reason, token in cases.items():
        answer = await shop.show(await shop.ask(), token)
        assert problem_of(answer) == "verification-failed"
        assert reason in answer.json()["data"]["error"]["detail"]
    shop.stripe.faults.add("error", "/v1/shared_payment", times=9, method="GET")
    down = await shop.show(await shop.ask(), shop.grant()(1000))

    assert (down.status_code, down.json()["code"]) == (503, 4005)
    assert (shop.charged, await rows(shop.gateway)) == ([], [])


async def test_an_answer_that_was_lost_is_asked_for_and_never_charged_again(shop: CardShop) -> None:
    shop.stripe.faults.add("lost", "/v1/payment_intents", times=3, method="POST")

    pending = await shop.pay()
    (lost,) = await rows(shop.gateway)
    await make_due(shop.gateway)
    await asyncio.gather(sweep(shop.gateway), sweep(shop.gateway))
    (ended,) = await rows(shop.gateway)

    assert (pending.status_code, pending.json()["code"]) == (202, 1002)
    assert pending.json()["data"]["payment"]["state"] == "settling"
    assert "payment-receipt" not in pending.headers
    assert (lost.state, lost.is_lost) == ("unknown", True)
    assert ended.state == "paid"
    assert (shop.charged, await delivered_cents(shop.gateway)) == ([1000], 1000)
    assert await findings(shop.gateway) == []


async def test_a_key_that_is_refused_after_a_lost_answer_does_not_lose_the_charge(
    shop: CardShop,
) -> None:
    """The library itself repeats what was lost, and hears another refusal than the one that counts."""
    shop.stripe.faults.add("lost", "/v1/payment_intents", method="POST")
    shop.stripe.faults.add("locked", "/v1/payment_intents", method="POST")

    pending = await shop.pay()
    (lost,) = await rows(shop.gateway)
    await make_due(shop.gateway)
    await sweep(shop.gateway)

    (ended,) = await rows(shop.gateway)
    assert (pending.json()["code"], lost.state, ended.state) == (1002, "unknown", "paid")
    assert (shop.charged, await delivered_cents(shop.gateway)) == ([1000], 1000)


async def test_a_decline_whose_answer_was_lost_is_believed_when_it_is_said_again(
    shop: CardShop,
) -> None:
    shop.stripe.faults.add("lost", "/v1/payment_intents", times=3, method="POST")

    await shop.pay(customers.DECLINED)
    await make_due(shop.gateway)
    await sweep(shop.gateway)

    (ended,) = await rows(shop.gateway)
    assert (ended.state, ended.detail) == ("refused", "card_declined")
    assert shop.charged == []


async def test_after_the_challenges_end_nothing_is_charged_and_what_was_is_found(
    shop: CardShop,
) -> None:
    """Stripe charged and answered 500, which it repeats under the same key for a day."""
    shop.stripe.faults.add("error_after", "/v1/payment_intents", method="POST")
    await shop.pay()
    await make_due(shop.gateway)
    await sweep(shop.gateway)
    (before,) = await rows(shop.gateway)

    shop.pass_time(900)
    await make_due(shop.gateway)
    await sweep(shop.gateway)

    (after,) = await rows(shop.gateway)
    assert (before.state, after.state) == ("unknown", "paid")
    assert (shop.charged, await delivered_cents(shop.gateway)) == ([1000], 1000)
    assert await findings(shop.gateway) == []


async def test_what_never_reached_stripe_waits_for_a_person(shop: CardShop) -> None:
    shop.stripe.faults.add("error", "/v1/payment_intents", times=6, method="POST")
    await shop.pay()
    shop.pass_time(900)
    await make_due(shop.gateway)
    await sweep(shop.gateway)

    (asked,) = await rows(shop.gateway)
    # Stripe's search may lag: it is asked again for an hour and a half.
    shop.pass_time(5_401)
    await make_due(shop.gateway)
    await sweep(shop.gateway)

    (stuck,) = await rows(shop.gateway)
    assert (asked.state, asked.needs_review) == ("unknown", False)
    assert stuck.needs_review
    assert stuck.detail == "the provider's search shows no charge of it yet"
    assert shop.charged == []


async def test_six_of_one_payment_at_once_are_one_charge(shop: CardShop) -> None:
    challenge, token = await shop.ask(), shop.grant()(1000)

    answers = await asyncio.gather(
        *(shop.show(challenge, token) for _ in range(6)), sweep(shop.gateway)
    )

    told = [one.json() for one in answers if isinstance(one, httpx.Response)]
    assert {one["code"] for one in told} == {1001}
    assert len({one["transaction_id"] for one in told}) == 1
    assert (shop.charged, await delivered_cents(shop.gateway)) == ([1000], 1000)


async def test_a_key_beside_it_buys_in_its_own_account(gateway: Gateway) -> None:
    account_id = await gateway.account()
    key = await gateway.key(account_id)
    bearer = {"Authorization": f"Bearer {key}"}

    asked = await gateway.client.post(PATH, json=BODY, headers=bearer)
    async with card_client(gateway.url, lambda _: "spt_0123456789", headers=bearer) as client:
        paid = await client.post(PATH, json=BODY)
    status = await gateway.call("GET", f"/topup/status/{paid.json()['transaction_id']}", key=key)

    challenges = asked.headers.get_list("www-authenticate")
    assert [Challenge.from_www_authenticate(one).header for one in challenges] == [
        "Payment-Authorization"
    ]
    # Both ways stand side by side in the sandbox.
    assert "payment-required" in asked.headers
    assert (paid.status_code, paid.json()["code"]) == (200, 1001)
    assert set(paid.extensions[SHOWN]) == {"authorization", "payment-authorization"}
    assert status.json()["data"]["voucher_code"] == paid.json()["data"]["voucher_code"]
    assert await findings(gateway) == []


async def test_what_waits_for_a_person_says_so(gateway: Gateway) -> None:
    account_id = await gateway.account()
    key = await gateway.key(account_id, approval_threshold_cents=999)
    bearer = {"Authorization": f"Bearer {key}"}

    async with card_client(gateway.url, lambda _: "spt_0123456789", headers=bearer) as client:
        paid = await client.post(PATH, json=BODY)
    told = paid.json()
    poll = {one["rel"]: one["href"] for one in told["data"]["links"]}
    status = await gateway.client.get(poll["poll"].partition("?")[0], headers=bearer)

    assert (paid.status_code, told["code"], told["status"]) == (202, 3006, "pending")
    assert told["data"]["next_action"] == "poll"
    assert told["data"]["approval"]["id"] in poll["approval"]
    assert paid.headers["location"] in poll["poll"]
    assert paid.headers["retry-after"] == "30"
    # Paid, though a person may still say no: then it comes back.
    assert "payment-receipt" in paid.headers
    assert status.json()["data"]["status"] == "pending"


async def test_the_sandbox_declines_on_request_and_gives_back_what_failed(gateway: Gateway) -> None:
    async with card_client(gateway.url, lambda _: "spt_declined_1") as client:
        declined = await client.post(PATH, json=BODY)
    async with card_client(gateway.url, lambda _: "spt_0123456789") as client:
        failed = await client.post(PATH, json={**BODY, "recipient_email": "failed@sandbox.test"})

    assert problem_of(declined) == "verification-failed"
    told = failed.json()
    assert (failed.status_code, told["code"]) == (422, 3005)
    assert told["data"]["refund"]["voucher_code"] is not None
    # Paid, and given back: no receipt goes with an error.
    assert "payment-receipt" not in failed.headers
    assert await findings(gateway) == []


async def test_what_was_paid_is_told_though_no_such_payment_is_taken_any_more(
    database_url: str, tmp_path: Path
) -> None:
    body = {**BODY, "recipient_email": "failed@sandbox.test", "environment": "staging"}
    async with (
        running(settings_of(database_url, tmp_path)) as gateway,
        card_client(gateway.url, lambda _: "spt_0123456789") as client,
    ):
        paid = await client.post(PATH, json=body)

    settings = settings_of(database_url, tmp_path, self_serve_staging=False)
    async with running(settings) as gateway:
        again = await gateway.client.post(PATH, json=body, headers=paid.extensions[SHOWN])
        new = await gateway.client.post(PATH, json=body)

    assert again.json()["data"]["refund"] == paid.json()["data"]["refund"]
    assert (new.status_code, new.json()["code"]) == (503, 4005)
