"""Stripe's stand-in itself, through Stripe's own library: what the whole lives rely on."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
import pytest_asyncio
import stripe

from billing.providers.stripe.api import StripeApi as Asking
from kernel.clock import FixedClock
from tests.support.plain_http import http_client
from tests.support.stripe_api import customers
from tests.support.stripe_api.server import StripeApi, serving


@pytest_asyncio.fixture
async def stand_in(clock: FixedClock) -> AsyncIterator[StripeApi]:
    async with serving(clock) as opened:
        yield opened


@pytest_asyncio.fixture
async def v1(stand_in: StripeApi) -> AsyncIterator[Any]:
    """Stripe's library as the gateway has it."""
    async with http_client() as client:
        yield Asking(stand_in.account.secret_key, stand_in.url, client).v1


async def test_an_idempotency_key_gives_its_first_answer_and_refuses_other_parameters(
    stand_in: StripeApi, v1: Any
) -> None:
    once = {"idempotency_key": "key-1"}
    first = await v1.customers.create_async({"email": "a@example.com"}, once)
    again = await v1.customers.create_async({"email": "a@example.com"}, once)
    with pytest.raises(stripe.IdempotencyError):
        await v1.customers.create_async({"email": "b@example.com"}, once)

    stand_in.pass_time(86_400)
    later = await v1.customers.create_async({"email": "b@example.com"}, once)
    assert (again.id, later.id != first.id) == (first.id, True)


async def test_an_answer_that_was_lost_is_had_by_asking_again(stand_in: StripeApi, v1: Any) -> None:
    stand_in.faults.add("lost")
    made = await v1.customers.create_async({"email": "a@example.com"})

    assert [one["id"] for one in stand_in.account.every("customer")] == [made.id]
    assert len(stand_in.asked) == 2


async def test_a_card_that_its_bank_refuses_is_a_card_error_with_the_intent(
    stand_in: StripeApi, v1: Any
) -> None:
    payer = await v1.customers.create_async({})
    codes: list[str | None] = []
    for number in (customers.DECLINED_LATER, customers.ASKS_EACH_TIME):
        card = customers.save_card(stand_in.account, payer.id, number)
        with pytest.raises(stripe.CardError) as refused:
            await v1.payment_intents.create_async(
                {
                    "amount": 1000,
                    "currency": "usd",
                    "customer": payer.id,
                    "payment_method": card["id"],
                    "confirm": True,
                    "off_session": True,
                }
            )
        codes.append(refused.value.code)
        assert refused.value.error is not None
        intent = refused.value.error.payment_intent
        assert intent is not None
        assert intent.status == "requires_payment_method"

    assert codes == ["card_declined", "authentication_required"]


async def test_a_list_is_read_page_by_page_the_newest_first(v1: Any) -> None:
    made = [(await v1.customers.create_async({})).id for _ in range(3)]
    page = await v1.customers.list_async({"limit": 2})

    assert (page.has_more, [one.id async for one in page.auto_paging_iter()]) == (
        True,
        made[::-1],
    )


async def test_events_are_signed_as_stripes_library_checks_them(
    stand_in: StripeApi, v1: Any
) -> None:
    told: list[stripe.Event] = []

    async def hear(request: httpx.Request) -> httpx.Response:
        header = request.headers["stripe-signature"]
        construct: Any = stripe.Webhook.construct_event
        told.append(construct(request.content, header, "whsec_standin", tolerance=None))
        return httpx.Response(200)

    await v1.customers.create_async({})
    async with httpx.AsyncClient(transport=httpx.MockTransport(hear)) as client:
        assert await stand_in.deliver(client, "http://gateway.example/hook") == [200]

    assert [event.type for event in told] == ["customer.created"]
