"""Gateways whose live payments are settled by a facilitator of ours, or by a stand-in of Stripe."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio

from kernel.clock import FixedClock
from tests.support.card_shop import CardShop
from tests.support.facilitator import FacilitatorService
from tests.support.gateway import Gateway, running, settings_of
from tests.support.paying import PAY_TO
from tests.support.stripe_api.server import serving


@pytest_asyncio.fixture
async def live(
    database_url: str, tmp_path: Path
) -> AsyncIterator[tuple[Gateway, FacilitatorService]]:
    """A gateway whose live payments are settled by a facilitator of ours."""
    with FacilitatorService() as facilitator:
        settings = settings_of(
            database_url,
            tmp_path,
            x402_facilitator_url=facilitator.url,
            x402_pay_to=PAY_TO,
            x402_network="eip155:8453",
        )
        async with running(settings) as gateway:
            yield gateway, facilitator


@pytest_asyncio.fixture
async def shop(database_url: str, tmp_path: Path, clock: FixedClock) -> AsyncIterator[CardShop]:
    async with serving(clock) as stripe:
        settings = settings_of(
            database_url, tmp_path, stripe_profile_id="profile_ours", **stripe.settings("live")
        )
        async with running(settings, clock) as gateway:
            yield CardShop(gateway, stripe, clock)
