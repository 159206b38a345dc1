"""clients/python pays without an account: the x402 package signs, the gateway has it settled.

tests/clients/x402_day.ts does the same in TypeScript, with the package's own scheme.
"""

import asyncio

import pytest
from topup_gateway import AsyncClient, BadRequest, Client, Conflict, TopUpFailed
from topup_gateway.x402 import sign, sign_sync
from x402 import x402ClientSync

from tests.support.facilitator import FacilitatorService
from tests.support.gateway import Gateway
from tests.support.machine_payer import Wallet, plain_client
from tests.support.paying import delivered_cents, findings

EMAIL = "user@example.com"


async def test_a_signed_call_is_charged_once_however_often_it_is_made(
    live: tuple[Gateway, FacilitatorService],
) -> None:
    gateway, facilitator = live
    async with AsyncClient(gateway.url) as client:
        call = await sign(
            client,
            plain_client(Wallet()),
            platform="claude",
            amount_cents=1000,
            recipient_email=EMAIL,
        )
        assert not facilitator.charged
        bought, again = await client.run(call), await client.run(call)

    assert bought.code == 1001
    assert bought.data.voucher_code is not None
    assert bought.data.payment is not None
    assert bought.data.payment.state == "paid"
    assert again.data == bought.data
    assert list(facilitator.charged.values()) == [1]
    assert await delivered_cents(gateway) == 1000
    assert await findings(gateway) == []


async def test_a_payment_of_the_same_name_is_the_same_top_up(
    live: tuple[Gateway, FacilitatorService],
) -> None:
    gateway, facilitator = live
    wallet = Wallet()

    def buy(amount_cents: int) -> str | None:
        payer = x402ClientSync()
        payer.set_spend_controls(False)
        payer.register("eip155:*", wallet)
        with Client(gateway.url) as client:
            call = sign_sync(
                client,
                payer,
                payment_id="wish-1-of-agent7",
                platform="claude",
                amount_cents=amount_cents,
                recipient_email=EMAIL,
            )
            return client.run(call).transaction_id

    first = await asyncio.to_thread(buy, 1000)
    second = await asyncio.to_thread(buy, 1000)
    with pytest.raises(Conflict):
        await asyncio.to_thread(buy, 1200)

    assert first == second
    assert list(facilitator.charged.values()) == [1]


async def test_what_cannot_be_bought_is_refused_before_a_payment_is_signed(
    live: tuple[Gateway, FacilitatorService],
) -> None:
    gateway, facilitator = live
    payer = plain_client(Wallet())
    async with AsyncClient(gateway.url) as client:
        with pytest.raises(BadRequest):
            await sign(client, payer, platform="cluade", amount_cents=1000, recipient_email=EMAIL)
        failing = await sign(
            client,
            payer,
            platform="claude",
            amount_cents=1000,
            recipient_email="failed@sandbox.test",
            environment="staging",
        )
        with pytest.raises(TopUpFailed):
            await client.run(failing)

    assert not facilitator.charged
