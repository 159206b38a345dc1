"""Every request that our code makes of Stripe is made here, and the vendor's own mock accepts each.

stripe-mock holds a request's parameters to Stripe's OpenAPI document: one that is unknown, missing or of
the wrong type is refused. It is taken where TEST_STRIPE_MOCK or the PATH has it (`make stripe-mock-check`
builds it); that each call of the library is made here needs no mock.
"""

import ast
import asyncio
import contextlib
import os
import shutil
import sys
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path
from types import FrameType
from typing import Any

import httpx
import pytest

from billing.ledger.price import Price
from billing.providers.abilities import (
    Charged,
    ChargeRequest,
    CustomerErasure,
    CustomerRequest,
    Customers,
    Declined,
    Listing,
    Previewing,
    Refunding,
    RefundRequest,
    SavedPayments,
    SavingRequest,
    SetupChecking,
    SharedTokens,
    Steering,
    SteerRequest,
    TokenCharge,
    TokenCharged,
    TokenDeclined,
    WantedPrice,
    WantedSetup,
    ability,
)
from billing.providers.stripe import provider as stripe_provider
from billing.providers.stripe.calls import StripeCalls
from billing.providers.stripe.objects import API_VERSION
from kernel.clock import SECOND_US, FixedClock
from tests.support.plain_http import http_client
from tests.support.ports import free_port
from tests.support.providers import ORDER_ID, provider, wish
from tests.support.stripe_api import customers, refunds, subscriptions, tokens
from tests.support.stripe_api.catalog import make_price
from tests.support.stripe_api.params import decoded
from tests.support.stripe_api.server import Asked, StripeApi, serving
from tests.support.stripe_api.webhooks import make_endpoint

FOLDER = Path(stripe_provider.__file__).parent
DAY_US = 86_400 * SECOND_US
PRICED = "currency=usd&recurring[interval]=month&product_data[name]=Credit"
Line = tuple[str, int]


async def ask_all(stripe: StripeCalls, stand_in: StripeApi) -> None:
    """Each ability once, with all that it may say."""
    await pay_once(stripe, stand_in)
    await bill_once(stripe, stand_in)
    await check_setup(stripe, stand_in)
    await refund(stripe, stand_in)
    await list_payments(stripe, stand_in)
    await steer(stripe, stand_in)
    await charge_saved_cards(stripe, stand_in)
    await charge_tokens(stripe, stand_in)


async def pay_once(stripe: StripeCalls, stand_in: StripeApi) -> None:
    now_s = stand_in.account.now_s
    made = await stripe.open(
        wish(customer_email="payer@example.com", expires_at=(now_s + 3600) * SECOND_US)
    )
    assert await stripe.close(ORDER_ID, made.ref)
    await stripe.inquire(ORDER_ID, made.ref)
    plan = wish(
        kind="subscription",
        order_id="ord_plan",
        price=Price(1500, "USD"),
        discount=500,
        interval="month",
    )
    session = await stripe.open(plan)
    assert stand_in.pay(session.ref)
    customer = stand_in.account.every("customer")[-1]["id"]
    await stripe.portal(customer, "https://shop.example/account")
    intent = stand_in.account.every("payment_intent")[-1]["id"]
    assert await stripe.linked([intent])


async def bill_once(stripe: StripeCalls, stand_in: StripeApi) -> None:
    makes = ability(stripe, Customers)  # type: ignore[type-abstract]
    assert makes is not None
    payer = "payer@example.com"
    customer = await makes.make_customer(CustomerRequest("cus/1", "acc_1", "staging", payer))
    made = await stripe.open(
        wish(kind="invoice", order_id="ord_invoice", customer_ref=customer, customer_email=payer)
    )
    await stripe.inquire("ord_invoice", made.ref)


async def check_setup(stripe: StripeCalls, stand_in: StripeApi) -> None:
    checks = ability(stripe, SetupChecking)  # type: ignore[type-abstract]
    assert checks is not None
    hook = "https://topup.example/payment/webhook/stripe"
    make_endpoint(
        stand_in.account, decoded(f"url={hook}&enabled_events[]=*&api_version={API_VERSION}")
    )
    price = make_price(stand_in.account, decoded(f"{PRICED}&unit_amount=1000"))["id"]
    plan = WantedPrice("pro", "month", price, Price(1000, "USD"))
    found = await checks.check_setup(WantedSetup(is_live=False, notify_url=hook, prices=(plan,)))
    assert [one.about for one in found if one.is_well] == [one.about for one in found]


async def refund(stripe: StripeCalls, stand_in: StripeApi) -> None:
    refunding = ability(stripe, Refunding)  # type: ignore[type-abstract]
    assert refunding is not None
    account = stand_in.account
    session = account.every("checkout.session", mode="subscription")[-1]
    single = await stripe.open(wish(order_id="ord_single"))
    assert stand_in.pay(single.ref)
    paid = account.every("payment_intent", metadata={"order_id": "ord_single"})[-1]
    refs = (session["invoice"], single.ref, paid["id"], paid["latest_charge"])
    for number, ref in enumerate(refs):
        price = Price(100, "USD")
        asked = RefundRequest(f"rfd_{number}", "ord_1", ref, None, price, price, "asked")
        word = await refunding.refund(asked)
        assert await refunding.find_refund(asked) == word
        named = replace(asked, provider_refund_id=word.provider_refund_id)
        assert await refunding.find_refund(named) == word


async def list_payments(stripe: StripeCalls, stand_in: StripeApi) -> None:
    listing = ability(stripe, Listing)  # type: ignore[type-abstract]
    assert listing is not None
    charge = stand_in.account.every("charge")[-1]["id"]
    refunds.make_refund(stand_in.account, decoded(f"charge={charge}&amount=100"))
    refunds.dispute(stand_in.account, charge)
    now_us = stand_in.account.now_s * SECOND_US
    cursor: str | None = None
    while True:
        page = await listing.list_payments(now_us - DAY_US, now_us + DAY_US, cursor)
        cursor = page.next_cursor
        if cursor is None:
            break


async def steer(stripe: StripeCalls, stand_in: StripeApi) -> None:
    steering = ability(stripe, Steering)  # type: ignore[type-abstract]
    preview = ability(stripe, Previewing)  # type: ignore[type-abstract]
    assert steering is not None
    assert preview is not None
    account = stand_in.account
    one = account.every("subscription")[-1]
    old = one["items"]["data"][0]["price"]["id"]
    dearer = make_price(account, decoded(f"{PRICED}&unit_amount=9000"))["id"]
    cheaper = make_price(account, decoded(f"{PRICED}&unit_amount=500"))["id"]
    stand_in.pass_time(86_400)
    await steering.standing(one["id"])
    up = SteerRequest(one["id"], "change", "up", dearer, old, is_charged_now=True)
    await preview.preview(up)
    assert (await steering.steer(up)).product_ref == dearer
    down = SteerRequest(one["id"], "change", "down", cheaper, dearer)
    assert (await steering.steer(down)).product_ref == cheaper
    yearly = decoded(f"{PRICED}&unit_amount=5000".replace("month", "year"))
    year = make_price(account, yearly)["id"]
    longer = SteerRequest(one["id"], "change", "longer", year, cheaper, is_charged_now=True)
    assert (await steering.steer(longer)).product_ref == year
    shorter = SteerRequest(one["id"], "change", "shorter", cheaper, year, is_at_end=True)
    assert (await steering.steer(shorter)).product_ref == cheaper
    again = replace(shorter, key="again", product_ref=dearer)
    assert (await steering.steer(again)).product_ref == dearer
    pause = SteerRequest(
        one["id"], "pause", "pause", resumes_at=(account.now_s + 86_400) * SECOND_US
    )
    assert pause.is_reached(await steering.steer(pause))
    one = account.find("subscription", one["id"])
    assert one["pause_collection"] == {"behavior": "void", "resumes_at": account.now_s + 86_400}
    assert (await steering.steer(SteerRequest(one["id"], "resume", "go"))).status == "active"
    assert one["pause_collection"] is None
    one["status"] = "paused"  # by Stripe's own pause, which the operator pressed there
    assert (await steering.steer(SteerRequest(one["id"], "resume", "up"))).status == "active"
    assert (await steering.steer(SteerRequest(one["id"], "cancel", "end"))).is_ending
    assert not (await steering.steer(SteerRequest(one["id"], "resume", "on"))).is_ending
    day = account.now_s + 86_400
    subscriptions.update(account, decoded(f"cancel_at={day}"), one["id"])
    assert not (await steering.steer(SteerRequest(one["id"], "resume", "dated"))).is_ending
    ended = await steering.steer(SteerRequest(one["id"], "cancel_now", "over"))
    assert ended.status == "cancelled"


async def charge_saved_cards(stripe: StripeCalls, stand_in: StripeApi) -> None:
    cards = ability(stripe, SavedPayments)  # type: ignore[type-abstract]
    assert cards is not None
    account = stand_in.account
    customer = await cards.new_customer("acc_1", "payer@example.com")
    await cards.save_page(
        SavingRequest("try_1", customer, "https://shop.example/1", "https://shop.example/2")
    )
    assert stand_in.pay(account.every("checkout.session")[-1]["id"])
    (card,) = await cards.saved(customer)
    request = ChargeRequest("ord_again", customer, card.ref, Price(1000, "USD"), "Credit")
    made = await cards.charge(request)
    assert isinstance(made, Charged)
    assert await cards.charged(request, account.now_s * SECOND_US) == made
    await stripe.inquire("ord_again", made.ref)
    assert not await cards.give_up(made.ref)
    asking = customers.save_card(account, customer, customers.ASKS_EACH_TIME)
    refused = await cards.charge(replace(request, order_id="ord_asks", method_ref=asking["id"]))
    assert isinstance(refused, Declined)
    assert refused.reason == "authentication_required"
    assert refused.ref is not None
    assert await cards.give_up(refused.ref)
    await cards.forget(card.ref)
    erases = ability(stripe, CustomerErasure)  # type: ignore[type-abstract]
    assert erases is not None
    await erases.erase_customer(customer)
    await erases.erase_customer(customer)


async def charge_tokens(stripe: StripeCalls, stand_in: StripeApi) -> None:
    shared = ability(stripe, SharedTokens)  # type: ignore[type-abstract]
    assert shared is not None
    account, price = stand_in.account, Price(1000, "USD")
    token = tokens.grant(account, 1000)
    assert await shared.find_token(token) is not None
    made = await shared.charge_token(TokenCharge("mpy_1", token, price, "Credit"))
    assert isinstance(made, TokenCharged)
    assert await shared.token_charged("mpy_1", made.ref) == made
    assert await shared.token_charged("mpy_1", None) == made
    asking = tokens.grant(account, 1000, customers.ASKS_EACH_TIME)
    refused = await shared.charge_token(TokenCharge("mpy_2", asking, price, "Credit"))
    assert refused == TokenDeclined("authentication_required")


def calls_of_the_library() -> set[Line]:
    """Where our code calls Stripe's library: files and first lines."""
    found: set[Line] = set()
    for path in FOLDER.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            match node:
                case ast.Call(func=ast.Attribute(attr=name)) if name.endswith("_async"):
                    found.add((path.name, node.lineno))
    return found


@contextlib.contextmanager
def lines_run() -> Iterator[set[Line]]:
    """The lines of Stripe's folder that ran within."""
    run: set[Line] = set()

    def trace(frame: FrameType, event: str, _: Any) -> Any:
        path = Path(frame.f_code.co_filename)
        if path.parent != FOLDER:
            return None
        run.add((path.name, frame.f_lineno))
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        yield run
    finally:
        sys.settrace(before)


@contextlib.asynccontextmanager
async def asked_all(clock: FixedClock) -> AsyncIterator[tuple[list[Asked], set[Line]]]:
    """What the stand-in was asked, and the lines that asked."""
    async with serving(clock) as stand_in, http_client() as client:
        settings = {
            "api_base": stand_in.url,
            "secret_key": stand_in.account.secret_key,
            "profile_id": "profile_ours",
        }
        stripe = provider("stripe", environment="staging", client=client, clock=clock, **settings)
        assert isinstance(stripe, StripeCalls)
        with lines_run() as run:
            await ask_all(stripe, stand_in)
        yield stand_in.asked, run


@pytest.mark.long
async def test_every_call_of_stripes_library_is_made_here(clock: FixedClock) -> None:
    async with asked_all(clock) as (_, run):
        not_made = calls_of_the_library() - run

    assert not_made == set(), "give ask_all the ability that makes these calls"


async def test_the_vendors_mock_accepts_every_request(clock: FixedClock) -> None:
    binary = os.environ.get("TEST_STRIPE_MOCK") or shutil.which("stripe-mock")
    if binary is None:
        pytest.skip("no stripe-mock")
    async with asked_all(clock) as (asked, _), mock(binary) as client:
        refused = [
            (one.method, one.path, one.form, answer.text)
            for one in asked
            # Of a preview of the API, which the mock does not know.
            if "shared_payment" not in f"{one.path}{one.form}"
            and (answer := await send(client, one)).status_code != 200
        ]
        nonsense = Asked("POST", "/v1/customers", "no_such_parameter=1", None)
        assert (await send(client, nonsense)).status_code == 400

    assert refused == []


async def send(client: httpx.AsyncClient, one: Asked) -> httpx.Response:
    headers = {"Authorization": "Bearer sk_test_123"}
    if one.method == "GET":
        return await client.get(f"{one.path}?{one.form}", headers=headers)
    headers["Content-Type"] = "application/x-www-form-urlencoded"
    return await client.request(one.method, one.path, headers=headers, content=one.form)


@contextlib.asynccontextmanager
async def mock(binary: str) -> AsyncIterator[httpx.AsyncClient]:
    """The mock on a free port, once it answers."""
    port = free_port()
    process = await asyncio.create_subprocess_exec(
        binary,
        "-http-addr",
        f"127.0.0.1:{port}",
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        assert process.stdout is not None
        async for line in process.stdout:
            if b"Listening" in line:
                break
        async with httpx.AsyncClient(
            base_url=f"http://127.0.0.1:{port}", trust_env=False
        ) as client:
            yield client
    finally:
        process.kill()
        await process.communicate()
