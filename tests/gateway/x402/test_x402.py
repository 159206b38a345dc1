"""POST /x402/topup: the authors' own client pays, and one payment is one top-up."""

import asyncio
import base64
import json
import secrets
from pathlib import Path

import httpx
import pytest
from msgspec.structs import replace
from x402.extensions.payment_identifier import append_payment_identifier_to_extensions
from x402.schemas import PaymentCreationContext

from billing.machine_payments.payment import MACHINE_ACCOUNT
from billing.topups import platform_rows
from billing.topups.fulfilment import Settle
from kernel.tenant import Tenant
from store.database import Transaction
from tests.support.facilitator import FacilitatorService
from tests.support.gateway import Gateway, running, settings_of
from tests.support.machine_payer import SHOWN, Wallet, payer_client, paying, plain_client
from tests.support.paying import (
    BODY,
    PAY_TO,
    again,
    decoded,
    delivered_cents,
    findings,
    pay,
    rows,
    sweep,
)


async def test_the_price_is_asked_and_the_packages_own_client_pays_it(
    live: tuple[Gateway, FacilitatorService],
) -> None:
    gateway, facilitator = live
    asked = await gateway.client.post("/x402/topup", json=BODY)
    wallet = Wallet()

    paid = await pay(gateway, wallet)

    error = asked.json()["data"]["error"]
    assert (asked.status_code, asked.json()["code"], error["next_action"]) == (402, 2013, "pay")
    required = decoded(asked.headers["payment-required"])
    assert required["accepts"] == error["accepts"]
    assert required["extensions"]["payment-identifier"]["info"] == {"required": True}
    # $10.00 in the six decimals of USDC.
    assert required["accepts"][0]["amount"] == "10000000"
    assert (required["accepts"][0]["payTo"], required["accepts"][0]["network"]) == (
        PAY_TO,
        "eip155:8453",
    )
    told = paid.json()
    assert (paid.status_code, told["code"], told["status"]) == (200, 1001, "delivered")
    assert told["data"]["voucher_code"] is not None
    assert told["data"]["payment"]["state"] == "paid"
    settled = decoded(paid.headers["payment-response"])
    assert settled["success"]
    assert settled["payer"] == wallet.address.lower()
    assert settled["transaction"] == told["data"]["payment"]["settlement"]
    assert list(facilitator.charged.values()) == [1]
    assert await delivered_cents(gateway) == 1000
    assert await findings(gateway) == []


async def test_the_plain_client_pays_with_the_hook_that_the_guide_names(gateway: Gateway) -> None:
    client = plain_client(Wallet())

    async def add_identifier(context: PaymentCreationContext) -> None:
        declared = getattr(context.payment_required, "extensions", None)
        append_payment_identifier_to_extensions(declared or {})

    client.on_before_payment_creation(add_identifier)
    async with paying(gateway.url, client) as http:
        paid = await http.post("/x402/topup", json=BODY)
    async with paying(gateway.url, plain_client(Wallet())) as http:
        without = await http.post("/x402/topup", json=BODY)

    assert (paid.status_code, paid.json()["code"]) == (200, 1001)
    assert decoded(paid.extensions[SHOWN])["extensions"]["bazaar"]["info"]["input"]["body"] == BODY
    assert (without.status_code, without.json()["code"]) == (422, 2007)
    assert "payment-identifier" in without.json()["data"]["error"]["detail"]


async def test_a_repeated_payment_is_the_same_top_up_and_only_its_identifier_shows_the_code(
    live: tuple[Gateway, FacilitatorService],
) -> None:
    gateway, facilitator = live
    # As short as the reference takes it.
    paid = await pay(gateway, identifier="wish-1-of-agent7")
    public = decoded(paid.extensions[SHOWN])
    public["extensions"]["payment-identifier"]["info"]["id"] = "pay_" + "f" * 32
    header = base64.b64encode(json.dumps(public).encode()).decode()

    repeated = await again(gateway, paid)
    stranger = await gateway.client.post(
        "/x402/topup", json=BODY, headers={"PAYMENT-SIGNATURE": header}
    )
    other_body = await again(gateway, paid, recipient_email="me@example.com")
    signed_anew = await pay(gateway, identifier="wish-1-of-agent7")

    assert repeated.json()["data"] == paid.json()["data"]
    assert stranger.json()["transaction_id"] == paid.json()["transaction_id"]
    assert stranger.json()["data"]["voucher_code"] is None
    assert stranger.json()["data"]["claim_url"] is None
    assert (other_body.status_code, other_body.json()["code"]) == (409, 2006)
    # Another authorization under the same identifier is the same wish: it is not charged.
    assert signed_anew.json()["transaction_id"] == paid.json()["transaction_id"]
    assert list(facilitator.charged.values()) == [1]
    assert await delivered_cents(gateway) == 1000


@pytest.mark.parametrize("recipient", ["user@example.com", "failed@sandbox.test"])
async def test_an_identifier_that_can_be_guessed_shows_codes_only_with_the_same_signature(
    gateway: Gateway, recipient: str
) -> None:
    guessable = "order-2026-11-25-0001"
    paid = await pay(gateway, identifier=guessable, recipient_email=recipient)
    forged = decoded(paid.extensions[SHOWN])
    forged["payload"]["signature"] = "0x" + "1b" * 65
    header = base64.b64encode(json.dumps(forged).encode()).decode()
    body = {**BODY, "recipient_email": recipient}

    stranger = await pay(gateway, Wallet(), identifier=guessable, recipient_email=recipient)
    garbage = await gateway.client.post(
        "/x402/topup", json=body, headers={"PAYMENT-SIGNATURE": header}
    )
    repeated = await again(gateway, paid)

    assert _codes(repeated) == _codes(paid) != {None}
    for one in (stranger, garbage):
        assert one.json()["code"] == paid.json()["code"]
        assert one.json()["transaction_id"] == paid.json()["transaction_id"]
        assert _codes(one) == {None}
        hint = paid.json()["data"]["voucher_code_hint"]
        assert one.json()["data"]["voucher_code_hint"] == hint


@pytest.mark.parametrize(
    ("identifier", "is_shown"),
    [
        (f"pay_{secrets.token_hex(16)}", True),
        (secrets.token_hex(32), True),
        (f"pay_{secrets.token_hex(15)}", False),
        ("20261125" * 4, False),
        ("order_" + "0" * 26 + "2026ab", False),
        ("the-order-of-ann-at-acme-example-of-today", False),
    ],
    ids=["128 bits", "256 bits", "120 bits", "a date", "a number", "words"],
)
async def test_a_new_signature_shows_codes_only_under_128_random_bits(
    gateway: Gateway, identifier: str, *, is_shown: bool
) -> None:
    paid = await pay(gateway, identifier=identifier)
    signed_anew = await pay(gateway, identifier=identifier)

    assert signed_anew.json()["transaction_id"] == paid.json()["transaction_id"]
    assert _codes(signed_anew) == (_codes(paid) if is_shown else {None})
    assert len(await rows(gateway, "staging")) == 1


def _codes(answer: httpx.Response) -> set[str | None]:
    """What can be spent, or leads to it."""
    data = answer.json()["data"]
    refund = data["refund"] or {}
    return {data["voucher_code"], data["claim_url"], refund.get("voucher_code")}


async def test_what_was_paid_and_cannot_be_delivered_comes_back_as_a_code(gateway: Gateway) -> None:
    paid = await pay(gateway, recipient_email="failed@sandbox.test")
    repeated = await again(gateway, paid)
    account_id = await gateway.account(email="payer@example.com")
    key = await gateway.key(account_id)

    told = paid.json()
    assert (paid.status_code, told["code"]) == (422, 3005)
    code = told["data"]["refund"]["voucher_code"]
    assert told["data"]["refund"]["amount_cents"] == 1000
    assert repeated.json()["data"]["refund"]["voucher_code"] == code
    redeemed = await gateway.call("POST", "/codes/redeem", key=key, json={"code": code})
    assert redeemed.json()["data"]["balance_cents"] == 1_001_000
    assert await findings(gateway) == []


@pytest.mark.parametrize("change", ["no supplier", "smaller limits", "no platform"])
async def test_what_was_paid_is_told_though_it_is_not_offered_any_more(
    gateway: Gateway, change: str
) -> None:
    paid = await pay(gateway, recipient_email="failed@sandbox.test", platform=" Claude ")
    code = paid.json()["data"]["refund"]["voucher_code"]

    async def work(tx: Transaction) -> None:
        if change == "no supplier":
            await platform_rows.set_suppliers(tx, "staging", "claude", [])
        elif change == "smaller limits":
            row = await platform_rows.get_platform(tx, "staging", "claude")
            smaller = replace(row, min_amount_cents=100, max_amount_cents=200)
            await platform_rows.put_platform(tx, smaller, is_new=False)
        else:
            await tx.execute("DELETE FROM platforms WHERE id = 'claude'")
            await platform_rows.raise_version(tx)

    await gateway.context.database.transaction(work)
    await gateway.context.suppliers.refresh()
    repeated = await again(gateway, paid)
    other = await again(gateway, paid, amount_cents=1_100)
    anew = await gateway.client.post("/x402/topup", json=BODY)

    assert code is not None
    assert (repeated.status_code, repeated.json()["code"]) == (422, 3005)
    assert repeated.json()["data"]["refund"]["voucher_code"] == code
    assert (other.status_code, other.json()["code"]) == (409, 2006)
    assert anew.status_code == 422


async def test_a_top_up_that_fails_later_comes_back_too(gateway: Gateway) -> None:
    paid = await pay(gateway, recipient_email="pending@sandbox.test")
    topup_id = paid.json()["transaction_id"]
    await gateway.context.engine.submit(
        Settle(
            topup_id=topup_id,
            tenant=Tenant(MACHINE_ACCOUNT, "staging"),
            outcome="failed",
            reason="out of stock",
        )
    )

    await asyncio.gather(sweep(gateway), again(gateway, paid), sweep(gateway))
    after = await again(gateway, paid)

    assert (paid.status_code, paid.json()["code"]) == (202, 1002)
    assert (after.status_code, after.json()["code"]) == (422, 3005)
    assert after.json()["data"]["refund"]["voucher_code"] is not None
    assert await findings(gateway) == []


async def test_an_account_that_spent_what_came_back_owes_the_payer_s_code(gateway: Gateway) -> None:
    account_id = await gateway.account()
    key = await gateway.key(account_id)
    header = {"Authorization": f"Bearer {key}"}
    body = {**BODY, "recipient_email": "pending@sandbox.test"}
    async with payer_client(gateway.url, Wallet()) as client:
        paid = await client.post("/x402/topup", json=body, headers=header)
    await gateway.context.engine.submit(
        Settle(
            topup_id=paid.json()["transaction_id"],
            tenant=Tenant(account_id, "staging"),
            outcome="failed",
            reason="out of stock",
        )
    )
    # $10,010.00 are there, of which $10.00 are the payer's; all but $5.00 is spent before that is noted.
    for cents in [100_000] * 10 + [500]:
        order = {**BODY, "amount_cents": cents}
        spent = await gateway.call("POST", "/topup/send", key=key, json=order)

    shown = {"PAYMENT-SIGNATURE": paid.extensions[SHOWN]}
    told = await gateway.client.post("/x402/topup", json=body, headers=header | shown)
    balance = await gateway.call("GET", "/topup/balance", key=key)

    assert (paid.status_code, spent.json()["code"]) == (202, 1001)
    assert (told.status_code, told.json()["code"]) == (422, 3005)
    assert told.json()["data"]["refund"]["voucher_code"] is not None
    found = balance.json()["data"]
    assert (found["balance_cents"], found["owed_cents"]) == (0, 500)
    assert await findings(gateway) == []


async def test_an_intent_is_met_without_a_second_payment(gateway: Gateway) -> None:
    intent = "wish-of-2026-11-23"
    account_id = await gateway.account()
    key = await gateway.key(account_id)
    sent = await gateway.call("POST", "/topup/send", key=key, json={**BODY, "intent": intent})

    stranger = await gateway.client.post("/x402/topup", json={**BODY, "intent": intent})
    owner = await gateway.client.post(
        "/x402/topup",
        json={**BODY, "intent": intent},
        headers={"Authorization": f"Bearer {key}"},
    )
    paid = await pay(gateway, intent="wish-of-a-machine-1")
    met = await gateway.client.post("/x402/topup", json={**BODY, "intent": "wish-of-a-machine-1"})
    other = await gateway.client.post(
        "/x402/topup", json={**BODY, "amount_cents": 1100, "intent": "wish-of-a-machine-1"}
    )

    # An account's intent is met with its token alone.
    assert stranger.status_code == 402
    assert owner.json()["transaction_id"] == sent.json()["transaction_id"]
    assert owner.json()["data"]["voucher_code"] == sent.json()["data"]["voucher_code"]
    assert met.json()["transaction_id"] == paid.json()["transaction_id"]
    assert met.json()["data"]["voucher_code"] is None
    assert (other.status_code, other.json()["code"]) == (409, 2006)


async def test_a_key_beside_the_payment_has_it_made_in_its_own_account(gateway: Gateway) -> None:
    account_id = await gateway.account()
    key = await gateway.key(account_id, per_call_cents=1500)
    header = {"Authorization": f"Bearer {key}"}
    async with payer_client(gateway.url, Wallet()) as client:
        paid = await client.post("/x402/topup", json=BODY, headers=header)
    async with payer_client(gateway.url, Wallet()) as client:
        above = await client.post(
            "/x402/topup", json={**BODY, "amount_cents": 2000}, headers=header
        )

    status = await gateway.call("GET", f"/topup/status/{paid.json()['transaction_id']}", key=key)
    balance = await gateway.call("GET", "/topup/balance", key=key)
    assert status.json()["code"] == 1001
    assert balance.json()["data"]["balance_cents"] == 1_000_000
    # Refused before anything is charged.
    assert (above.status_code, above.json()["code"]) == (402, 2008)
    assert [one.state for one in await rows(gateway, "staging")] == ["paid"]
    assert await findings(gateway) == []


@pytest.mark.one_database
async def test_what_is_wrong_is_refused_before_anything_is_charged(
    live: tuple[Gateway, FacilitatorService],
) -> None:
    gateway, facilitator = live
    cheat, late, early = Wallet(), Wallet(), Wallet()
    cheat.changes = {"value": "1"}
    late.changes = {"validBefore": "1"}
    early.changes = {"validAfter": "99999999999"}

    refused = {
        "amount": await pay(gateway, cheat),
        "late": await pay(gateway, late),
        "early": await pay(gateway, early),
        "platform": await gateway.client.post("/x402/topup", json={**BODY, "platform": "nope"}),
        "range": await gateway.client.post("/x402/topup", json={**BODY, "amount_cents": 1}),
        "short": await pay(gateway, identifier="pay_short_of_16"),
        "long id": await pay(gateway, identifier="a" * 129),
        "characters": await pay(gateway, identifier="pay_" + "ü" * 16),
        "soup": await gateway.client.post(
            "/x402/topup", json=BODY, headers={"PAYMENT-SIGNATURE": "soup"}
        ),
        "long": await gateway.client.post(
            "/x402/topup", json=BODY, headers={"PAYMENT-SIGNATURE": "a" * 20_000}
        ),
    }

    assert {name: one.json()["code"] for name, one in refused.items()} == {
        "amount": 2013,
        "late": 2013,
        "early": 2013,
        "platform": 2003,
        "range": 2005,
        "short": 2007,
        "long id": 2007,
        "characters": 2007,
        "soup": 2007,
        "long": 2007,
    }
    assert facilitator.charged == {}
    assert await rows(gateway) == []


async def test_money_of_a_test_network_buys_nothing_live(database_url: str, tmp_path: Path) -> None:
    with FacilitatorService() as facilitator:
        settings = settings_of(
            database_url,
            tmp_path,
            x402_facilitator_url=facilitator.url,
            x402_pay_to=PAY_TO,
            x402_network="eip155:84532",
        )
        async with running(settings) as gateway:
            offered = await gateway.client.post("/x402/topup", json=BODY)
            live = await gateway.client.post("/x402/topup", json={**BODY, "environment": "live"})

    assert offered.json()["data"]["error"]["environment"] == "staging"
    assert (live.status_code, live.json()["code"]) == (422, 2007)
